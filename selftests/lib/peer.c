// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scripted peer: the TUN device, flows, sending and expecting segments (RFC 9293, 3.4).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include "peer.h"
#include "sock.h"

#define SLOTS(member)	(sizeof(((struct peer_link *)0)->member) / \
			 sizeof(((struct peer_link *)0)->member[0]))
#define TRACE_LINES	SLOTS(trace)
#define INBOX_SLOTS	SLOTS(inbox)

/* The kernel's layout, which libc does not export. */
struct in6_ifreq_addr {
	struct in6_addr addr;
	uint32_t prefixlen;
	int ifindex;
};

/*
 * A test process ends with _exit(), which does not flush: keep lines whole and
 * in order with the harness's own.
 */
__attribute__((constructor)) static void line_buffered(void)
{
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
}

uint64_t peer_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000ull + now.tv_nsec / 1000;
}

static uint32_t random32(void)
{
	uint32_t value = 0;

	if (getrandom(&value, sizeof(value), 0) != sizeof(value))
		return peer_now_us();
	return value;
}

static bool complain(const char *what)
{
	printf("# peer: %s: %s\n", what, strerror(errno));
	return false;
}

static bool set_flags_up(int ctl, const char *name)
{
	struct ifreq req = {};

	strcpy(req.ifr_name, name);
	if (ioctl(ctl, SIOCGIFFLAGS, &req))
		return false;
	req.ifr_flags |= IFF_UP | IFF_RUNNING;
	return ioctl(ctl, SIOCSIFFLAGS, &req) == 0;
}

static bool set_ipv4(int ctl, const char *name)
{
	struct ifreq req = {};
	struct sockaddr_in *sin = (void *)&req.ifr_addr;

	strcpy(req.ifr_name, name);
	sin->sin_family = AF_INET;
	peer_addr(AF_INET, stack_ip(AF_INET), &sin->sin_addr);
	if (ioctl(ctl, SIOCSIFADDR, &req))
		return false;
	peer_addr(AF_INET, "255.255.255.0", &sin->sin_addr);
	return ioctl(ctl, SIOCSIFNETMASK, &req) == 0;
}

static bool set_ipv6(const char *name)
{
	struct in6_ifreq_addr req = { .prefixlen = 64 };
	int ctl = socket(AF_INET6, SOCK_DGRAM, 0);
	bool done;

	peer_addr(AF_INET6, stack_ip(AF_INET6), &req.addr);
	req.ifindex = if_nametoindex(name);
	done = ctl >= 0 && ioctl(ctl, SIOCSIFADDR, &req) == 0;
	close(ctl);
	return done;
}

/* The address is usable when a worker of the kernel has looked at it, without carrier or DAD. */
static bool wait_ipv6(void)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	int ctl = socket(AF_INET6, SOCK_DGRAM, 0), tries = 0;
	bool done;

	peer_addr(AF_INET6, stack_ip(AF_INET6), &sin6.sin6_addr);
	do {
		done = !bind(ctl, (void *)&sin6, sizeof(sin6));
		if (!done)
			usleep(1000);
	} while (!done && ++tries < 2000);
	close(ctl);
	return done || complain("IPv6 address");
}

static bool configure(const char *name, int mtu)
{
	int ctl = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq req = {};
	bool done;

	strcpy(req.ifr_name, name);
	req.ifr_mtu = mtu;
	done = ctl >= 0 && !ioctl(ctl, SIOCSIFMTU, &req) && set_flags_up(ctl, "lo") &&
	       set_ipv4(ctl, name) && set_flags_up(ctl, name) && set_ipv6(name);
	if (!done)
		complain("configuring the TUN device");
	close(ctl);
	return done;
}

/**
 * peer_open_link() - own namespace, TUN device, and one fresh flow
 * @p: flow to initialise
 * @family: AF_INET or AF_INET6
 * @mtu: of the device
 * @mode: LINK_*
 *
 * Return: false with a message when the environment does not allow it.
 */
