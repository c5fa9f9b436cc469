// SPDX-License-Identifier: GPL-2.0-only
/* A machine booted with ipv6.disable=1: no AF_INET6 sockets, by neither door; IPv4 as ever. */
#define _GNU_SOURCE
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

FIXTURE(no_ipv6)
{
	int unused;
};

FIXTURE_SETUP(no_ipv6)
{
	FILE *file = fopen("/sys/module/ipv6/parameters/disable", "r");
	int disabled = 0;

	ASSERT_NE(NULL, file);
	ASSERT_EQ(1, fscanf(file, "%d", &disabled));
	fclose(file);
	if (!disabled)
		SKIP(return, "this kernel was booted without ipv6.disable=1");
}

FIXTURE_TEARDOWN(no_ipv6)
{
}

TEST_F(no_ipv6, no_such_sockets)
{
	ROW("API-01");
	EXPECT_ERR(EAFNOSUPPORT, xt_socket(AF_INET6));
	EXPECT_ERR(EAFNOSUPPORT, xt_socket_inet(AF_INET6));
}

TEST_F(no_ipv6, ipv4_works)
{
	int client, server;
	char byte = 'x';

	ROW("API-01");
	ASSERT_RET(0, xt_pair(AF_INET, &client, &server));
	EXPECT_RET(1, send(client, &byte, 1, 0));
	byte = 0;
	EXPECT_RET(1, recv(server, &byte, 1, 0));
	EXPECT_EQ('x', byte);
	close(client);
	close(server);
}

TEST_HARNESS_MAIN
