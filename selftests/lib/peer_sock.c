// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scripted peer: the socket under test, whole handshakes, and reading out states.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "peer.h"
#include "sock.h"

static int complain(const char *what)
{
	printf("# peer: %s: %s\n", what, strerror(errno));
	return -1;
}

/* The address of one side. */
void peer_sockaddr(struct peer *p, bool stack_side, uint16_t port, struct sockaddr_storage *ss)
{
	const char *text = stack_side ? stack_ip(p->family) : peer_ip(p->family);
	struct sockaddr_in6 *sin6 = (void *)ss;
	struct sockaddr_in *sin = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	ss->ss_family = p->family;
	if (p->family == AF_INET6) {
		sin6->sin6_port = htons(port);
		peer_addr(AF_INET6, text, &sin6->sin6_addr);
	} else {
		sin->sin_port = htons(port);
		peer_addr(AF_INET, text, &sin->sin_addr);
	}
}

static socklen_t addr_len(struct peer *p)
{
	return p->family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/* A non-blocking socket bound to the stack's address and @kport, with SO_REUSEADDR. */
int peer_bound_socket(struct peer *p, uint16_t kport)
{
	int fd = xt_socket_flags(p->family, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
	struct sockaddr_storage ss;

	if (fd < 0)
		return complain("socket");
	peer_sockaddr(p, true, kport, &ss);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		complain("SO_REUSEADDR");
	if (bind(fd, (void *)&ss, addr_len(p)))
		return complain("bind");
	return fd;
}

/* A non-blocking listener on SERVER_PORT. */
int peer_listen(struct peer *p, int backlog)
{
	int fd = peer_bound_socket(p, SERVER_PORT);

	if (fd >= 0 && listen(fd, backlog))
		return complain("listen");
	return fd;
}

/* A non-blocking connect to the peer's port from @p->kport, or any port if that is 0. */
int peer_connect_start(struct peer *p)
{
	struct sockaddr_storage ss;
	int fd;

	fd = p->kport ? peer_bound_socket(p, p->kport) :
	     xt_socket_flags(p->family, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return complain("socket");
	peer_sockaddr(p, false, p->port, &ss);
	if (!connect(fd, (void *)&ss, addr_len(p)) || errno != EINPROGRESS)
		return complain("connect is not in progress");
	return fd;
}

bool peer_expect_synack(struct peer *p)
{
	return peer_expect(p, &(struct want){ .flags = SYN | ACK, .within = NOW });
}

/* The peer's SYN and the stack's answer. */
bool peer_send_syn(struct peer *p)
{
	peer_send(p, &(struct seg){ .flags = SYN });
	return peer_expect_synack(p);
}

/* Three-way handshake with the peer as client. */
bool peer_handshake(struct peer *p)
{
	if (!peer_send_syn(p))
		return false;
	peer_send(p, &(struct seg){ .flags = ACK });
	return true;
}

int peer_accept(struct peer *p, int lfd)
{
	int fd;

	if (!peer_poll(p, lfd, POLLIN, 1000)) {
		printf("# peer: no connection to accept\n");
		return -1;
	}
	fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	return fd < 0 ? complain("accept") : fd;
}

/* A connection the peer opened; returns the accepted descriptor or -1. */
int peer_established(struct peer *p, int lfd)
{
	return peer_handshake(p) ? peer_accept(p, lfd) : -1;
}

/* A connection the stack opened; returns the connected descriptor or -1. */
int peer_connected(struct peer *p)
{
	const struct want syn = { .flags = SYN, .within = NOW };
	const struct want ack = { .flags = ACK, .within = NOW };
	int fd = peer_connect_start(p);

	if (fd < 0 || !peer_expect(p, &syn))
		return -1;
	peer_send(p, &(struct seg){ .flags = SYN | ACK });
	return peer_expect(p, &ack) ? fd : -1;
}

/* One step of peer_in_state(): the peer's segment, then the stack's answer. */
static bool step(struct peer *p, uint8_t flags, int ack, uint8_t answer)
{
	if (flags)
		peer_send(p, &(struct seg){ .flags = flags, .ack = ack });
	return !answer || peer_expect(p, &(struct want){ .flags = answer, .within = NOW });
}

/**
 * peer_in_state() - a connection the peer opened, led to a synchronised state
 * @p: fresh flow
 * @lfd: listener
 * @state: ST_ESTABLISHED ... ; ST_CLOSED: the passive closer's end; ST_TIME_WAIT: the entry
 *	is there, the descriptor's state is CLOSED
 *
 * The stack's FIN comes from shutdown(SHUT_WR): the descriptor stays.
 *
 * Return: the descriptor, or -1.
 */
int peer_in_state(struct peer *p, int lfd, enum tcp_state_number state)
{
	bool passive = state == ST_CLOSE_WAIT || state == ST_LAST_ACK || state == ST_CLOSED;
	int fd = peer_established(p, lfd);

	if (fd < 0 || state == ST_ESTABLISHED)
		return fd;
	if (passive && !step(p, FIN | ACK, 0, ACK))
		return -1;
	if (state == ST_CLOSE_WAIT)
		return fd;
	if (shutdown(fd, SHUT_WR) || !step(p, 0, 0, FIN | ACK))
		return -1;
	if (state == ST_CLOSED || state == ST_FIN_WAIT_2 || state == ST_TIME_WAIT)
		step(p, ACK, 0, 0);
	if (state == ST_CLOSING && !step(p, FIN | ACK, -1, ACK))
		return -1;
	if (state == ST_TIME_WAIT && !step(p, FIN | ACK, 0, ACK))
		return -1;
	return fd;
}

/* Exactly @len bytes of the peer's pattern can be read, within a second. */
bool peer_read(struct peer *p, int fd, int len)
{
	static uint8_t buf[1 << 20];
	int done = 0, n, i;

	while (done < len) {
		if (!peer_poll(p, fd, POLLIN, 1000)) {
			printf("# peer: %d of %d bytes readable\n", done, len);
			return false;
		}
		n = recv(fd, buf, len - done, MSG_DONTWAIT);
		if (n <= 0) {
			printf("# peer: recv after %d of %d bytes: %d %s\n", done, len, n,
			       n ? strerror(errno) : "(end of file)");
			return false;
		}
		for (i = 0; i < n; i++, p->rd_off++) {
			if (buf[i] == peer_pattern(p->rd_off))
				continue;
			printf("# peer: byte %u of the stream is 0x%02x, not 0x%02x\n",
			       p->rd_off, buf[i], peer_pattern(p->rd_off));
			return false;
		}
		done += n;
	}
	return true;
}

/*
 * Let the stack send all it may, acknowledge each segment, and again, until it has
 * put @bytes in flight at once or @rounds are over. Slow start makes that quick.
 * Returns the largest flight; nothing is outstanding afterwards.
 */
int peer_grow_flight(struct peer *p, int fd, int bytes, int rounds)
{
	struct seg ack = { .flags = ACK, .abs_ack = true };
	static uint32_t ends[4096];
	uint32_t una = p->rcv_nxt;
	int most = 0, n, i, idle;
	struct got seen;

	for (idle = 0; idle < 2; rounds--) {
		if (rounds > 0 && most < bytes)
			while (peer_write_some(p, fd, 65536) > 0)
				;
		for (n = 0; n < 4096 && peer_next(p, &seen, 3);) {
			if (seen.bad || seen.is_icmp || !(seen.flags & ACK)) {
				printf("# peer: unexpected packet in a flight\n");
				return -1;
			}
			if (seen.len)
				ends[n++] = seen.seq + seen.len;
		}
		if ((int)(p->rcv_nxt - una) > most)
			most = p->rcv_nxt - una;
		for (i = 0; i < n; i++) {
			ack.ack = ends[i];
			peer_send(p, &ack);
		}
		una = p->rcv_nxt;
		idle = n ? 0 : idle + 1;
	}
	return most;
}

/*
 * From now on the peer's window field is @win, smaller than before. That comes with a
 * second data segment: a window taken back must stand in a segment newer than the last
 * by its sequence number to be believed everywhere.
 */
bool peer_lower_window(struct peer *p, uint16_t win)
{
	const struct want ack = { .flags = ACK };
	int i;

	for (i = 0; i < 2; i++) {
		if (i)
			p->win = win;
		peer_send(p, &(struct seg){ .flags = ACK | PSH, .len = 10 });
		if (!peer_expect(p, &ack))
			return false;
	}
	return true;
}

/* How many bytes not seen before arrive within @ms; copies do not count. */
int peer_new_bytes(struct peer *p, int ms)
{
	uint64_t until = peer_now_us() + ms * 1000ull;
	uint32_t before = p->rcv_nxt;
	struct got seen;
	int64_t left;

	for (;;) {
		left = until - peer_now_us();
		if (left <= 0 || !peer_next(p, &seen, left / 1000 + 1))
			return p->rcv_nxt - before;
	}
}

/*
 * Send until the stack's window is closed; nothing is read meanwhile. The right
 * edge must never move left (RFC 9293, 3.8.6, SHLD-14).
 */
bool peer_fill_window(struct peer *p)
{
	const struct want ack = { .flags = ACK, .any_opts = true };
	uint32_t edge = p->last.ack + peer_k_window(p), now;
	int i, max = p->mss - 12, len;

	for (i = 0; i < 2000 && peer_k_window(p); i++) {
		len = peer_k_window(p) < (uint32_t)max ? (int)peer_k_window(p) : max;
		peer_send(p, &(struct seg){ .flags = ACK, .len = len });
		if (!peer_expect(p, &ack))
			return false;
		now = p->last.ack + peer_k_window(p);
		if ((int32_t)(now - edge) < 0) {
			printf("# peer: the right window edge moved left by %d\n", edge - now);
			return false;
		}
		edge = now;
	}
	return !peer_k_window(p);
}

/* Neither data, end of file nor error is to be read. */
bool peer_read_nothing(struct peer *p, int fd)
{
	uint8_t byte;
	int n;

	peer_pump(p, 1);
	n = recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
	if (n < 0 && errno == EAGAIN)
		return true;
	printf("# peer: expected EAGAIN from recv, got %d %s\n", n, n < 0 ? strerror(errno) : "");
	return false;
}

bool peer_read_eof(struct peer *p, int fd)
{
	uint8_t byte;
	int n;

	peer_poll(p, fd, POLLIN, 1000);
	n = recv(fd, &byte, 1, MSG_DONTWAIT);
	if (!n)
		return true;
	printf("# peer: expected end of file, recv gave %d %s\n", n, n < 0 ? strerror(errno) : "");
	return false;
}

/* The errno of a recv() within a second, 0 if it did not fail. */
int peer_read_errno(struct peer *p, int fd)
{
	uint8_t byte;

	peer_poll(p, fd, POLLIN, 1000);
	return recv(fd, &byte, 1, MSG_DONTWAIT) < 0 ? errno : 0;
}

/* One send() of up to @len bytes of the pattern that peer_expect() verifies. */
int peer_write_some(struct peer *p, int fd, int len)
{
	uint8_t *buf = malloc(len);
	int i, n;

	for (i = 0; i < len; i++)
		buf[i] = peer_pattern(p->wr_off + i);
	n = send(fd, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	free(buf);
	if (n > 0)
		p->wr_off += n;
	return n;
}

/* The same, and all of it must be taken. */
bool peer_write(struct peer *p, int fd, int len)
{
	int n = peer_write_some(p, fd, len);

	if (n == len)
		return true;
	printf("# peer: send of %d bytes gave %d %s\n", len, n, n < 0 ? strerror(errno) : "");
	return false;
}

/* Write @n full segments and see them leave. */
bool peer_write_full(struct peer *p, int fd, int n)
{
	int full = p->mss - 12, i;

	if (!peer_write(p, fd, n * full))
		return false;
	for (i = 0; i < n; i++) {
		if (!peer_expect(p, &(struct want){ .flags = ACK, .any_psh = true, .len = full }))
			return false;
	}
	return true;
}

int peer_so_error(int fd)
{
	int err = -1;
	socklen_t len = sizeof(err);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return -1;
	return err;
}

/* The state a descriptor reports. */
int peer_state(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len)) {
		complain("TCP_INFO");
		return ST_NONE;
	}
	return info.tcpi_state;
}

static FILE *open_listing(int family)
{
	bool v6 = family == AF_INET6;
	const char *path;
	FILE *file;

	if (xt_is_control())
		path = v6 ? "/proc/net/tcp6" : "/proc/net/tcp";
	else
		path = v6 ? "/proc/net/xtcp6" : "/proc/net/xtcp";
	file = fopen(path, "r");
	if (!file)
		printf("# peer: %s: %s\n", path, strerror(errno));
	return file;
}

/* How many entries are in @state (ST_NONE: any), with the flow's two ports if @p->port. */
static int scan(struct peer *p, bool flow, enum tcp_state_number state, unsigned int *found)
{
	FILE *file = open_listing(p->family);
	unsigned int local, remote, st;
	char line[512];
	int n = 0;

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%x %x", &local, &remote, &st) != 3)
			continue;
		if (flow && (local != p->kport || remote != p->port))
			continue;
		if (state && st != state)
			continue;
		*found = st;
		n++;
	}
	fclose(file);
	return n;
}

/* The state of the flow's entry in the listing, descriptor or not; ST_NONE: no entry. */
int peer_listed(struct peer *p)
{
	unsigned int st = ST_NONE;

	if (scan(p, true, ST_NONE, &st) > 1)
		printf("# peer: the flow is listed more than once\n");
	return st;
}

/* Descriptor and listing agree that the connection is in @state. */
bool peer_state_is(struct peer *p, int fd, enum tcp_state_number state)
{
	int now = peer_state(fd), listed = peer_listed(p);

	if (now == (int)state && listed == (int)state)
		return true;
	printf("# peer: state is %d by TCP_INFO and %d in the listing, expected %d\n",
	       now, listed, state);
	return false;
}

/* The window the stack offered in the last matched segment, scaled [bytes]. */
uint32_t peer_k_window(struct peer *p)
{
	return p->last.flags & SYN ? p->last.win : (uint32_t)p->last.win << p->k_wscale;
}

/* How many entries the listing has in @state, of all flows. */
int peer_count_listed(struct peer *p, enum tcp_state_number state)
{
	unsigned int st;

	return scan(p, false, state, &st);
}

bool peer_await_listed(struct peer *p, enum tcp_state_number state, int ms)
{
	uint64_t until = peer_now_us() + ms * 1000ull;

	while (peer_listed(p) != (int)state) {
		if (peer_now_us() > until) {
			printf("# peer: listed state is %d, not %d, after %d ms\n",
			       peer_listed(p), state, ms);
			return false;
		}
		peer_pump(p, ms > 2000 ? 20 : 2);
	}
	return true;
}

bool peer_set_int(int fd, int level, int name, int value)
{
	if (!setsockopt(fd, level, name, &value, sizeof(value)))
		return true;
	printf("# peer: setsockopt %d/%d: %s\n", level, name, strerror(errno));
	return false;
}

/* Write @value to /proc/sys/@name of this namespace. */
bool peer_sysctl(const char *name, const char *value)
{
	char path[200];
	bool done;
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	fd = open(path, O_WRONLY);
	done = fd >= 0 && write(fd, value, strlen(value)) > 0;
	if (!done)
		printf("# peer: %s: %s\n", path, strerror(errno));
	close(fd);
	return done;
}

/* A tunable of the transport under test, by the name it has in both. */
bool peer_tunable(const char *name, const char *value)
{
	char path[200];

	snprintf(path, sizeof(path), "%s%s", xt_is_control() ? "net/ipv4/tcp_" : "net/xtcp/", name);
	return peer_sysctl(path, value);
}

/* The number under @name in one file of pairs of lines, names above numbers; -1: none. */
static long counter_in(const char *path, const char *prefix, const char *name)
{
	static char names[8192], values[8192];
	char *n, *v, *nsave, *vsave;
	FILE *file = fopen(path, "r");
	long found = -1;

	if (!file)
		return -1;
	while (found < 0 && fgets(names, sizeof(names), file) &&
	       fgets(values, sizeof(values), file)) {
		if (prefix && strncmp(names, prefix, strlen(prefix)))
			continue;
		n = strtok_r(names, " \n", &nsave);
		v = strtok_r(values, " \n", &vsave);
		for (; n && v; n = strtok_r(NULL, " \n", &nsave), v = strtok_r(NULL, " \n", &vsave))
			if (!strcmp(n, name))
				found = atol(v);
	}
	fclose(file);
	return found;
}

/*
 * A counter of the transport under test by the name it has in TCP; -1: there is none.
 * Where xtcp counts each reason by itself this is their sum.
 */
long peer_counter(const char *name)
{
	static const char *const names[][4] = {
		{ "InCsumErrors", "DropBadChecksum" },
		{ "InErrs", "DropTooShort", "DropBadOffset", "DropBadChecksum" },
	};
	long value, sum = 0;
	unsigned int i, j;

	for (i = 0; !xt_is_control() && i < 2; i++) {
		if (strcmp(name, names[i][0]))
			continue;
		for (j = 1; j < 4 && names[i][j]; j++) {
			value = counter_in("/proc/net/xtcp_snmp", NULL, names[i][j]);
			if (value < 0)
				return -1;
			sum += value;
		}
		return sum;
	}
	if (!xt_is_control())
		return counter_in("/proc/net/xtcp_snmp", NULL, name);
	value = counter_in("/proc/net/snmp", "Tcp:", name);
	return value >= 0 ? value : counter_in("/proc/net/netstat", "TcpExt:", name);
}
