// SPDX-License-Identifier: GPL-2.0-only
/* The face of the module: /proc listings as TCP's, ss on them, parameters, autoload alias. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "fixture.h"

XT_FIXTURE(proc)

/* One line of the listing, as netstat and ss read it. */
struct row {
	char laddr[40], raddr[40];
	unsigned int lport, rport, state, uid;
	unsigned long long inode;
	unsigned int txq, rxq;
	int timer;
};

/* The row with this local port and state; the number of such rows. */
static int find_row(int family, uint16_t port, int state, struct row *found)
{
	struct row row;
	char line[512];
	FILE *file = fopen(xt_proc_list(family), "r");
	int count = 0;

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " %*d: %39[0-9A-F]:%X %39[0-9A-F]:%X %X %X:%X %X:%*X %*X %u %*u %llu",
			   row.laddr, &row.lport, row.raddr, &row.rport, &row.state, &row.txq,
			   &row.rxq, (unsigned int *)&row.timer, &row.uid, &row.inode) != 10)
			continue;
		if (row.lport == port && row.state == (unsigned int)state) {
			*found = row;
			count++;
		}
	}
	fclose(file);
	return count;
}

static const char *loopback_hex(int family)
{
	return family == AF_INET6 ? "00000000000000000000000001000000" : "0100007F";
}

TEST_F(proc, header)
{
	static const char tcp4[] =
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   "
		"uid  timeout inode";
	static const char tcp6[] =
		"  sl  local_address                         remote_address                        "
		"st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
	const char *want = variant->family == AF_INET6 ? tcp6 : tcp4;
	char line[512] = "";
	FILE *file;

	ROW("API-42");
	file = fopen(xt_proc_list(variant->family), "r");
	ASSERT_NE(NULL, file);
	ASSERT_NE(NULL, fgets(line, sizeof(line), file));
	fclose(file);
	EXPECT_EQ(0, strncmp(want, line, strlen(want))) TH_LOG("%s", line);
}

/* TCP pads each line; readers that seek by line length rely on it. */
TEST_F(proc, line_length)
{
	struct xt_addr addr;
	char line[512] = "";
	FILE *file;
	int lfd;

	ROW("API-42");
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	file = fopen(xt_proc_list(variant->family), "r");
	ASSERT_NE(NULL, file);
	ASSERT_NE(NULL, fgets(line, sizeof(line), file));
	if (variant->family == AF_INET) {
		EXPECT_EQ(150, strlen(line));
	}
	ASSERT_NE(NULL, fgets(line, sizeof(line), file));
	if (variant->family == AF_INET) {
		EXPECT_EQ(150, strlen(line));
	}
	EXPECT_EQ('\n', line[strlen(line) - 1]);
	fclose(file);
	close(lfd);
}

TEST_F(proc, states)
{
	struct row row;
	struct xt_addr addr, name;
	uint16_t port;
	int lfd, client, server;

	ROW("API-42");
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	EXPECT_EQ(1, find_row(variant->family, xt_port(&addr), TCP_LISTEN, &row));
	EXPECT_STREQ(loopback_hex(variant->family), row.laddr);
	EXPECT_EQ(0, row.rport);
	EXPECT_EQ(0, row.uid);
	EXPECT_NE(0, row.inode);
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	/* For a listener the receive queue is the accept queue. */
	EXPECT_TRUE(XT_WAIT(find_row(variant->family, xt_port(&addr), TCP_LISTEN, &row) == 1 &&
			    row.rxq == 1));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	ASSERT_RET(0, xt_sockname(client, &name));
	port = xt_port(&name);
	EXPECT_EQ(1, find_row(variant->family, port, TCP_ESTABLISHED, &row));
	EXPECT_STREQ(loopback_hex(variant->family), row.laddr);
	EXPECT_STREQ(loopback_hex(variant->family), row.raddr);
	EXPECT_EQ(xt_port(&addr), row.rport);
	EXPECT_EQ(1, find_row(variant->family, xt_port(&addr), TCP_ESTABLISHED, &row));
	EXPECT_EQ(port, row.rport);
	EXPECT_RET(7, send(client, "1234567", 7, 0));
	ASSERT_TRUE(xt_wait_unread(server, 7));
	EXPECT_EQ(1, find_row(variant->family, xt_port(&addr), TCP_ESTABLISHED, &row));
	EXPECT_EQ(7, row.rxq);
	ASSERT_RET(0, shutdown(client, SHUT_WR));
	EXPECT_TRUE(XT_WAIT(find_row(variant->family, port, TCP_FIN_WAIT2, &row) == 1));
	EXPECT_EQ(1, find_row(variant->family, xt_port(&addr), TCP_CLOSE_WAIT, &row));
	ASSERT_RET(0, shutdown(server, SHUT_WR));
	EXPECT_TRUE(XT_WAIT(find_row(variant->family, port, TCP_TIME_WAIT, &row) == 1));
	EXPECT_EQ(0, row.inode);
	EXPECT_EQ(3, row.timer);
	close(client);
	close(server);
	close(lfd);
	EXPECT_EQ(0, find_row(variant->family, xt_port(&addr), TCP_LISTEN, &row));
}