bool peer_open_link(struct peer *p, int family, int mtu, unsigned int mode)
{
	struct peer_link *link = calloc(1, sizeof(*link));
	struct ifreq req = { .ifr_flags = IFF_TUN | IFF_NO_PI };

	memset(p, 0, sizeof(*p));
	if (unshare(CLONE_NEWNET))
		return complain("unshare(CLONE_NEWNET)");
	link->tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (link->tun < 0)
		return complain("/dev/net/tun");
	strcpy(req.ifr_name, "peer0");
	if (mode)
		req.ifr_flags |= IFF_VNET_HDR;
	if (ioctl(link->tun, TUNSETIFF, &req))
		return complain("TUNSETIFF");
	if (mode & LINK_CSUM && ioctl(link->tun, TUNSETOFFLOAD, TUN_F_CSUM))
		return complain("TUNSETOFFLOAD");
	if (!configure("peer0", mtu))
		return false;
	peer_sysctl("net/ipv4/conf/all/rp_filter", "0");
	peer_sysctl("net/ipv4/conf/peer0/rp_filter", "0");
	link->mtu = mtu;
	link->mode = mode;
	link->start_us = peer_now_us();
	p->link = link;
	p->family = family;
	p->mss = mtu - (family == AF_INET6 ? 60 : 40);
	p->wscale = 7;
	p->offer_ts = true;
	p->offer_sack = true;
	p->win = 65535;
	p->k_wscale = -1;
	peer_mark(p);
	peer_reset(p, PEER_PORT, SERVER_PORT);
	return wait_ipv6();
}

bool peer_open(struct peer *p, int family)
{
	return peer_open_link(p, family, PEER_MTU, 0);
}

void peer_close(struct peer *p)
{
	if (p->link)
		close(p->link->tun);
	p->link = NULL;
}

/**
 * peer_reset() - forget the connection and start a new incarnation with a new ISS
 * @p: flow
 * @port: the peer's port
 * @kport: the stack's port; 0: taken from the next SYN
 */
void peer_reset(struct peer *p, uint16_t port, uint16_t kport)
{
	p->port = port;
	p->kport = kport;
	p->iss = random32();
	p->snd_nxt = p->iss;
	p->rcv_nxt = 0;
	p->irs = 0;
	p->irs_known = false;
	p->ts_on = false;
	p->sack_on = false;
	p->ws_on = false;
	p->ts_recent = 0;
	p->ts_base = random32();
	p->ts_start_us = peer_now_us();
	p->rd_off = 0;
	p->wr_off = 0;
}

/* Another connection of the same peer over the same device. */
struct peer peer_flow(struct peer *p, uint16_t port)
{
	struct peer other = *p;

	peer_reset(&other, port, p->kport);
	return other;
}

/* The peer's timestamp clock: 1 ms from a random base (RFC 7323, 5.4). */
uint32_t peer_tsval(struct peer *p)
{
	return p->ts_base + (peer_now_us() - p->ts_start_us) / 1000;
}

void peer_mark(struct peer *p)
{
	p->mark_us = peer_now_us();
	p->last_us = p->mark_us;
}

static void trace(struct peer *p, const char *mark, const struct got *seen)
{
	struct peer_link *link = p->link;
	char *line = link->trace[link->ntrace++ % TRACE_LINES];
	char text[480];

	got_text(p, seen, text, sizeof(text));
	snprintf(line, sizeof(link->trace[0]), "%10.3f %s %s",
		 (seen->us - link->start_us) / 1e6, mark, text);
}

static void print_trace(struct peer *p)
{
	unsigned int n = p->link->ntrace, i = n > TRACE_LINES ? n - TRACE_LINES : 0;

	printf("#   packets so far (> sent by the peer, < by the stack):\n");
	for (; i < n; i++)
		printf("#     %s\n", p->link->trace[i % TRACE_LINES]);
}

/* Everything the device holds into the inbox; waits up to @us for the first packet. */
static void pump_once(struct peer *p, int64_t us)
{
	struct peer_link *link = p->link;
	struct pollfd pfd = { .fd = link->tun, .events = POLLIN };
	struct timespec ts = { us / 1000000, us % 1000000 * 1000 };
	static uint8_t pkt[66000];
	struct got *slot;
	int len;

	if (us < 0)
		ts = (struct timespec){};
	if (ppoll(&pfd, 1, &ts, NULL) <= 0)
		return;
	while ((len = read(link->tun, pkt, sizeof(pkt))) > 0) {
		if (link->tail - link->head == INBOX_SLOTS) {
			printf("# peer: inbox full, a packet is lost\n");
			return;
		}
		slot = &link->inbox[link->tail % INBOX_SLOTS];
		if (!peer_parse(link, link->mode, pkt, len, slot))
			continue;
		slot->us = peer_now_us();
		trace(p, "<", slot);
		link->tail++;
	}
}

static bool inbox_empty(struct peer *p)
{
	return p->link->head == p->link->tail;
}

