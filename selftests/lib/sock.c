// SPDX-License-Identifier: GPL-2.0-only
/* Helpers of the socket tests: see sock.h. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include "sock.h"

/* --- addresses ------------------------------------------------------------ */

struct xt_addr xt_addr_parse(const char *text, uint16_t port)
{
	struct xt_addr addr;

	memset(&addr, 0, sizeof(addr));
	if (strchr(text, ':')) {
		addr.in6.sin6_family = AF_INET6;
		addr.in6.sin6_port = htons(port);
		inet_pton(AF_INET6, text, &addr.in6.sin6_addr);
		addr.len = sizeof(addr.in6);
	} else {
		addr.in.sin_family = AF_INET;
		addr.in.sin_port = htons(port);
		inet_pton(AF_INET, text, &addr.in.sin_addr);
		addr.len = sizeof(addr.in);
	}
	return addr;
}

struct xt_addr xt_loopback(int family, uint16_t port)
{
	return xt_addr_parse(family == AF_INET6 ? "::1" : "127.0.0.1", port);
}

struct xt_addr xt_any(int family, uint16_t port)
{
	return xt_addr_parse(family == AF_INET6 ? "::" : "0.0.0.0", port);
}

uint16_t xt_port(const struct xt_addr *addr)
{
	return ntohs(addr->sa.sa_family == AF_INET6 ? addr->in6.sin6_port : addr->in.sin_port);
}

void xt_set_port(struct xt_addr *addr, uint16_t port)
{
	if (addr->sa.sa_family == AF_INET6)
		addr->in6.sin6_port = htons(port);
	else
		addr->in.sin_port = htons(port);
}

bool xt_addr_equal(const struct xt_addr *a, const struct xt_addr *b)
{
	return a->len == b->len && !memcmp(&a->ss, &b->ss, a->len);
}

int xt_sockname(int fd, struct xt_addr *addr)
{
	memset(addr, 0xff, sizeof(*addr));
	addr->len = sizeof(addr->ss);
	return getsockname(fd, &addr->sa, &addr->len);
}

int xt_peername(int fd, struct xt_addr *addr)
{
	memset(addr, 0xff, sizeof(*addr));
	addr->len = sizeof(addr->ss);
	return getpeername(fd, &addr->sa, &addr->len);
}

int xt_bind(int fd, const struct xt_addr *addr)
{
	return bind(fd, &addr->sa, addr->len);
}

int xt_connect(int fd, const struct xt_addr *addr)
{
	return connect(fd, &addr->sa, addr->len);
}

/* --- ready-made sockets ---------------------------------------------------- */

static int fail_close(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return -1;
}

int xt_listen(int family, int backlog, struct xt_addr *bound)
{
	struct xt_addr addr = xt_loopback(family, 0);
	int fd = xt_socket(family);

	if (fd < 0)
		return -1;
	if (xt_bind(fd, &addr) || listen(fd, backlog) || (bound && xt_sockname(fd, bound)))
		return fail_close(fd);
	return fd;
}

int xt_dial(int family, const struct xt_addr *to)
{
	int fd = xt_socket(family);

	if (fd < 0)
		return -1;
	if (xt_connect(fd, to))
		return fail_close(fd);
	return fd;
}

int xt_pair(int family, int *client, int *server)
{
	struct xt_addr addr;
	int lfd = xt_listen(family, 1, &addr);

	if (lfd < 0)
		return -1;
	*client = xt_dial(family, &addr);
	if (*client < 0)
		return fail_close(lfd);
	*server = accept(lfd, NULL, NULL);
	if (*server < 0) {
		close(*client);
		return fail_close(lfd);
	}
	close(lfd);
	return 0;
}

uint16_t xt_closed_port(int family)
{
	struct xt_addr addr = xt_loopback(family, 0);
	int fd = xt_socket(family);

	if (fd < 0)
		return 0;
	if (!xt_bind(fd, &addr))
		xt_sockname(fd, &addr);
	close(fd);
	return xt_port(&addr);
}

/* --- options ---------------------------------------------------------------- */

int xt_set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

int xt_get_int(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, name, &value, &len) ? -errno : value;
}

