// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scripted peer: building, decoding and printing packets (RFC 9293, 3.1, 3.2; RFC 7323, 3.2).
 */
#include <arpa/inet.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bytes.h"
#include "peer.h"
#include "sock.h"

/* Folded ones'-complement sum of @data added to @sum (RFC 1071), not inverted. */
uint16_t inet_sum(uint32_t sum, const uint8_t *data, int len)
{
	for (; len > 1; len -= 2, data += 2) {
		sum += get16(data);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	if (len)
		sum += data[0] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Sum of the pseudo-header (RFC 9293, 3.1; RFC 8200, 8.1). */
static uint32_t pseudo_sum(int family, const uint8_t *src, const uint8_t *dst, int proto, int len)
{
	int alen = family == AF_INET6 ? 16 : 4;
	uint32_t sum;

	sum = inet_sum(0, src, alen);
	sum = inet_sum(sum, dst, alen);
	return sum + (len >> 16) + (len & 0xffff) + proto;
}

const char *peer_ip(int family)
{
	return family == AF_INET6 ? "2001:db8::2" : "192.0.2.2";
}

const char *stack_ip(int family)
{
	return family == AF_INET6 ? "2001:db8::1" : "192.0.2.1";
}

void peer_addr(int family, const char *text, void *addr)
{
	if (inet_pton(family, text, addr) != 1) {
		printf("# not an address: %s\n", text);
		abort();
	}
}

/* Stream byte number @offset, counted from the byte after the SYN. */
uint8_t peer_pattern(uint32_t offset)
{
	return 'a' + (offset % 26) + (offset / 26 % 2 ? 'A' - 'a' : 0);
}

static int put_ts(uint8_t *at, uint32_t tsval, uint32_t tsecr)
{
	at[0] = OPT_TS;
	at[1] = 10;
	put32(at + 2, tsval);
	put32(at + 6, tsecr);
	return 10;
}

/* Options of the peer's own choice, in the usual order; padded to whole words with NOP. */
static int build_opts(struct peer *p, const struct seg *seg, uint8_t *at)
{
	bool syn = seg->flags & SYN;
	bool answer = syn && (seg->flags & ACK);
	uint32_t tsval = seg->set_ts ? seg->tsval : peer_tsval(p);
	uint32_t tsecr = seg->set_ts ? seg->tsecr : (seg->flags & ACK) ? p->ts_recent : 0;
	int n = 0, i;

	if (seg->opts) {
		memcpy(at, seg->opts, seg->optlen);
		n = seg->optlen;
		while (n % 4)
			at[n++] = OPT_EOL;
		return n;
	}
	if (seg->no_opts)
		return 0;
	if (syn && p->mss != MSS_NONE) {
		at[n++] = OPT_MSS;
		at[n++] = 4;
		put16(at + n, p->mss);
		n += 2;
	}
	if (syn && p->offer_sack && (!answer || p->sack_on)) {
		at[n++] = OPT_SACKOK;
		at[n++] = 2;
	}
	if (seg->set_ts || (syn && !answer ? p->offer_ts : p->ts_on && !(seg->flags & RST))) {
		while (n % 4 != 2)
			at[n++] = OPT_NOP;
		n += put_ts(at + n, tsval, tsecr);
	}
	if (syn && p->wscale != WS_NONE && (!answer || p->ws_on)) {
		at[n++] = OPT_NOP;
		at[n++] = OPT_WS;
		at[n++] = 3;
		at[n++] = p->wscale;
	}
	if (seg->nsack) {
		at[n++] = OPT_NOP;
		at[n++] = OPT_NOP;
		at[n++] = OPT_SACK;
		at[n++] = 2 + 8 * seg->nsack;
		for (i = 0; i < seg->nsack; i++, n += 8) {
			put32(at + n, p->rcv_nxt + seg->sack[i][0]);
			put32(at + n + 4, p->rcv_nxt + seg->sack[i][1]);
		}
	}
	while (n % 4)
		at[n++] = OPT_NOP;
	return n;
}

/* The IP header with its options at @pkt; returns its length. */
static int build_ip(struct peer *p, const struct seg *seg, uint8_t *pkt, int seglen)
{
	static const uint8_t nops[8] = { 1, 1, 1, 1, 1, 1, 1, 0 };
	/* After the next header byte: length 0 (8 bytes), PadN of 4 (RFC 8200, 4.2). */
	static const uint8_t padn[7] = { 0, 1, 4, 0, 0, 0, 0 };
	const uint8_t *ext = seg->ip_opts;
	int extlen = seg->ip_opts ? seg->ip_optlen : 0;
	int hlen;

	if (p->family == AF_INET) {
		if (seg->ip_options && !ext) {
			ext = nops;
			extlen = sizeof(nops);
		}
		hlen = 20 + extlen;
		memset(pkt, 0, 20);
		pkt[0] = 0x40 | hlen / 4;
		pkt[1] = seg->ecn;
		put16(pkt + 2, hlen + seglen);
		put16(pkt + 6, 0x4000);
		pkt[8] = 64;
		pkt[9] = xt_ipproto();
		peer_addr(AF_INET, seg->src ?: peer_ip(AF_INET), pkt + 12);
		peer_addr(AF_INET, seg->dst ?: stack_ip(AF_INET), pkt + 16);
		if (extlen)
			memcpy(pkt + 20, ext, extlen);
		put16(pkt + 10, ~inet_sum(0, pkt, hlen));
		return hlen;
	}
	if (seg->ip_options && !ext) {
		ext = padn;
		extlen = sizeof(padn);
	}
	hlen = 40 + (extlen ? extlen + 1 : 0);
	memset(pkt, 0, 40);
	pkt[0] = 0x60;
	pkt[1] = seg->ecn << 4;
	put16(pkt + 4, hlen - 40 + seglen);
	pkt[6] = !extlen ? xt_ipproto() : seg->hop_by_hop ? IPPROTO_HOPOPTS : IPPROTO_DSTOPTS;
	pkt[7] = 64;
	peer_addr(AF_INET6, seg->src ?: peer_ip(AF_INET6), pkt + 8);
	peer_addr(AF_INET6, seg->dst ?: stack_ip(AF_INET6), pkt + 24);
	if (extlen) {
		pkt[40] = xt_ipproto();
		memcpy(pkt + 41, ext, extlen);
	}
	return hlen;
}

/* A SYN is numbered from the ISS, so that the same script line repeats it. */
static uint32_t seg_seq(const struct peer *p, const struct seg *seg)
{
	if (seg->abs_seq)
		return seg->seq;
	return (seg->flags & SYN ? p->iss : p->snd_nxt) + seg->seq;
}

/**
 * peer_build() - bytes of the packet that @seg describes
 * @p: flow
 * @seg: script's segment
 * @pkt: room for 128 bytes and the payload
 *
 * Return: length.
 */
int peer_build(struct peer *p, const struct seg *seg, uint8_t *pkt)
{
	uint8_t scratch[128], *th, src[16], dst[16];
	uint32_t seq = seg_seq(p, seg), off, sum;
	int iphlen, optlen, len, i;
	uint8_t opts[64];

	optlen = build_opts(p, seg, opts);
	len = 20 + optlen + seg->len;
	if (seg->cut)
		len = seg->cut;
	iphlen = build_ip(p, seg, pkt, len);
	th = seg->cut ? scratch : pkt + iphlen;
	memset(th, 0, 20);
	put16(th, seg->sport ?: p->port);
	put16(th + 2, seg->dport ?: p->kport);
	put32(th + 4, seq);
	if (seg->abs_ack)
		put32(th + 8, seg->ack);
	else if (seg->flags & ACK)
		put32(th + 8, p->rcv_nxt + seg->ack);
	th[12] = (seg->doff ? seg->doff == -1 ? 0 : seg->doff : (20 + optlen) / 4) << 4;
	th[12] |= seg->reserved;
	th[13] = seg->flags;
	put16(th + 14, seg->win == WIN_ZERO ? 0 : seg->win ?: p->win);
	put16(th + 18, seg->urg);
	memcpy(th + 20, opts, optlen);
	off = seq - p->iss - 1 + !!(seg->flags & SYN);
	for (i = 0; i < seg->len && !seg->cut; i++)
		th[20 + optlen + i] = seg->data ? ((const uint8_t *)seg->data)[i] :
				      peer_pattern(off + i);
	peer_addr(p->family, seg->src ?: peer_ip(p->family), src);
	peer_addr(p->family, seg->dst ?: stack_ip(p->family), dst);
	sum = pseudo_sum(p->family, src, dst, seg->csum_proto ?: xt_ipproto(), len);
	put16(th + 16, ~inet_sum(sum, th, len) ^ seg->csum_xor);
	if (seg->cut)
		memcpy(pkt + iphlen, scratch, len);
	return iphlen + len;
}

/* RFC 9293, 3.2: kinds 0 and 1 are single bytes, the others carry their length. */
static const char *parse_opts(struct got *seen)
{
	const uint8_t *at = seen->opts, *end = at + seen->optlen;
	int i;

	while (at < end) {
		if (*at == OPT_EOL) {
			for (; at < end; at++)
				if (*at)
					return "padding after end-of-list is not zero";
			break;
		}
		if (*at == OPT_NOP) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at[1] > end - at)
			return "option runs past the header";
		if (*at == OPT_MSS && at[1] == 4) {
			seen->mss = get16(at + 2);
		} else if (*at == OPT_WS && at[1] == 3) {
			seen->wscale = at[2];
		} else if (*at == OPT_SACKOK && at[1] == 2) {
			seen->sackok = true;
		} else if (*at == OPT_TS && at[1] == 10) {
			seen->has_ts = true;
			seen->tsval = get32(at + 2);
			seen->tsecr = get32(at + 6);
		} else if (*at == OPT_SACK && at[1] >= 10 && at[1] <= 34 && at[1] % 8 == 2) {
			seen->nsack = (at[1] - 2) / 8;
			for (i = 0; i < seen->nsack; i++) {
				seen->sack[i][0] = get32(at + 2 + 8 * i);
				seen->sack[i][1] = get32(at + 6 + 8 * i);
				if ((int32_t)(seen->sack[i][1] - seen->sack[i][0]) <= 0)
					return "SACK block without ascending edges";
			}
		} else {
			return "an option of unknown kind or wrong length";
		}
		at += at[1];
	}
	return NULL;
}

/* What the device claimed it would do: finish the checksum the stack left partial. */
static void finish_csum(struct peer_link *link, uint8_t *ip, int len, const uint8_t *vnet)
{
	const struct virtio_net_hdr *vh = (const void *)vnet;
	uint16_t sum;

	if (!(vh->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return;
	link->finishes_csum = true;
	if (vh->csum_start + vh->csum_offset + 2 > len)
		return;
	sum = ~inet_sum(0, ip + vh->csum_start, len - vh->csum_start);
	put16(ip + vh->csum_start + vh->csum_offset, sum);
}

static bool parse_segment(struct got *seen, int family, uint8_t *ip, uint8_t *th, int len)
{
	int alen = family == AF_INET6 ? 16 : 4;
	uint8_t *src = family == AF_INET6 ? ip + 8 : ip + 12;
	uint32_t sum;

	seen->mss = -1;
	seen->wscale = -1;
	seen->bad = NULL;
	if (len < 20) {
		seen->bad = "shorter than the header";
		return true;
	}
	seen->sport = get16(th);
	seen->dport = get16(th + 2);
	seen->seq = get32(th + 4);
	seen->ack = get32(th + 8);
	seen->doff = th[12] >> 4;
	seen->reserved = th[12] & 0xf;
	seen->flags = th[13];
	seen->win = get16(th + 14);
	seen->urg = get16(th + 18);
	if (seen->doff < 5 || seen->doff * 4 > len) {
		seen->bad = "data offset";
		return true;
	}
	seen->optlen = seen->doff * 4 - 20;
	memcpy(seen->opts, th + 20, seen->optlen);
	seen->len = len - seen->doff * 4;
	seen->data = malloc(seen->len + 1);
	memcpy(seen->data, th + seen->doff * 4, seen->len);
	sum = pseudo_sum(family, src, src + alen, seen->proto, len);
	if (inet_sum(sum, th, len) != 0xffff)
		seen->bad = "wrong checksum";
	else if (seen->reserved)
		seen->bad = "reserved bits not zero";
	else
		seen->bad = parse_opts(seen);
	return true;
}

/**
 * peer_parse() - decode one packet of either direction
 * @link: device
 * @vnet: the packet is preceded by the device's offload header
 * @pkt: as read from the device
 * @len: its length
 * @seen: result; .bad says what is malformed
 *
 * Return: false if the packet is nothing a script is interested in (neighbour
 * discovery and the like).
 */
bool peer_parse(struct peer_link *link, bool vnet, uint8_t *pkt, int len, struct got *seen)
{
	uint8_t *ip = pkt, *th;
	int family, iplen, hlen;

	memset(seen, 0, sizeof(*seen));
	if (vnet) {
		ip += sizeof(struct virtio_net_hdr);
		len -= sizeof(struct virtio_net_hdr);
		finish_csum(link, ip, len, pkt);
	}
	if (len < 20)
		return false;
	family = ip[0] >> 4 == 6 ? AF_INET6 : AF_INET;
	if (family == AF_INET6) {
		if (len < 40)
			return false;
		hlen = 40;
		iplen = 40 + get16(ip + 4);
		seen->proto = ip[6];
		seen->ttl = ip[7];
		seen->tos = get16(ip) >> 4;
		seen->flow_label = get32(ip) & 0xfffff;
		inet_ntop(AF_INET6, ip + 8, seen->src, sizeof(seen->src));
		inet_ntop(AF_INET6, ip + 24, seen->dst, sizeof(seen->dst));
	} else {
		hlen = (ip[0] & 15) * 4;
		iplen = get16(ip + 2);
		seen->proto = ip[9];
		seen->ttl = ip[8];
		seen->tos = ip[1];
		seen->df = ip[6] & 0x40;
		inet_ntop(AF_INET, ip + 12, seen->src, sizeof(seen->src));
		inet_ntop(AF_INET, ip + 16, seen->dst, sizeof(seen->dst));
	}
	if (seen->proto == IPPROTO_DSTOPTS) {
		seen->proto = ip[40];
		hlen += 8 + ip[41] * 8;
	}
	if (hlen > iplen || iplen > len)
		return false;
	th = ip + hlen;
	if (seen->proto == IPPROTO_ICMP || seen->proto == IPPROTO_ICMPV6) {
		seen->is_icmp = true;
		seen->icmp_type = th[0];
		seen->icmp_code = th[1];
		/* Errors only: IPv4 unreachable, exceeded, parameter; IPv6 below 128. */
		if (family == AF_INET6)
			return th[0] < 128;
		return th[0] == 3 || th[0] == 11 || th[0] == 12;
	}
	if (seen->proto != IPPROTO_TCP && seen->proto != IPPROTO_XTCP)
		return false;
	if (seen->proto != xt_ipproto()) {
		parse_segment(seen, family, ip, th, iplen - hlen);
		seen->bad = "wrong IP protocol";
		return true;
	}
	if (iplen != len)
		seen->bad = "IP length";
	return parse_segment(seen, family, ip, th, iplen - hlen);
}

static int add(char *out, size_t size, int n, const char *text)
{
	return n + snprintf(out + n, size - n, "%s%s", n ? "," : "", text);
}

/**
 * opts_text() - a segment's options in the order of the wire, as tcpdump names them
 * @p: flow, for relative SACK edges
 * @seen: segment
 * @values: with the values of timestamps
 * @out: result
 * @size: its room
 */
void opts_text(const struct peer *p, const struct got *seen, bool values, char *out, size_t size)
{
	const uint8_t *at = seen->opts, *end = at + seen->optlen;
	char item[160];
	int n = 0, i, m;

	out[0] = 0;
	while (at < end) {
		if (*at == OPT_EOL) {
			add(out, size, n, "eol");
			break;
		}
		if (*at == OPT_NOP) {
			n = add(out, size, n, "nop");
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at[1] > end - at) {
			add(out, size, n, "?");
			break;
		}
		switch (*at) {
		case OPT_MSS:
			snprintf(item, sizeof(item), "mss %u", get16(at + 2));
			break;
		case OPT_WS:
			snprintf(item, sizeof(item), "wscale %u", at[2]);
			break;
		case OPT_SACKOK:
			strcpy(item, "sackOK");
			break;
		case OPT_TS:
			if (values)
				snprintf(item, sizeof(item), "TS val %u ecr %u",
					 get32(at + 2), get32(at + 6));
			else
				strcpy(item, "TS");
			break;
		case OPT_SACK:
			m = snprintf(item, sizeof(item), "sack");
			for (i = 0; i < seen->nsack; i++)
				m += snprintf(item + m, sizeof(item) - m, " %u:%u",
					      seen->sack[i][0] - p->iss - 1,
					      seen->sack[i][1] - p->iss - 1);
			break;
		default:
			snprintf(item, sizeof(item), "kind %u", at[0]);
		}
		n = add(out, size, n, item);
		at += at[1];
	}
}

const char *flags_text(uint8_t flags)
{
	static char text[12];
	static const struct { uint8_t bit; char sign; } sign[] = {
		{ SYN, 'S' }, { FIN, 'F' }, { PSH, 'P' }, { RST, 'R' },
		{ URG, 'U' }, { ECE, 'E' }, { CWR, 'W' }, { ACK, '.' },
	};
	unsigned int i;
	int n = 0;

	for (i = 0; i < sizeof(sign) / sizeof(sign[0]); i++)
		if (flags & sign[i].bit)
			text[n++] = sign[i].sign;
	if (!n)
		strcpy(text, "none");
	else
		text[n] = 0;
	return text;
}

/* The ECN field between a segment's flags and numbers. */
const char *ecn_text(uint8_t tos)
{
	static const char *const text[] = { "", " ect1,", " ect0,", " ce," };

	return text[tos & 3];
}

/**
 * got_text() - one packet as tcpdump would print it, numbers relative to the ISNs
 * @p: flow
 * @seen: packet
 * @out: result
 * @size: its room
 */
void got_text(const struct peer *p, const struct got *seen, char *out, size_t size)
{
	bool sent = strcmp(seen->src, stack_ip(p->family));
	uint32_t seq_base = sent ? p->iss : p->irs, ack_base = sent ? p->irs : p->iss;
	char opts[300], ack[32] = "", range[40];
	uint32_t seq = seen->seq - seq_base;

	if (seen->is_icmp) {
		snprintf(out, size, "%s > %s: ICMP type %u code %u", seen->src, seen->dst,
			 seen->icmp_type, seen->icmp_code);
		return;
	}
	opts_text(p, seen, true, opts, sizeof(opts));
	if (seen->flags & ACK)
		snprintf(ack, sizeof(ack), " ack %u,", seen->ack - ack_base);
	if (seen->len)
		snprintf(range, sizeof(range), "%u:%u", seq, seq + seen->len);
	else
		snprintf(range, sizeof(range), "%u", seq);
	snprintf(out, size,
		 "%s.%u > %s.%u: Flags [%s],%s seq %s,%s win %u,%s%s%s%s length %d (wire seq %u ack %u)%s%s",
		 seen->src, seen->sport, seen->dst, seen->dport, flags_text(seen->flags),
		 ecn_text(seen->tos),
		 range, ack, seen->win, seen->flags & URG ? " urg," : "",
		 *opts ? " options [" : "", opts, *opts ? "]," : "", seen->len,
		 seen->seq, seen->ack, seen->bad ? "  MALFORMED: " : "", seen->bad ?: "");
}