static bool wait_packet(struct peer *p, uint64_t until_us)
{
	int64_t left;

	pump_once(p, 0);
	while (inbox_empty(p)) {
		left = until_us - peer_now_us();
		if (left <= 0)
			return false;
		pump_once(p, left);
	}
	return true;
}

/* Let time pass while packets keep their arrival times. */
void peer_pump(struct peer *p, int ms)
{
	uint64_t until = peer_now_us() + ms * 1000ull;
	int64_t left;

	do {
		left = until - peer_now_us();
		pump_once(p, left);
	} while (left > 0);
}

/* Discard what arrives within @ms; returns how many packets that was. */
int peer_drain(struct peer *p, int ms)
{
	int n;

	peer_pump(p, ms);
	n = p->link->tail - p->link->head;
	p->link->head = p->link->tail;
	return n;
}

/* poll(2) on a socket while packets keep their arrival times. */
bool peer_poll(struct peer *p, int fd, short events, int ms)
{
	uint64_t until = peer_now_us() + ms * 1000ull;
	struct pollfd pfd[2] = {
		{ .fd = fd, .events = events },
		{ .fd = p->link->tun, .events = POLLIN },
	};
	int64_t left;

	for (;;) {
		left = until - peer_now_us();
		poll(pfd, 2, left > 0 ? left / 1000 + 1 : 0);
		if (pfd[1].revents)
			pump_once(p, 0);
		if (pfd[0].revents)
			return true;
		if (left <= 0)
			return false;
	}
}

/**
 * peer_send() - put one segment on the wire
 * @p: flow
 * @seg: what to send
 */
void peer_send(struct peer *p, const struct seg *seg)
{
	static uint8_t buf[70000];
	uint8_t *pkt = buf + sizeof(struct virtio_net_hdr);
	struct virtio_net_hdr vnet = {};
	uint8_t *start = pkt;
	struct got sent;
	int len;

	/* What the stack emitted before this segment must not be timed after it. */
	pump_once(p, 0);
	if (seg->flags & SYN && !seg->stray && !seg->abs_seq && !seg->seq)
		p->snd_nxt = p->iss;
	len = peer_build(p, seg, pkt);
	if (peer_parse(p->link, false, pkt, len, &sent)) {
		sent.us = peer_now_us();
		trace(p, ">", &sent);
		free(sent.data);
	}
	if (p->link->mode) {
		if (p->link->mode & LINK_PAGED)
			vnet.hdr_len = seg->linear ?: seg->cut ? 0 : len - seg->len;
		start = buf;
		memcpy(buf, &vnet, sizeof(vnet));
		len += sizeof(vnet);
	}
	if (write(p->link->tun, start, len) != len)
		complain("write to TUN");
	if (!seg->stray && !seg->seq && !seg->abs_seq && !(seg->flags & RST))
		p->snd_nxt += seg->len + !!(seg->flags & SYN) + !!(seg->flags & FIN);
	pump_once(p, 0);
}

/* Options of a SYN or SYN-ACK in Linux's order: mss, sackOK, TS, nop, wscale. */
static void syn_opts(struct peer *p, bool answer, char *out, size_t size)
{
	bool ts = !answer || p->offer_ts, sack = !answer || p->offer_sack;
	bool ws = !answer || p->wscale != WS_NONE;

	snprintf(out, size, "mss %d%s%s%s", p->link->mtu - (p->family == AF_INET6 ? 60 : 40),
		 sack && ts ? ",sackOK" : sack ? ",nop,nop,sackOK" : ts ? ",nop,nop" : "",
		 ts ? ",TS" : "", ws ? ",nop,wscale *" : "");
}

static bool opts_match(struct peer *p, const struct want *want, const struct got *seen)
{
	char text[300], pattern[120];

	if (want->any_opts)
		return true;
	opts_text(p, seen, false, text, sizeof(text));
	if (want->opts)
		return !fnmatch(want->opts, text, 0);
	if (want->flags & RST)
		return !*text || (p->ts_on && !strcmp(text, "nop,nop,TS"));
	if (want->flags & SYN) {
		syn_opts(p, want->flags & ACK, pattern, sizeof(pattern));
		return !fnmatch(pattern, text, 0);
	}
	return !strcmp(text, p->ts_on ? "nop,nop,TS" : "");
}

static bool data_match(struct peer *p, const struct want *want, const struct got *seen)
{
	uint32_t off = seen->seq - p->irs - 1;
	int i;

	for (i = 0; i < seen->len && !want->any_data; i++)
		if (seen->data[i] != peer_pattern(off + i))
			return false;
	return true;
}