TEST_F(proc, half_open)
{
	struct xt_addr addr, name;
	struct row row;
	int lfd, fd;

	ROW("HS-02");
	ROW("API-42");
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	ASSERT_TRUE(xt_lo_delay(200));
	fd = ASSERT_FD(xt_socket_flags(variant->family, SOCK_NONBLOCK));
	EXPECT_ERR(EINPROGRESS, xt_connect(fd, &addr));
	ASSERT_RET(0, xt_sockname(fd, &name));
	EXPECT_EQ(1, find_row(variant->family, xt_port(&name), TCP_SYN_SENT, &row));
	EXPECT_EQ(1, row.timer);
	EXPECT_TRUE(XT_WAIT(find_row(variant->family, xt_port(&addr), TCP_SYN_RECV, &row) == 1));
	EXPECT_EQ(xt_port(&name), row.rport);
	/* Invisible to accept() until the handshake is complete. */
	EXPECT_EQ(0, xt_revents(lfd, POLLIN));
	EXPECT_TRUE(xt_wait_revents(fd, XT_POLL_WRITE));
	EXPECT_TRUE(xt_poll(lfd, POLLIN, XT_DEADLINE_MS) & POLLIN);
	EXPECT_EQ(0, find_row(variant->family, xt_port(&addr), TCP_SYN_RECV, &row));
	close(fd);
	close(lfd);
}

/* Connections of an IPv6 socket stand in IPv6's listing, from SYN_RCVD to TIME_WAIT. */
TEST_F(proc, mapped_peer)
{
	static const int states[] = { TCP_SYN_RECV, TCP_ESTABLISHED, TCP_CLOSE_WAIT, TCP_LAST_ACK,
				      TCP_TIME_WAIT };
	static const char loopback[] = "0000000000000000FFFF00000100007F";
	struct xt_addr any = xt_any(AF_INET6, 0), addr;
	struct row row;
	unsigned int i;
	int lfd, client, server;

	if (variant->family == AF_INET)
		SKIP(return, "of AF_INET6 only");
	ROW("API-40");
	ROW("API-42");
	lfd = ASSERT_FD(xt_socket(AF_INET6));
	ASSERT_RET(0, xt_bind(lfd, &any));
	ASSERT_RET(0, xt_set_int(lfd, SOL_TCP, TCP_DEFER_ACCEPT, 10));
	ASSERT_RET(0, listen(lfd, 1));
	ASSERT_RET(0, xt_sockname(lfd, &any));
	addr = xt_loopback(AF_INET, xt_port(&any));
	client = ASSERT_FD(xt_dial(AF_INET, &addr));
	EXPECT_TRUE(XT_WAIT(find_row(AF_INET6, xt_port(&addr), TCP_SYN_RECV, &row) == 1));
	EXPECT_STREQ(loopback, row.laddr);
	EXPECT_STREQ(loopback, row.raddr);
	EXPECT_RET(1, send(client, "x", 1, 0));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	EXPECT_EQ(1, find_row(AF_INET6, xt_port(&addr), TCP_ESTABLISHED, &row));
	EXPECT_STREQ(loopback, row.raddr);
	ASSERT_RET(0, shutdown(server, SHUT_WR));
	close(client);
	EXPECT_TRUE(XT_WAIT(find_row(AF_INET6, xt_port(&addr), TCP_TIME_WAIT, &row) == 1));
	EXPECT_STREQ(loopback, row.laddr);
	EXPECT_STREQ(loopback, row.raddr);
	for (i = 0; i < sizeof(states) / sizeof(*states); i++)
		EXPECT_EQ(0, find_row(AF_INET, xt_port(&addr), states[i], &row));
	close(server);
	close(lfd);
}

