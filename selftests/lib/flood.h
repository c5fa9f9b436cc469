/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A generator of segments from sources that do not exist, and what a flood's counters say.
 *
 * It writes into the TUN device of xt_hole(), so that nothing leaves the namespace: the
 * stack under test is 192.0.2.1 and 2001:db8::1, the sources are in 10.0.0.0/8 and
 * 2001:db8:1::/64. Nobody answers the stack's answers; they are counted and thrown away.
 * Numbers of packets are always bounded.
 *
 *	struct flood f;
 *
 *	flood_open(&f, AF_INET, 8080);
 *	f.rate = 20000;
 *	flood_start(&f);
 *	... honest clients ...
 *	flood_stop(&f);
 *	flood_close(&f);
 */
#ifndef XTCP_SELFTEST_FLOOD_H
#define XTCP_SELFTEST_FLOOD_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Header flags a flood is made of, with the names peer.h gives them. */
#define FLOOD_FIN	0x01
#define FLOOD_SYN	0x02
#define FLOOD_RST	0x04
#define FLOOD_ACK	0x10

#define FLOOD_COUNT_MAX	20000000	/* packets, whatever happens */

/* Who sends a packet: as in the header. */
struct flood_source {
	struct in_addr v4;
	struct in6_addr v6;
	uint16_t port;
};

struct flood {
	int tun;
	int family;
	struct in_addr target_v4;
	struct in6_addr target_v6;
	uint16_t port;
	uint8_t flags;
	bool timestamps;		/* options as Linux offers; else a SYN has its MSS alone */
	bool bare;			/* no options at all */
	const uint8_t *opts;		/* these instead; optlen a multiple of 4 */
	int optlen;
	bool fixed;			/* these numbers, not random ones */
	uint32_t seq, ack;
	int doff;			/* header words claimed; 0: the right ones */
	/* Sources: random if NULL. @i is the number of the packet. */
	void (*choose)(const struct flood *f, int i, struct flood_source *source);
	int count;			/* packets at most */
	int rate;			/* packets a second; 0: as fast as it goes */
	uint64_t state;			/* of the random numbers */
	pthread_t thread;
	atomic_int sent;
	atomic_bool stop;
	/* What the stack had to say, of the transport under test alone. */
	uint64_t sent_bytes;		/* IP packets, in all */
	atomic_int replies;
	uint64_t reply_bytes;
	int longest_reply;
};

/* A device with routes back to the sources; SYNs as Linux sends them. False with errno. */
bool flood_open(struct flood *f, int family, uint16_t port);
void flood_close(struct flood *f);
/* What a flood aims at: a non-blocking listener on @port of all addresses; -1 with errno. */
int flood_listen(int family, uint16_t port, int backlog);
/*
 * All a test of floods begins with: a namespace of its own with the device, with
 * net.xtcp.syncookies at @mode, and that listener; -1 with errno.
 */
int flood_victim(struct flood *f, int family, uint16_t port, const char *mode, int backlog);
uint64_t flood_random(struct flood *f);
/* One packet; false when the device did not take it. */
bool flood_packet(struct flood *f);
/* f->count packets, or until f->stop; answers are read meanwhile. */
void flood_run(struct flood *f);
/* Reads and counts answers; how many there were. */
int flood_drain(struct flood *f);
/* SYNs enough to fill the queue of a listener with @backlog, and more. */
void flood_overflow(struct flood *f, int backlog);
/* flood_run() in a thread. */
bool flood_start(struct flood *f);
bool flood_stop(struct flood *f);
/*
 * SYNs that have no outcome, or more than one: SynRcvd less HalfopenAdded, SyncookiesSent
 * and every reason for which a SYN is dropped. 0 when all is well.
 */
long flood_unaccounted(void);

#endif /* XTCP_SELFTEST_FLOOD_H */