static uint32_t want_seq(struct peer *p, const struct want *want)
{
	if (want->abs_seq)
		return want->seq;
	return (want->flags & SYN ? p->irs : p->rcv_nxt) + want->seq;
}

/* NULL if @seen is what @want describes, else the name of what differs. */
static const char *differs(struct peer *p, const struct want *want, const struct got *seen)
{
	uint8_t mask = want->any_psh ? (uint8_t)~PSH : 0xff;

	if (seen->is_icmp)
		return "an ICMP error";
	if (seen->bad)
		return seen->bad;
	if (strcmp(seen->src, stack_ip(p->family)) || strcmp(seen->dst, peer_ip(p->family)))
		return "addresses";
	if (seen->dport != p->port || (p->kport && seen->sport != p->kport))
		return "ports";
	if ((seen->flags & mask) != (want->flags & mask))
		return "flags";
	if (!want->any_seq && (p->irs_known || want->abs_seq || !(want->flags & SYN)) &&
	    seen->seq != want_seq(p, want))
		return "sequence number";
	if (want->flags & ACK && !want->any_ack &&
	    seen->ack != (want->abs_ack ? want->ack : p->snd_nxt + want->ack))
		return "acknowledgment number";
	if (!want->any_len && seen->len != want->len)
		return "payload length";
	if (want->win && seen->win != (want->win == WIN_ZERO ? 0 : want->win))
		return "window";
	if (seen->win < want->win_min)
		return "window (too small)";
	if (want->flags & URG && seen->urg != want->urg)
		return "urgent pointer";
	if ((seen->tos & 3) != want->ecn)
		return "ECN field";
	if (!opts_match(p, want, seen))
		return "options";
	if (want->set_tsecr && (!seen->has_ts || seen->tsecr != want->tsecr))
		return "TSecr";
	if (!data_match(p, want, seen))
		return "payload bytes";
	return NULL;
}

/* The span in which @want may arrive [us of CLOCK_MONOTONIC]. */
static void want_span(struct peer *p, const struct want *want, uint64_t *from, uint64_t *until)
{
	uint64_t base = want->gap ? p->last_us : p->mark_us;
	int ms = want->gap ?: want->at, early, late;

	*from = 0;
	if (!ms || ms == NOW) {
		ms = want->within ?: ms ?: 1000;
		*until = peer_now_us() + (ms == NOW ? PROMPT_MS : ms) * 1000ull;
		return;
	}
	/*
	 * A jiffy is 4 ms and the first may be partial; the timer wheel rounds
	 * up by at most an eighth.
	 */
	early = want->early ?: 8;
	late = want->late ?: ms / 8 + PROMPT_MS + 10;
	*from = base + (ms > early ? ms - early : 0) * 1000ull;
	*until = base + (ms + late) * 1000ull;
}

static void want_text(struct peer *p, const struct want *want, char *out, size_t size)
{
	char opts[160] = "as negotiated", time[60] = "within 1000 ms";
	char seq[40] = "any", ack[40] = "";
	uint32_t rel = want_seq(p, want) - p->irs;

	if (want->flags & SYN && !p->irs_known && !want->abs_seq)
		strcpy(seq, "any ISN");
	else if (!want->any_seq)
		snprintf(seq, sizeof(seq), "%u", want->abs_seq ? (uint32_t)want->seq : rel);
	if (want->flags & ACK && want->any_ack)
		strcpy(ack, " ack any,");
	else if (want->flags & ACK)
		snprintf(ack, sizeof(ack), " ack %u,", want->abs_ack ? (uint32_t)want->ack :
			 (uint32_t)(p->snd_nxt + want->ack - p->iss));
	if (want->any_opts)
		strcpy(opts, "any");
	else if (want->opts)
		snprintf(opts, sizeof(opts), "%s", want->opts);
	if (want->gap)
		snprintf(time, sizeof(time), "%d ms after the last",
			 want->gap == NOW ? 0 : want->gap);
	else if (want->at)
		snprintf(time, sizeof(time), "at %d ms", want->at == NOW ? 0 : want->at);
	else if (want->within)
		snprintf(time, sizeof(time), "within %d ms",
			 want->within == NOW ? PROMPT_MS : want->within);
	snprintf(out, size, "Flags [%s%s],%s seq %s%s,%s options [%s], length %d%s, %s%s%s",
		 flags_text(want->flags), want->any_psh ? "(P)" : "", ecn_text(want->ecn), seq,
		 want->abs_seq ? " (wire)" : "", ack, opts, want->len,
		 want->any_len ? " or any" : "", time, want->win ? ", win given" : "",
		 want->set_tsecr ? ", TSecr given" : "");
}