/* Each namespace lists its own. */
TEST_F(proc, per_namespace)
{
	struct xt_addr addr;
	int lfd;

	ROW("API-42");
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	EXPECT_EQ(1, xt_proc_count(variant->family, xt_port(&addr), 0));
	ASSERT_RET(0, xt_netns());
	EXPECT_EQ(0, xt_proc_count(variant->family, xt_port(&addr), 0));
	EXPECT_EQ(0, xt_proc_count(variant->family, 0, 0));
	close(lfd);
}

/* More lines than one page of the file holds, each once. */
TEST_F(proc, many)
{
	struct xt_addr addr = xt_loopback(variant->family, 0);
	static uint8_t seen[65536];
	char line[512];
	unsigned int port, state;
	int fds[300], i, count = 0;
	FILE *file;

	ROW("API-42");
	for (i = 0; i < 300; i++)
		fds[i] = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	file = fopen(xt_proc_list(variant->family), "r");
	ASSERT_NE(NULL, file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " %*d: %*[0-9A-F]:%X %*[0-9A-F]:%*X %X", &port, &state) != 2)
			continue;
		EXPECT_EQ(0, seen[port]++);
		EXPECT_EQ(TCP_LISTEN, state);
		count++;
	}
	fclose(file);
	EXPECT_EQ(300, count);
	for (i = 0; i < 300; i++)
		close(fds[i]);
}

/* ss reads the listing when told where it is. */
TEST_F(proc, ss)
{
	const char *root = xt_is_control() ?
		"PROC_NET_TCP=/proc/net/tcp PROC_NET_TCP6=/proc/net/tcp6" :
		"PROC_NET_TCP=/proc/net/xtcp PROC_NET_TCP6=/proc/net/xtcp6";
	const char *host = variant->family == AF_INET6 ? "\\[::1\\]" : "127.0.0.1";
	struct xt_addr addr, name;
	int lfd, client, server;

	ROW("API-42");
	lfd = ASSERT_FD(xt_listen(variant->family, 1, &addr));
	client = ASSERT_FD(xt_dial(variant->family, &addr));
	server = ASSERT_FD(accept(lfd, NULL, NULL));
	ASSERT_RET(0, xt_sockname(client, &name));
	EXPECT_TRUE(xt_run("%s ss -Htan | grep -Eq '^LISTEN .* %s:%d '", root, host,
			   xt_port(&addr)));
	EXPECT_TRUE(xt_run("%s ss -Htan | grep -Eq '^ESTAB .* %s:%d +%s:%d'", root, host,
			   xt_port(&name), host, xt_port(&addr)));
	close(client);
	close(server);
	close(lfd);
}

/* The number in force can be asked for. */
TEST_F(proc, family_parameter)
{
	int family = 0, protocol = 0, fd;
	FILE *file;

	ROW("API-01");
	if (xt_is_control())
		return;
	file = fopen("/sys/module/xtcp/parameters/family", "r");
	ASSERT_NE(NULL, file);
	EXPECT_EQ(1, fscanf(file, "%d", &family));
	fclose(file);
	fd = ASSERT_FD(socket(family, SOCK_STREAM, variant->family == AF_INET6));
	EXPECT_EQ(variant->family, xt_get_int(fd, SOL_SOCKET, SO_DOMAIN));
	close(fd);
	file = fopen("/sys/module/xtcp/parameters/protocol", "r");
	ASSERT_NE(NULL, file);
	EXPECT_EQ(1, fscanf(file, "%d", &protocol));
	fclose(file);
	EXPECT_EQ(IPPROTO_XTCP, protocol);
}

/* Without being told, the kernel finds the module by family and by protocol. */
#define MODINFO_ALIAS	"modinfo -F alias ${XTCP_TOP:-../../..}/build/$(uname -r)/xtcp.ko | "

TEST_F(proc, autoload_alias)
{
	ROW("API-01");
	if (xt_is_control())
		return;
	if (variant->family == AF_INET) {
		EXPECT_TRUE(xt_run(MODINFO_ALIAS "grep -x net-pf-%d", AF_XTCP));
	}
	EXPECT_TRUE(xt_run(MODINFO_ALIAS "grep net-pf-%d-proto-%d",
			   variant->family, IPPROTO_XTCP));
}

TEST_F(proc, protocols)
{
	ROW("API-42");
	EXPECT_TRUE(xt_run("grep -qi '^%s%s ' /proc/net/protocols", xt_is_control() ? "TCP" : "XTCP",
			   variant->family == AF_INET6 ? "v6" : ""));
}

TEST_HARNESS_MAIN
