// SPDX-License-Identifier: GPL-2.0-only
/*
 * libxtcp-preload.so: gives an unmodified program xtcp sockets where it asks for TCP.
 *
 * socket(AF_INET or AF_INET6, SOCK_STREAM with any flags, 0 or IPPROTO_TCP)
 * becomes socket(AF_XTCP, ...); every other call passes through untouched.
 * Nothing else needs help: addresses, options and errno are TCP's. There is
 * deliberately no falling back to TCP: without the module socket() fails with
 * EAFNOSUPPORT, so a program either runs over xtcp or says that it does not.
 *
 * Context: any thread, also in a child of fork() or vfork(): no lock, no
 * allocation. Programs reach this through tools/xtcp-run.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/xtcp.h>

#define FAMILY_PARAMETER "/sys/module/xtcp/parameters/family"

/* SOCK_NONBLOCK and SOCK_CLOEXEC ride above the type. */
#define SOCKET_TYPE_MASK 0xf

typedef int (*socket_fn)(int family, int type, int protocol);

/* The family number in force; 0: not known yet. */
static atomic_int xtcp_family;

/* The next socket() in link order: the C library's, or another preload's. */
static _Atomic(socket_fn) next_socket;

/* A decimal number in 1..255 at the start of @text, else 0. */
static int parse_family(const char *text)
{
	int value = 0;

	while (*text >= '0' && *text <= '9' && value < 256)
		value = value * 10 + (*text++ - '0');
	return value < 256 ? value : 0;
}

/* The module's own answer, or 0 when it is not loaded or /sys is out of reach. */
static int read_family_parameter(void)
{
	char text[16] = "";
	ssize_t len;
	int fd;

	fd = open(FAMILY_PARAMETER, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	return len > 0 ? parse_family(text) : 0;
}

/*
 * xtcp-run hands the number down in XTCP_FAMILY, which also reaches children
 * that see no /sys (chroot, containers). Only a number that is certain is
 * remembered: a program may start before the module is loaded.
 */
static int get_family(void)
{
	int family = atomic_load_explicit(&xtcp_family, memory_order_relaxed);
	const char *env;

	if (family)
		return family;
	env = getenv("XTCP_FAMILY");
	if (env)
		family = parse_family(env);
	if (!family)
		family = read_family_parameter();
	if (!family)
		return AF_XTCP;
	atomic_store_explicit(&xtcp_family, family, memory_order_relaxed);
	return family;
}

static socket_fn get_next_socket(void)
{
	socket_fn fn = atomic_load_explicit(&next_socket, memory_order_relaxed);

	if (!fn) {
		fn = (socket_fn)dlsym(RTLD_NEXT, "socket");
		atomic_store_explicit(&next_socket, fn, memory_order_relaxed);
	}
	return fn;
}

/* Before main(): the program may chroot, drop privileges or fork from many threads. */
__attribute__((constructor)) static void preload_init(void)
{
	int saved_errno = errno;

	get_next_socket();
	get_family();
	errno = saved_errno;
}

static int is_tcp(int family, int type, int protocol)
{
	return (family == AF_INET || family == AF_INET6) &&
	       (type & SOCKET_TYPE_MASK) == SOCK_STREAM &&
	       (protocol == 0 || protocol == IPPROTO_TCP);
}

__attribute__((visibility("default")))
int socket(int family, int type, int protocol)
{
	int saved_errno = errno;
	socket_fn next = get_next_socket();

	if (is_tcp(family, type, protocol)) {
		protocol = family == AF_INET6 ? XTCPPROTO_INET6 : XTCPPROTO_INET;
		family = get_family();
	}
	/* What looking up the family left there is not the caller's concern. */
	errno = saved_errno;
	if (!next)
		return syscall(SYS_socket, family, type, protocol);
	return next(family, type, protocol);
}