int xt_set_linger(int fd, int on, int seconds)
{
	struct linger linger = { .l_onoff = on, .l_linger = seconds };

	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

int xt_set_timeout(int fd, int name, int milliseconds)
{
	struct timeval tv = {
		.tv_sec = milliseconds / 1000,
		.tv_usec = (milliseconds % 1000) * 1000,
	};

	return setsockopt(fd, SOL_SOCKET, name, &tv, sizeof(tv));
}

int xt_nonblock(int fd)
{
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

int xt_so_error(int fd)
{
	return xt_get_int(fd, SOL_SOCKET, SO_ERROR);
}

int xt_reset(int fd)
{
	if (xt_set_linger(fd, 1, 0))
		return -1;
	return close(fd);
}

/* --- watching --------------------------------------------------------------- */

int64_t xt_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void xt_pause_ms(int milliseconds)
{
	struct timespec ts = {
		.tv_sec = milliseconds / 1000,
		.tv_nsec = (milliseconds % 1000) * 1000000L,
	};

	nanosleep(&ts, NULL);
}

short xt_revents(int fd, short events)
{
	return xt_poll(fd, events, 0);
}

short xt_poll(int fd, short events, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return poll(&pfd, 1, timeout_ms) < 0 ? 0 : pfd.revents;
}

bool xt_wait_revents(int fd, short want)
{
	short seen = 0;

	if (XT_WAIT((seen = xt_revents(fd, XT_POLL_ALL)) == want))
		return true;
	printf("# poll mask 0x%x, expected 0x%x\n", seen, want);
	fflush(stdout);
	return false;
}

int xt_state(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return -1;
	return info.tcpi_state;
}

bool xt_wait_state(int fd, int state)
{
	int seen = -1;

	if (XT_WAIT((seen = xt_state(fd)) == state))
		return true;
	printf("# state %d, expected %d\n", seen, state);
	fflush(stdout);
	return false;
}

bool xt_wait_unread(int fd, int want)
{
	int unread = 0;

	return XT_WAIT(!ioctl(fd, SIOCINQ, &unread) && unread >= want);
}

int xt_unacked(int fd)
{
	int bytes = 0;

	return ioctl(fd, SIOCOUTQ, &bytes) ? -errno : bytes;
}

/* --- data ---------------------------------------------------------------------- */

/*
 * A counter of 8-byte words, each mixed, so that a lost, doubled or displaced
 * piece of any length shows at its exact position.
 */
static uint64_t stream_word(uint64_t seed, uint64_t index)
{
	uint64_t x = (index + 1) * 0x9e3779b97f4a7c15ULL + seed;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

uint8_t xt_byte(uint64_t seed, uint64_t offset)
{
	return stream_word(seed, offset / 8) >> (8 * (offset % 8));
}

void xt_fill(void *buf, size_t len, uint64_t seed, uint64_t offset)
{
	uint8_t *out = buf;
	size_t i = 0;

	for (; i < len && (offset + i) % 8; i++)
		out[i] = xt_byte(seed, offset + i);
	for (; i + 8 <= len; i += 8) {
		uint64_t word = htole64(stream_word(seed, (offset + i) / 8));

		memcpy(out + i, &word, 8);
	}
	for (; i < len; i++)
		out[i] = xt_byte(seed, offset + i);
}

ssize_t xt_mismatch(const void *buf, size_t len, uint64_t seed, uint64_t offset)
{
	const uint8_t *in = buf;
	size_t i = 0;

	for (; i < len && (offset + i) % 8; i++)
		if (in[i] != xt_byte(seed, offset + i))
			return i;
	for (; i + 8 <= len; i += 8) {
		uint64_t word = htole64(stream_word(seed, (offset + i) / 8));

		if (memcmp(in + i, &word, 8))
			break;
	}
	for (; i < len; i++)
		if (in[i] != xt_byte(seed, offset + i))
			return i;
	return -1;
}

ssize_t xt_send_all(int fd, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = send(fd, (const char *)buf + done, len - done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += n;
	}
	return done;
}

ssize_t xt_recv_all(int fd, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = recv(fd, (char *)buf + done, len - done, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += n;
	}
	return done;
}

bool xt_send_stream(int fd, uint64_t seed, uint64_t len)
{
	static __thread uint8_t buf[65536];
	uint64_t done = 0;

	while (done < len) {
		size_t piece = len - done < sizeof(buf) ? len - done : sizeof(buf);

		xt_fill(buf, piece, seed, done);
		if (xt_send_all(fd, buf, piece) != (ssize_t)piece)
			return false;
		done += piece;
	}
	return true;
}

bool xt_recv_stream(int fd, uint64_t seed, uint64_t len)
{
	static __thread uint8_t buf[65536];
	uint64_t done = 0;

	while (done < len) {
		size_t want = len - done < sizeof(buf) ? len - done : sizeof(buf);
		ssize_t n = recv(fd, buf, want, 0);
		ssize_t bad;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			printf("# stream ends at %" PRIu64 " of %" PRIu64 ": %s\n", done, len,
			       n ? strerror(errno) : "end of file");
			return false;
		}
		bad = xt_mismatch(buf, n, seed, done);
		if (bad >= 0) {
			printf("# stream differs at byte %" PRIu64 "\n", done + bad);
			return false;
		}
		done += n;
	}
	return true;
}

uint64_t xt_seed(void)
{
	static uint64_t seed;
	const char *text = getenv("XTCP_TEST_SEED");
	struct timespec ts;

	if (seed)
		return seed;
	if (text) {
		seed = strtoull(text, NULL, 0);
	} else {
		clock_gettime(CLOCK_REALTIME, &ts);
		seed = (uint64_t)ts.tv_sec * 1000000007ULL + ts.tv_nsec;
	}
	seed |= 1;
	printf("# seed %" PRIu64 " (XTCP_TEST_SEED repeats it)\n", seed);
	fflush(stdout);
	return seed;
}

/* --- surroundings --------------------------------------------------------------- */

static int link_up(const char *name)
{
	struct ifreq ifr;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int err;

	if (fd < 0)
		return -1;
	memset(&ifr, 0, sizeof(ifr));
	strncpy(ifr.ifr_name, name, sizeof(ifr.ifr_name) - 1);
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	err = ioctl(fd, SIOCSIFFLAGS, &ifr);
	close(fd);
	return err;
}

int xt_netns(void)
{
	if (unshare(CLONE_NEWNET))
		return -1;
	return link_up("lo");
}

int xt_hole(void)
{
	struct ifreq ifr;
	int fd;

	/* Explicitly: the kernel's own call of modprobe does not reach it in every test VM. */
	if (access("/dev/net/tun", F_OK))
		xt_run("modprobe tun");
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	if (fd < 0) {
		perror("# /dev/net/tun");
		return -1;
	}
	memset(&ifr, 0, sizeof(ifr));
	strcpy(ifr.ifr_name, "hole");
	ifr.ifr_flags = IFF_TUN | IFF_NO_PI;
	if (ioctl(fd, TUNSETIFF, &ifr) ||
	    !xt_run("ip addr add 192.0.2.1/24 dev hole && "
		    "ip addr add 2001:db8::1/64 dev hole nodad") ||
	    link_up("hole"))
		return fail_close(fd);
	return fd;
}

struct xt_addr xt_hole_addr(int family, uint16_t port)
{
	return xt_addr_parse(family == AF_INET6 ? "2001:db8::2" : "192.0.2.2", port);
}

static int count_swallowed(int tun)
{
	uint8_t packet[65536];
	ssize_t len;
	int count = 0;

	while ((len = read(tun, packet, sizeof(packet))) > 0) {
		int proto = packet[0] >> 4 == 6 ? packet[6] : packet[9];

		count += proto == xt_ipproto();
	}
	return count;
}

int xt_hole_count(int tun, int least)
{
	int count = 0;

	if (!XT_WAIT((count += count_swallowed(tun)) >= least))
		printf("# %d packets in the hole instead of %d\n", count, least);
	return count;
}

bool xt_lo_delay(int milliseconds)
{
	if (access("/sys/module/sch_netem", F_OK))
		xt_run("modprobe sch_netem");
	return xt_run("tc qdisc replace dev lo root netem limit 10000 delay %dms", milliseconds);
}

bool xt_run(const char *fmt, ...)
{
	char command[2048];
	char line[512];
	va_list ap;
	FILE *pipe;
	int len;
	int status;
	char output[4096] = "";

	va_start(ap, fmt);
	len = vsnprintf(command, sizeof(command) - 16, fmt, ap);
	va_end(ap);
	if (len < 0 || len >= (int)sizeof(command) - 16)
		return false;
	/* In a group, so that the errors of every command of a list are caught. */
	memmove(command + 2, command, len);
	memcpy(command, "{ ", 2);
	strcpy(command + 2 + len, ";} 2>&1");
	fflush(stdout);
	pipe = popen(command, "r");
	if (!pipe)
		return false;
	while (fgets(line, sizeof(line), pipe))
		strncat(output, line, sizeof(output) - strlen(output) - 1);
	status = pclose(pipe);
	if (status) {
		printf("# command failed: %s\n# %s\n", command, output);
		fflush(stdout);
	}
	return status == 0;
}

bool xt_sysctl(const char *path, const char *value)
{
	char full[256];
	ssize_t len;
	int fd;

	snprintf(full, sizeof(full), "/proc/sys/%s", path);
	fd = open(full, O_WRONLY);
	if (fd < 0)
		return false;
	len = write(fd, value, strlen(value));
	close(fd);
	return len == (ssize_t)strlen(value);
}

const char *xt_proc_list(int family)
{
	if (xt_is_control())
		return family == AF_INET6 ? "/proc/net/tcp6" : "/proc/net/tcp";
	return family == AF_INET6 ? "/proc/net/xtcp6" : "/proc/net/xtcp";
}

int xt_proc_count(int family, uint16_t port, int state)
{
	unsigned int lport, rport, st;
	char line[512];
	FILE *file;
	int count = 0;

	file = fopen(xt_proc_list(family), "r");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%x %x",
			   &lport, &rport, &st) != 3)
			continue;
		if ((lport == port || rport == port) && (!state || st == (unsigned int)state))
			count++;
	}
	fclose(file);
	return count;
}
