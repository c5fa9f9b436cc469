// SPDX-License-Identifier: GPL-2.0-only
/*
 * A socket() that opens nothing and tells its arguments, to be preloaded behind
 * libxtcp-preload.so: what arrives here is what the kernel would have seen.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int socket(int family, int type, int protocol);

int socket(int family, int type, int protocol)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "%d %d %d\n", family, type, protocol);

	if (write(STDOUT_FILENO, line, len) != len)
		return -1;
	errno = ENOTTY;
	return -1;
}
