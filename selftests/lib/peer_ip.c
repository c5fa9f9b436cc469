// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scripted peer: what IP does on the path: errors (RFC 792; RFC 4443) and fragments
 * (RFC 791, 3.2; RFC 8200, 4.5).
 */
#include <linux/virtio_net.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "bytes.h"
#include "peer.h"
#include "sock.h"

/* A header from @src to @dst at @at for @len bytes behind it; returns its length. */
static int put_ip(int family, uint8_t *at, int proto, const char *src, const char *dst, int len)
{
	if (family == AF_INET) {
		memset(at, 0, 20);
		at[0] = 0x45;
		put16(at + 2, 20 + len);
		put16(at + 6, 0x4000);
		at[8] = 64;
		at[9] = proto;
		peer_addr(AF_INET, src, at + 12);
		peer_addr(AF_INET, dst, at + 16);
		put16(at + 10, ~inet_sum(0, at, 20));
		return 20;
	}
	memset(at, 0, 40);
	at[0] = 0x60;
	put16(at + 4, len);
	at[6] = proto;
	at[7] = 64;
	peer_addr(AF_INET6, src, at + 8);
	peer_addr(AF_INET6, dst, at + 24);
	return 40;
}

/* The packet of @len bytes behind the room for a struct virtio_net_hdr in @buf. */
static void put_packet(struct peer *p, const uint8_t *buf, int len)
{
	int skip = sizeof(struct virtio_net_hdr);

	/* A device without that header of its own is not given one. */
	if (p->link->mode) {
		len += skip;
		skip = 0;
	}
	if (write(p->link->tun, buf + skip, len) != len)
		perror("# peer: write to TUN");
}

/**
 * peer_icmp() - put an ICMP error on the wire, with the first 28 (IPv6: 48) bytes quoted
 * @p: the flow whose segment is quoted
 * @error: what is wrong with it
 */
void peer_icmp(struct peer *p, const struct path_error *error)
{
	bool v6 = p->family == AF_INET6;
	int iphlen = v6 ? 40 : 20, len = 8 + iphlen + 8;
	uint8_t buf[sizeof(struct virtio_net_hdr) + 128] = {};
	uint8_t *pkt = buf + sizeof(struct virtio_net_hdr);
	uint8_t *msg = pkt + iphlen, *quote = msg + 8, *th = quote + iphlen;
	uint32_t sum = 0;

	put_ip(p->family, pkt, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, peer_ip(p->family),
	       stack_ip(p->family), len);
	put_ip(p->family, quote, xt_ipproto(), stack_ip(p->family), peer_ip(p->family),
	       (error->size ?: iphlen + 20) - iphlen);
	put16(th, error->sport ?: p->kport);
	put16(th + 2, p->port);
	put32(th + 4, p->rcv_nxt + error->seq);
	msg[0] = error->type;
	msg[1] = error->code;
	put32(msg + 4, error->info);
	if (v6) {
		/* The pseudo-header of RFC 8200, 8.1: both addresses, length, next header. */
		sum = inet_sum(0, pkt + 8, 32) + len + IPPROTO_ICMPV6;
	}
	put16(msg + 2, ~inet_sum(sum, msg, len));
	put_packet(p, buf, iphlen + len);
}

/* One fragment: @len bytes at @offset of the @total that follow the header of @whole. */
static void put_fragment(struct peer *p, const uint8_t *whole, int iphlen, int total, int offset,
			 int len, uint32_t id)
{
	static uint8_t buf[70000];
	uint8_t *pkt = buf + sizeof(struct virtio_net_hdr), *ext = pkt + iphlen;
	bool more = offset + len < total;

	memcpy(pkt, whole, iphlen);
	if (p->family == AF_INET) {
		put16(pkt + 2, iphlen + len);
		put16(pkt + 4, id);
		put16(pkt + 6, (more ? 0x2000 : 0) | offset / 8);
		put16(pkt + 10, 0);
		put16(pkt + 10, ~inet_sum(0, pkt, iphlen));
	} else {
		put16(pkt + 4, 8 + len);
		memset(ext, 0, 8);
		ext[0] = pkt[6];
		pkt[6] = IPPROTO_FRAGMENT;
		put16(ext + 2, offset | more);
		put32(ext + 4, id);
		ext += 8;
	}
	memcpy(ext, whole + iphlen + offset, len);
	put_packet(p, buf, ext + len - pkt);
}

/**
 * peer_send_pieces() - put one segment on the wire in IP fragments
 * @p: flow
 * @seg: what to send; without options or extension headers of IP
 * @size: bytes of each fragment, a multiple of 8; as much as there is: one fragment only
 * @reverse: the last one first
 * @overlap: bytes, a multiple of 8, of each fragment that the next one repeats
 *
 * Return: whether there was something to cut.
 */
bool peer_send_pieces(struct peer *p, const struct seg *seg, int size, bool reverse, int overlap)
{
	static uint8_t whole[70000];
	static uint32_t id = 1000;
	int iphlen = p->family == AF_INET6 ? 40 : 20;
	int total = peer_build(p, seg, whole) - iphlen;
	int step = size - overlap, nr = 1, i, at, len;

	while ((nr - 1) * step + size < total)
		nr++;
	id++;
	for (i = 0; i < nr; i++) {
		at = (reverse ? nr - 1 - i : i) * step;
		len = total - at < size ? total - at : size;
		put_fragment(p, whole, iphlen, total, at, len, id);
	}
	if (!seg->stray && !seg->seq)
		p->snd_nxt += seg->len + !!(seg->flags & SYN) + !!(seg->flags & FIN);
	return nr > 1;
}
