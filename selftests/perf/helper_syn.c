// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a SYN costs: xtcp and the kernel's own TCP, measured in turns. For scripts/bench.
 *
 *   helper_syn ROUNDS     tab-separated lines on standard output:
 *                         set NAME VALUE
 *                         bytes TRANSPORT IPv4|IPv6 OBJECT SLOT
 *                         time ROUND IPv4|IPv6 SCENARIO TRANSPORT PACKETS NANOSECONDS
 *
 * Packets made beforehand, from sources all different, are written to a TUN device; the
 * kernel works on each within the write(). Both transports get the same packets but for the
 * protocol number and the checksum. Answers are read off the device while the clock stands.
 * After each measurement the kernel's counters and the answers are compared with what was
 * sent: a packet that met another fate than the scenario's ends the program with status 1.
 *
 * Meant for virtual time (scripts/vm --icount), where an instruction is a nanosecond.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "bytes.h"
#include "sock.h"

#define SYNS		1000	/* per measurement */
#define ACKS		250
#define BATCH		250	/* answers the device holds: half of its default queue */
#define LARGE		"65536"	/* bounds that are not to be met */
#define BACKLOG		64	/* the one that is */
#define WARM_UP		16	/* packets ahead of the clock: log line, first use */

enum { SYN = 2, ACK = 16 };

/* ---- what is measured ----------------------------------------------------------- */

enum fate {
	TRUNCATED,	/* dropped by IP: the generator's own cost, and the way to the transport */
	REFUSED,	/* SYN dropped at the bound */
	KEPT,		/* half-open entry, SYN-ACK */
	COOKIE,		/* SYN-ACK, nothing kept */
	ACCEPTED,	/* ACK makes a connection */
};

struct scenario {
	const char *name;
	enum fate fate;
	const char *mode;	/* of syncookies */
	bool full;		/* the listener is at its bound */
	bool bare;		/* no timestamps */
};

static const struct scenario scenarios[] = {
	{ "floor",		TRUNCATED,	"1", false,	false },
	{ "drop",		REFUSED,	"0", true,	false },
	{ "insert_mode_0",	KEPT,		"0", false,	false },
	{ "insert_mode_1",	KEPT,		"1", false,	false },
	{ "cookie_mode_1",	COOKIE,		"1", true,	false },
	{ "cookie_mode_2",	COOKIE,		"2", false,	false },
	{ "cookie_bare_mode_1",	COOKIE,		"1", true,	true },
	{ "cookie_bare_mode_2",	COOKIE,		"2", false,	true },
	{ "ack_of_entry",	ACCEPTED,	"1", false,	false },
	{ "ack_of_cookie",	ACCEPTED,	"2", false,	false },
};

struct packet {
	uint16_t len;
	uint8_t data[94];
};

static struct packet packets[SYNS];
static struct packet answers[SYNS];
static int nr_answers;		/* SYN-ACKs seen */
static int tun;

static bool complain(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "helper_syn: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	return false;
}

static const char *transport(void)
{
	return xt_is_control() ? "tcp" : "xtcp";
}

/* The library's sockets, numbers and listings are from now on those of TCP, or of xtcp. */
static void choose_transport(bool tcp)
{
	setenv("XTCP_TEST_CONTROL", tcp ? "1" : "0", 1);
}

/* ---- packets ---------------------------------------------------------------------- */

static uint64_t draw(void)
{
	static uint64_t state;

	if (!state)
		state = xt_seed();
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1dull;
}

