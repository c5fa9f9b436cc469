// SPDX-License-Identifier: GPL-2.0-only
/*
 * demo-file: a file crosses an xtcp connection; the server and the client of the demo.
 *
 *	demo-file send FILE PORT	waits for one client and sends it FILE
 *	demo-file receive ADDRESS PORT FILE	connects and stores what comes
 *
 * ADDRESS is IPv4 or IPv6. With -t in front the kernel's own TCP is used, to
 * compare. The only difference between the two is the call of socket().
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <linux/xtcp.h>

#define CHUNK_BYTES (64 * 1024)

static bool use_tcp;

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "demo-file: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_socket(int family)
{
	int fd;

	if (use_tcp)
		fd = socket(family, SOCK_STREAM, 0);
	else
		fd = socket(AF_XTCP, SOCK_STREAM,
			    family == AF_INET6 ? XTCPPROTO_INET6 : XTCPPROTO_INET);
	if (fd < 0)
		die("socket");
	return fd;
}

static unsigned short parse_port(const char *text)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (*end || port < 1 || port > 65535) {
		errno = EINVAL;
		die(text);
	}
	return port;
}

/* Seconds since some fixed moment. */
static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void write_all(int fd, const char *buf, size_t len, const char *what)
{
	while (len) {
		ssize_t done = write(fd, buf, len);

		if (done < 0) {
			if (errno == EINTR)
				continue;
			die(what);
		}
		buf += done;
		len -= done;
	}
}

/* One line that rewrites itself on a terminal; elsewhere a line for every step. */
static void show_progress(unsigned long long done, double start, bool last)
{
	static double shown;
	double at = now();

	if (!last && at - shown < (isatty(STDOUT_FILENO) ? 0.2 : 3))
		return;
	shown = at;
	printf("%s   %6.2f MB received, %.0f s, %.2f MB/s%s", isatty(STDOUT_FILENO) ? "\r" : "",
	       done / 1e6, at - start, done / 1e6 / (at > start ? at - start : 1),
	       last || !isatty(STDOUT_FILENO) ? "\n" : "");
	fflush(stdout);
}

/* Everything from @from, a file or a socket, goes to @to. Returns the bytes moved. */
static unsigned long long copy(int from, int to, bool progress)
{
	static char buf[CHUNK_BYTES];
	unsigned long long total = 0;
	double start = now();

	for (;;) {
		ssize_t len = read(from, buf, sizeof(buf));

		if (len < 0) {
			if (errno == EINTR)
				continue;
			die("read");
		}
		if (len == 0)
			break;
		write_all(to, buf, len, "write");
		total += len;
		if (progress)
			show_progress(total, start, false);
	}
	if (progress)
		show_progress(total, start, true);
	return total;
}

static int send_file(const char *path, const char *port)
{
	struct sockaddr_in6 addr = {
		.sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_ANY_INIT,
		.sin6_port = htons(parse_port(port)),
	};
	int file, listener, fd, one = 1;
	char rest;

	file = open(path, O_RDONLY);
	if (file < 0)
		die(path);
	/* One IPv6 listener on the any-address takes IPv4 clients too. */
	listener = open_socket(AF_INET6);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)))
		die("bind");
	if (listen(listener, 1))
		die("listen");
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		die("accept");
	copy(file, fd, false);
	/* Our half is complete; the client's end of file says that it has all. */
	if (shutdown(fd, SHUT_WR))
		die("shutdown");
	while (read(fd, &rest, 1) > 0)
		;
	close(fd);
	return 0;
}

static int connect_to(const char *host, unsigned short port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd, err;

	if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
		fd = open_socket(AF_INET);
		err = connect(fd, (struct sockaddr *)&in, sizeof(in));
	} else if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1) {
		fd = open_socket(AF_INET6);
		err = connect(fd, (struct sockaddr *)&in6, sizeof(in6));
	} else {
		errno = EINVAL;
		die(host);
	}
	if (err)
		die("connect");
	return fd;
}

static int receive_file(const char *host, const char *port, const char *path)
{
	int file, fd;

	file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (file < 0)
		die(path);
	fd = connect_to(host, parse_port(port));
	copy(fd, file, true);
	if (close(file))
		die(path);
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "-t")) {
		use_tcp = true;
		argv++;
		argc--;
	}
	if (argc == 4 && !strcmp(argv[1], "send"))
		return send_file(argv[2], argv[3]);
	if (argc == 5 && !strcmp(argv[1], "receive"))
		return receive_file(argv[2], argv[3], argv[4]);
	fprintf(stderr, "usage: demo-file [-t] send FILE PORT\n"
			"       demo-file [-t] receive ADDRESS PORT FILE\n");
	return 2;
}
