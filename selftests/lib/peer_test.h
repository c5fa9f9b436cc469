/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Glue between the scripted peer and kselftest_harness.h: what every wire test begins with.
 */
#ifndef XTCP_SELFTEST_PEER_TEST_H
#define XTCP_SELFTEST_PEER_TEST_H

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "peer.h"
#include "sock.h"

/* The harness's assertions are two statements; this is one, fit for a loop's body. */
#define must(condition)		\
	do {			\
		ASSERT_TRUE(condition);	\
	} while (0)

/* The cell of the transition table that the test is about; scripts/check-cells reads them. */
#define CELL(state, event)						\
	do {								\
		printf("# cell %s %s\n", (state), (event));		\
		fflush(stdout);						\
	} while (0)

/* Script lines; the fixture's flow is always self->p. */
#define send_seg(...)	peer_send(&self->p, &(struct seg){ __VA_ARGS__ })
#define expect(...)	must(peer_expect(&self->p, &(struct want){ __VA_ARGS__ }))
#define silence(ms)	must(peer_silence(&self->p, (ms)))
/* The RST of an abort, in either of its forms (D17). */
#define expect_abort()							\
	must(peer_expect_either(&self->p,				\
				&(struct want){ .flags = RST | ACK, .within = NOW },	\
				&(struct want){ .flags = RST }))

#define send_icmp(...)	peer_icmp(&self->p, &(struct path_error){ __VA_ARGS__ })

#define state_is(st)	must(peer_state_is(&self->p, self->fd, (st)))
#define listed_is(st)	must(peer_await_listed(&self->p, (st), 0))

/* The same for another flow of the same link. */
#define send_on(q, ...)		peer_send((q), &(struct seg){ __VA_ARGS__ })
#define expect_on(q, ...)	must(peer_expect((q), &(struct want){ __VA_ARGS__ }))

/* A fixture with one flow, a listener and a connection, over IPv4 and IPv6. */
#define WIRE_FIXTURE(name)						\
	FIXTURE(name) {							\
		struct peer p;						\
		int lfd, fd;						\
	};								\
	FIXTURE_VARIANT(name) {						\
		int family;						\
	};								\
	FIXTURE_VARIANT_ADD(name, v4) { .family = AF_INET };		\
	FIXTURE_VARIANT_ADD(name, v6) { .family = AF_INET6 };		\
	FIXTURE_TEARDOWN(name)						\
	{								\
		peer_close(&self->p);					\
	}

/* A fixture whose flow only exists; the test opens the sockets itself. */
#define WIRE_FIXTURE_PLAIN(name)					\
	WIRE_FIXTURE(name)						\
	FIXTURE_SETUP(name)						\
	{								\
		self->lfd = -1;						\
		self->fd = -1;						\
		ASSERT_TRUE(peer_open(&self->p, variant->family));	\
	}

/* The same with a listener on SERVER_PORT. */
#define WIRE_FIXTURE_LISTENING(name)					\
	WIRE_FIXTURE(name)						\
	FIXTURE_SETUP(name)						\
	{								\
		self->fd = -1;						\
		ASSERT_TRUE(peer_open(&self->p, variant->family));	\
		self->lfd = peer_listen(&self->p, 16);			\
		ASSERT_LE(0, self->lfd);				\
	}

/* The same with an established connection that the peer opened, options as usual. */
#define WIRE_FIXTURE_ESTABLISHED(name)					\
	WIRE_FIXTURE(name)						\
	FIXTURE_SETUP(name)						\
	{								\
		ASSERT_TRUE(peer_open(&self->p, variant->family));	\
		self->lfd = peer_listen(&self->p, 16);			\
		ASSERT_LE(0, self->lfd);				\
		self->fd = peer_established(&self->p, self->lfd);	\
		ASSERT_LE(0, self->fd);					\
	}

#endif /* XTCP_SELFTEST_PEER_TEST_H */