static uint32_t sum(uint32_t total, const uint8_t *data, size_t len)
{
	size_t i;

	for (i = 0; i < len; i += 2)
		total += data[i] << 8 | data[i + 1];
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

/* Addresses and lengths around the segment of @size bytes that is already in place. */
static void wrap(struct packet *p, int family, uint32_t source, size_t size)
{
	uint8_t *ip = p->data;

	if (family == AF_INET6) {
		ip[0] = 0x60;
		put16(ip + 4, size);
		ip[6] = xt_ipproto();
		ip[7] = 64;
		inet_pton(AF_INET6, "2001:db8:1::", ip + 8);
		put32(ip + 16, source);
		put32(ip + 20, source * 0x9e3779b1);
		inet_pton(AF_INET6, "2001:db8::1", ip + 24);
		put16(ip + 40 + 16, 0);
		put16(ip + 40 + 16, ~sum(sum(xt_ipproto() + size, ip + 8, 32), ip + 40, size));
		p->len = 40 + size;
	} else {
		ip[0] = 0x45;
		put16(ip + 2, 20 + size);
		put16(ip + 6, 0x4000);
		ip[8] = 64;
		ip[9] = xt_ipproto();
		/* An odd factor: each number has another source. */
		put32(ip + 12, 0x0a000000 | (source * 0x9e3779b1 & 0xffffff));
		inet_pton(AF_INET, "192.0.2.1", ip + 16);
		put16(ip + 10, ~sum(0, ip, 20));
		put16(ip + 20 + 16, ~sum(sum(xt_ipproto() + size, ip + 12, 8), ip + 20, size));
		p->len = 20 + size;
	}
}

static size_t ip_len(int family)
{
	return family == AF_INET6 ? 40 : 20;
}

/* A SYN as Linux sends it, from a source that was not seen before. */
static void make_syn(struct packet *p, int family, uint16_t port, bool bare)
{
	static const uint8_t full[20] = {
		2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7
	};
	static const uint8_t without_ts[12] = { 2, 4, 5, 0xb4, 1, 3, 3, 7, 1, 1, 4, 2 };
	static uint32_t source;
	size_t options = bare ? sizeof(without_ts) : sizeof(full);
	uint8_t *segment = p->data + ip_len(family);

	memset(p, 0, sizeof(*p));
	put16(segment, 1024 + draw() % 60000);
	put16(segment + 2, port);
	put32(segment + 4, draw());
	segment[12] = (20 + options) / 4 << 4;
	segment[13] = SYN;
	put16(segment + 14, 64240);
	memcpy(segment + 20, bare ? without_ts : full, options);
	wrap(p, family, source++, 20 + options);
}

/* IP believes that a part is missing, and drops it. */
static void truncate_packet(struct packet *p, int family)
{
	uint8_t *ip = p->data;

	if (family == AF_INET6) {
		put16(ip + 4, p->len - 40 + 8);
		return;
	}
	put16(ip + 2, p->len + 8);
	put16(ip + 10, 0);
	put16(ip + 10, ~sum(0, ip, 20));
}

/* The SYN becomes the ACK that completes the handshake @answer began. */
static void make_ack(struct packet *p, const struct packet *answer, int family)
{
	size_t header = ip_len(family);
	const uint8_t *synack = answer->data + header;
	uint8_t *segment = p->data + header;
	uint8_t *ip = p->data;

	put32(segment + 4, get32(segment + 4) + 1);
	put32(segment + 8, get32(synack + 4) + 1);
	segment[12] = 32 / 4 << 4;
	segment[13] = ACK;
	put16(segment + 14, 502);
	memcpy(segment + 20, "\x01\x01\x08\x0a", 4);
	put32(segment + 24, 2);
	/* A SYN-ACK has its options in the order of our SYN. */
	memcpy(segment + 28, synack + 28, 4);
	put16(segment + 16, 0);
	if (family == AF_INET6) {
		put16(ip + 4, 32);
		put16(segment + 16, ~sum(sum(xt_ipproto() + 32, ip + 8, 32), segment, 32));
	} else {
		put16(ip + 2, 52);
		put16(ip + 10, 0);
		put16(ip + 10, ~sum(0, ip, 20));
		put16(segment + 16, ~sum(sum(xt_ipproto() + 32, ip + 12, 8), segment, 32));
	}
	p->len = header + 32;
}

/* ---- in and out ------------------------------------------------------------------- */

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* Keeps the SYN-ACKs, in the order they came. */
static void drain(void)
{
	struct packet p;
	ssize_t len;

	while ((len = read(tun, p.data, sizeof(p.data))) > 0) {
		bool v6 = p.data[0] >> 4 == 6;

		if ((v6 ? p.data[6] : p.data[9]) != xt_ipproto() ||
		    p.data[ip_len(v6 ? AF_INET6 : AF_INET) + 13] != (SYN | ACK))
			continue;
		p.len = len;
		if (nr_answers < SYNS)
			answers[nr_answers] = p;
		nr_answers++;
	}
}

/* Nanoseconds the kernel takes for the first @count packets, or -1. */
static int64_t inject(int count)
{
	int64_t begin, total = 0;
	int i, end;

	drain();
	nr_answers = 0;
	for (i = 0; i < count; i = end) {
		end = i + BATCH < count ? i + BATCH : count;
		begin = now_ns();
		for (; i < end; i++) {
			if (write(tun, packets[i].data, packets[i].len) != packets[i].len)
				return -1;
		}
		total += now_ns() - begin;
		drain();
	}
	return total;
}

static void make_syns(const struct scenario *s, int family, uint16_t port, int count)
{
	int i;

	for (i = 0; i < count; i++) {
		make_syn(&packets[i], family, port, s->bare);
		if (s->fate == TRUNCATED)
			truncate_packet(&packets[i], family);
	}
}

/* ---- what became of them ---------------------------------------------------------- */

/* Counter @name of a file with a line of names above each line of values. */
static long counter_in(const char *path, const char *name)
{
	static char names[16384], values[16384];
	char *n, *v, *np, *vp;
	long value = -1;
	FILE *file = fopen(path, "r");

	if (!file)
		return -1;
	while (fgets(names, sizeof(names), file) && fgets(values, sizeof(values), file)) {
		n = strtok_r(names, " \n", &np);
		v = strtok_r(values, " \n", &vp);
		for (; n && v; n = strtok_r(NULL, " \n", &np), v = strtok_r(NULL, " \n", &vp)) {
			if (!strcmp(n, name))
				value = atol(v);
		}
	}
	fclose(file);
	return value;
}

/* IPv6 has one counter a line. */
static long truncated_v6(void)
{
	long value = -1;
	char name[100];
	FILE *file = fopen("/proc/net/snmp6", "r");

	if (!file)
		return -1;
	while (fscanf(file, "%99s %ld", name, &value) == 2 && strcmp(name, "Ip6InTruncatedPkts"))
		;
	fclose(file);
	return value;
}

/* How many packets so far met the scenario's fate, by the kernel's account. */
static long met_fate(const struct scenario *s, int family, uint16_t port)
{
	bool tcp = xt_is_control();
	const char *own = tcp ? "/proc/net/netstat" : "/proc/net/xtcp_snmp";

	switch (s->fate) {
	case TRUNCATED:
		return family == AF_INET6 ? truncated_v6() :
					    counter_in("/proc/net/netstat", "InTruncatedPkts");
	case REFUSED:
		return counter_in(own, tcp ? "TCPReqQFullDrop" : "DropHalfopenFull");
	case KEPT:
		return xt_proc_count(family, port, 3);
	case COOKIE:
		return counter_in(own, "SyncookiesSent");
	case ACCEPTED:
		if (s->mode[0] == '2')
			return counter_in(own, "SyncookiesRecv");
		return counter_in(tcp ? "/proc/net/snmp" : own, "PassiveOpens");
	}
	return -1;
}

/* ---- one measurement -------------------------------------------------------------- */

static bool set_cookie_mode(const char *mode)
{
	return xt_sysctl(xt_is_control() ? "net/ipv4/tcp_syncookies" : "net/xtcp/syncookies", mode);
}

static int open_listener(int family, uint16_t port, int backlog)
{
	struct xt_addr any = xt_any(family, port);
	int fd = xt_socket(family);

	if (fd >= 0 && (xt_bind(fd, &any) || listen(fd, backlog))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The packets to measure, and everything that has to be so before they come. */
static bool prepare(const struct scenario *s, int family, uint16_t port, int count)
{
	int i, filling = WARM_UP;

	if (s->full)
		filling += BACKLOG + 1;
	make_syns(s, family, port, filling);
	if (inject(filling) < 0)
		return false;
	if (s->full && xt_proc_count(family, port, 3) < BACKLOG)
		return complain("the listener did not fill up");
	make_syns(s, family, port, count);
	if (s->fate != ACCEPTED)
		return true;
	if (inject(count) < 0 || nr_answers != count)
		return complain("%d SYN-ACKs for %d SYNs", nr_answers, count);
	for (i = 0; i < count; i++)
		make_ack(&packets[i], &answers[i], family);
	return true;
}

/* What is left to timers and to RCU happens now and in no measurement. */
static void settle(int family, uint16_t port)
{
	int i;

	for (i = 0; i < 100 && xt_proc_count(family, port, 0); i++)
		xt_pause_ms(100);
	xt_pause_ms(100);
	drain();
}

/* Did each of the @count packets meet the fate the scenario is about, and no other? */
static bool all_met_fate(const struct scenario *s, long met, int count)
{
	bool answered = s->fate == KEPT || s->fate == COOKIE;

	if (met != count)
		return complain("%ld of %d packets met that fate", met, count);
	if (nr_answers != (answered ? count : 0))
		return complain("%d SYN-ACKs for %d packets", nr_answers, count);
	return true;
}

/* Nanoseconds for @count packets of a scenario, or -1. */
static int64_t measure(const struct scenario *s, int family, uint16_t port, int count)
{
	int64_t time_ns = -1;
	long before;
	int fd = -1;

	if (set_cookie_mode(s->mode))
		fd = open_listener(family, port, s->full ? BACKLOG : atoi(LARGE));
	if (fd < 0) {
		complain("no listener: %s", strerror(errno));
		return -1;
	}
	if (prepare(s, family, port, count)) {
		before = met_fate(s, family, port);
		time_ns = inject(count);
		if (before < 0 || time_ns < 0 ||
		    !all_met_fate(s, met_fate(s, family, port) - before, count))
			time_ns = -1;
	}
	close(fd);
	settle(family, port);
	return time_ns;
}

/* ---- all of them ------------------------------------------------------------------ */

static bool run_round(int round, int family)
{
	static uint16_t port = 10000;
	const char *ip = family == AF_INET6 ? "IPv6" : "IPv4";
	const struct scenario *s;
	int64_t time_ns;
	int turn, count;

	for (s = scenarios; s < scenarios + sizeof(scenarios) / sizeof(*s); s++) {
		count = s->fate == ACCEPTED ? ACKS : SYNS;
		for (turn = 0; turn < 2; turn++) {
			/* Who goes first changes from round to round. */
			choose_transport((round + turn) % 2);
			time_ns = measure(s, family, port++, count);
			if (time_ns < 0)
				return complain("round %d, %s, %s, %s: not measured", round, ip,
						s->name, transport());
			printf("time\t%d\t%s\t%s\t%s\t%d\t%lld\n", round, ip, s->name, transport(),
			       count, (long long)time_ns);
			fflush(stdout);
		}
	}
	return true;
}

/* One number of an object cache, by the allocator's own account; -1: it does not say. */
static long cache_number(const char *cache, const char *what)
{
	char path[200];
	long value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/%s", cache, what);
	file = fopen(path, "r");
	if (file && fscanf(file, "%ld", &value) != 1)
		value = -1;
	if (file)
		fclose(file);
	return value;
}

static bool print_bytes(const char *of, const char *ip, const char *cache)
{
	long object = cache_number(cache, "object_size");
	long per_slab = cache_number(cache, "objs_per_slab"), order = cache_number(cache, "order");

	if (object < 0 || per_slab <= 0 || order < 0)
		return complain("nothing about %s in /sys/kernel/slab", cache);
	printf("bytes\t%s\t%s\t%ld\t%.1f\n", of, ip, object,
	       (double)(sysconf(_SC_PAGESIZE) << order) / per_slab);
	return true;
}

/* Equal for both: written where both have it, printed as it is. */
static bool set_up(void)
{
	static const char * const settings[][2] = {
		{ "net/core/somaxconn", LARGE },
		{ "net/ipv4/tcp_max_syn_backlog", LARGE },
		{ "net/xtcp/max_syn_backlog", LARGE },
		{ "net/ipv4/tcp_timestamps", "1" },
		{ "net/xtcp/timestamps", "1" },
		{ "net/ipv4/tcp_window_scaling", "1" },
		{ "net/xtcp/window_scaling", "1" },
		{ "net/ipv4/tcp_sack", "1" },
		{ "net/xtcp/sack", "1" },
		{ "net/ipv4/tcp_rmem", "4096 131072 6291456" },
		{ "net/xtcp/rmem", "4096 131072 6291456" },
		{ "net/ipv4/conf/all/rp_filter", "0" },
		{ "net/ipv4/conf/hole/rp_filter", "0" },
	};
	size_t i;

	if (xt_netns())
		return complain("no network namespace: %s", strerror(errno));
	tun = xt_hole();
	if (tun < 0 || xt_nonblock(tun) ||
	    !xt_run("ip route add 10.0.0.0/8 via 192.0.2.2") ||
	    !xt_run("ip route add 2001:db8:1::/64 via 2001:db8::2"))
		return complain("no TUN device");
	for (i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		if (!xt_sysctl(settings[i][0], settings[i][1]))
			return complain("cannot write %s: %s", settings[i][0], strerror(errno));
		printf("set\t%s\t%s\n", settings[i][0], settings[i][1]);
	}
	printf("set\tbacklog\t%s, full: %d\n", LARGE, BACKLOG);
	printf("set\tpackets\t%d SYNs, %d ACKs\n", SYNS, ACKS);
	return true;
}

int main(int argc, char **argv)
{
	int round, rounds = argc == 2 ? atoi(argv[1]) : 0;

	if (rounds < 1) {
		fprintf(stderr, "usage: helper_syn ROUNDS\n");
		return 2;
	}
	if (!set_up() || !print_bytes("tcp", "IPv4", "request_sock_TCP") ||
	    !print_bytes("tcp", "IPv6", "request_sock_TCPv6") ||
	    !print_bytes("xtcp", "IPv4", "xtcp_halfopen") ||
	    !print_bytes("xtcp", "IPv6", "xtcp_halfopen6"))
		return 1;
	/* Round 0 only warms up. */
	for (round = 0; round <= rounds; round++) {
		if (!run_round(round, AF_INET) || !run_round(round, AF_INET6))
			return 1;
	}
	return 0;
}