/* Bookkeeping of a receiver for a segment that is on its flow. */
static void take(struct peer *p, const struct got *seen)
{
	uint32_t end = seen->seq + seen->len + !!(seen->flags & FIN);

	p->last = *seen;
	p->last_us = seen->us;
	if (seen->is_icmp || seen->flags & RST || seen->dport != p->port)
		return;
	if (seen->flags & SYN) {
		if (!p->kport)
			p->kport = seen->sport;
		if (!p->irs_known)
			p->rcv_nxt = end + 1;
		p->irs = seen->seq;
		p->irs_known = true;
		p->k_mss = seen->mss;
		p->ts_on = p->offer_ts && seen->has_ts;
		p->sack_on = p->offer_sack && seen->sackok;
		p->ws_on = p->wscale != WS_NONE && seen->wscale >= 0;
		p->k_wscale = p->ws_on ? seen->wscale : 0;
	} else if ((int32_t)(seen->seq - p->rcv_nxt) <= 0 && (int32_t)(end - p->rcv_nxt) > 0) {
		p->rcv_nxt = end;
	}
	if (seen->has_ts)
		p->ts_recent = seen->tsval;
}

static bool fail_expect(struct peer *p, const struct want *want, const struct want *other,
			const struct got *seen, const char *why, uint64_t now)
{
	char text[512];

	printf("# peer: expectation failed: %s\n", why);
	want_text(p, want, text, sizeof(text));
	printf("#   expected: %s\n", text);
	if (other) {
		want_text(p, other, text, sizeof(text));
		printf("#   or:       %s\n", text);
	}
	if (seen)
		got_text(p, seen, text, sizeof(text));
	printf("#   seen:     %s\n", seen ? text : "nothing");
	printf("#   time:     %.3f ms after the last matched segment, %.3f ms after the mark\n",
	       (int64_t)(now - p->last_us) / 1e3, (int64_t)(now - p->mark_us) / 1e3);
	print_trace(p);
	return false;
}

static struct got *pop(struct peer *p)
{
	return &p->link->inbox[p->link->head++ % INBOX_SLOTS];
}

/**
 * peer_expect_either() - the next packet must be one of two
 * @p: flow
 * @a: what may come, with the time limits
 * @b: or this; NULL: only @a
 *
 * Return: whether it was; if not, expected and seen are printed.
 */
bool peer_expect_either(struct peer *p, const struct want *a, const struct want *b)
{
	uint64_t from, until;
	const char *why;
	struct got seen;

	want_span(p, a, &from, &until);
	if (!wait_packet(p, until))
		return fail_expect(p, a, b, NULL, "silence", peer_now_us());
	seen = *pop(p);
	why = differs(p, a, &seen);
	if (why && b && !differs(p, b, &seen))
		why = NULL;
	if (why)
		return fail_expect(p, a, b, &seen, why, seen.us);
	if (seen.us < from)
		return fail_expect(p, a, b, &seen, "too early", seen.us);
	if (seen.us > until)
		return fail_expect(p, a, b, &seen, "too late", seen.us);
	take(p, &seen);
	return true;
}

/**
 * peer_expect() - the next packet must be this one
 * @p: flow
 * @want: what must come, and when
 *
 * Return: whether it was; if not, expected and seen are printed.
 */
bool peer_expect(struct peer *p, const struct want *want)
{
	return peer_expect_either(p, want, NULL);
}

/* Nothing may arrive for @ms. */
bool peer_silence(struct peer *p, int ms)
{
	char text[512];

	if (!wait_packet(p, peer_now_us() + ms * 1000ull))
		return true;
	got_text(p, &p->link->inbox[p->link->head % INBOX_SLOTS], text, sizeof(text));
	printf("# peer: expected silence for %d ms\n#   seen:     %s\n", ms, text);
	print_trace(p);
	return false;
}

/* The next packet, whatever it is, within @ms; rcv_nxt moves as for an expected one. */
bool peer_next(struct peer *p, struct got *seen, int ms)
{
	if (!wait_packet(p, peer_now_us() + ms * 1000ull))
		return false;
	*seen = *pop(p);
	take(p, seen);
	return true;
}
