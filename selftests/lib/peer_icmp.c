// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scripted peer: ICMP errors that quote a segment of the stack's (RFC 792; RFC 4443).
 */
#include <linux/virtio_net.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "peer.h"
#include "sock.h"

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

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
	bool vnet = p->link->mode;
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
	len += iphlen;
	if (write(p->link->tun, vnet ? buf : pkt, vnet ? (pkt - buf) + len : len) < 0)
		perror("# peer: write to TUN");
}
