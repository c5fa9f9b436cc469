/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opening and watching the sockets under test: xtcp's own, or the kernel's TCP as a control group.
 *
 * XTCP_TEST_CONTROL=1 in the environment selects the kernel's TCP, so that each
 * test that applies to both runs unchanged against the stack users compare with.
 * Nothing here sleeps for a guessed time: every wait polls and has a deadline.
 */
#ifndef XTCP_SELFTEST_SOCK_H
#define XTCP_SELFTEST_SOCK_H

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>
#include <linux/xtcp.h>

/*
 * The conformance row the test body that follows proves. Flushed, because a test
 * of the harness ends in _exit().
 */
#define ROW(id)								\
	do {								\
		printf("# row %s\n", (id));				\
		fflush(stdout);						\
	} while (0)

static inline bool xt_is_control(void)
{
	const char *value = getenv("XTCP_TEST_CONTROL");

	return value && value[0] == '1';
}

/* With lockdep and KASAN everything takes ten times as long. */
static inline bool xt_is_debug_kernel(void)
{
	return !access("/proc/lockdep_stats", F_OK);
}

/* IP protocol number on the wire of the transport under test. */
static inline int xt_ipproto(void)
{
	return xt_is_control() ? IPPROTO_TCP : IPPROTO_XTCP;
}

/*
 * A stream socket for @family (AF_INET or AF_INET6); @type_flags may hold
 * SOCK_NONBLOCK and SOCK_CLOEXEC. Returns the descriptor or -1 with errno.
 */
static inline int xt_socket_flags(int family, int type_flags)
{
	if (xt_is_control())
		return socket(family, SOCK_STREAM | type_flags, 0);
	return socket(AF_XTCP, SOCK_STREAM | type_flags,
		      family == AF_INET6 ? XTCPPROTO_INET6 : XTCPPROTO_INET);
}

static inline int xt_socket(int family)
{
	return xt_socket_flags(family, 0);
}

/* The same transport through its second door, an inet family and a protocol number. */
static inline int xt_socket_inet(int family)
{
	return socket(family, SOCK_STREAM, xt_ipproto());
}

/* --- addresses ------------------------------------------------------------ */

struct xt_addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_storage ss;
	};
	socklen_t len;
};

struct xt_addr xt_addr_parse(const char *text, uint16_t port);
struct xt_addr xt_loopback(int family, uint16_t port);
struct xt_addr xt_any(int family, uint16_t port);
uint16_t xt_port(const struct xt_addr *addr);
void xt_set_port(struct xt_addr *addr, uint16_t port);
bool xt_addr_equal(const struct xt_addr *a, const struct xt_addr *b);
int xt_sockname(int fd, struct xt_addr *addr);
int xt_peername(int fd, struct xt_addr *addr);
int xt_bind(int fd, const struct xt_addr *addr);
int xt_connect(int fd, const struct xt_addr *addr);

/* --- ready-made sockets; -1 with errno on failure -------------------------- */

/* Listening on the loopback address and a port of the system's choice. */
int xt_listen(int family, int backlog, struct xt_addr *bound);
/* A new blocking socket connected to @to. */
int xt_dial(int family, const struct xt_addr *to);
/* Both ends of a loopback connection; returns 0 or -1. */
int xt_pair(int family, int *client, int *server);
/* A port of the loopback address that nothing listens on. */
uint16_t xt_closed_port(int family);

/* --- options ---------------------------------------------------------------- */

int xt_set_int(int fd, int level, int name, int value);
/* The value, or -errno. */
int xt_get_int(int fd, int level, int name);
int xt_set_linger(int fd, int on, int seconds);
int xt_set_timeout(int fd, int name, int milliseconds);
int xt_nonblock(int fd);
/* Pending error, which this clears. */
int xt_so_error(int fd);
/* Closes with a RST. */
int xt_reset(int fd);

/* --- watching --------------------------------------------------------------- */

/* What a wait lasts at most; generous, because the test VM is emulated. */
#define XT_DEADLINE_MS 15000

int64_t xt_now_ms(void);
void xt_pause_ms(int milliseconds);

/* Polls @cond until it holds or the deadline passes; its last value. */
#define XT_WAIT(cond)							\
	({								\
		int64_t xt_end = xt_now_ms() + XT_DEADLINE_MS;		\
		bool xt_held;						\
									\
		while (!(xt_held = (cond)) && xt_now_ms() < xt_end)	\
			xt_pause_ms(1);					\
		xt_held;						\
	})

/* Every event poll() knows, so that a mask can be compared as a whole. */
#define XT_POLL_ALL (POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLRDBAND | \
		     POLLWRNORM | POLLWRBAND | POLLRDHUP)
#define XT_POLL_READ (POLLIN | POLLRDNORM)
#define XT_POLL_WRITE (POLLOUT | POLLWRNORM)

/* The events of @events that hold now, without waiting. */
short xt_revents(int fd, short events);
/* Waits for one of @events (as poll does); the mask, 0 on time-out. */
short xt_poll(int fd, short events, int timeout_ms);
/* True when the complete mask becomes exactly @want before the deadline. */
bool xt_wait_revents(int fd, short want);
/* tcpi_state, or -1. */
int xt_state(int fd);
bool xt_wait_state(int fd, int state);
/* Bytes unread, in order; waits until at least @want are there. */
bool xt_wait_unread(int fd, int want);
/* Bytes not acknowledged or not yet sent. */
int xt_unacked(int fd);

/* --- data ---------------------------------------------------------------------- */

/* Byte @offset of the stream of @seed. */
uint8_t xt_byte(uint64_t seed, uint64_t offset);
void xt_fill(void *buf, size_t len, uint64_t seed, uint64_t offset);
/* Offset of the first wrong byte in @buf, or -1. */
ssize_t xt_mismatch(const void *buf, size_t len, uint64_t seed, uint64_t offset);
/* Whole-length transfers; the count moved (short only at end or error). */
ssize_t xt_send_all(int fd, const void *buf, size_t len);
ssize_t xt_recv_all(int fd, void *buf, size_t len);
/* Sends or receives and verifies @len bytes of the stream of @seed. */
bool xt_send_stream(int fd, uint64_t seed, uint64_t len);
bool xt_recv_stream(int fd, uint64_t seed, uint64_t len);
/* Seed of this run: XTCP_TEST_SEED or the clock; printed once. */
uint64_t xt_seed(void);

/* --- surroundings --------------------------------------------------------------- */

/* A network namespace of our own with only the loopback device, up. */
int xt_netns(void);
/*
 * A TUN device 192.0.2.1/24, 2001:db8::1/64 that swallows what is sent to
 * xt_hole_addr(): a peer that never answers. Returns its descriptor, from which
 * the packets can be read.
 */
int xt_hole(void);
struct xt_addr xt_hole_addr(int family, uint16_t port);
/*
 * Packets of the transport under test that the hole swallowed and were not counted yet. Another
 * CPU may be about to deliver them: waits as long as there are fewer than @least.
 */
int xt_hole_count(int tun, int least);
/* Delays everything on the loopback device, one way. False when netem is missing. */
bool xt_lo_delay(int milliseconds);
/* Runs a shell command; true when it exits 0. Its output is dropped unless it fails. */
bool xt_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Writes a /proc/sys file; false with errno. */
bool xt_sysctl(const char *path, const char *value);
/* /proc/net path of the listing for @family: tcp, tcp6, xtcp or xtcp6. */
const char *xt_proc_list(int family);
/* Entries of the listing with local or remote port @port in @state (0: any state). */
int xt_proc_count(int family, uint16_t port, int state);

#endif /* XTCP_SELFTEST_SOCK_H */
