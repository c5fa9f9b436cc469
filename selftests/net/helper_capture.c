// SPDX-License-Identifier: GPL-2.0-only
/*
 * Captures the segments that arrive on a device and checks their checksums.
 *
 *   helper_capture DEVICE SECONDS
 *
 * Prints "capturing", then at SIGTERM or after SECONDS
 * "segments N bad N partial N unread N ipv4 N ipv6 N". Partial are segments whose
 * checksum a device would still have to finish; unread what the capture lost.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include "sock.h"

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	stopped = 1;
}

static uint32_t sum(uint32_t total, const uint8_t *data, size_t len)
{
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		total += data[i] << 8 | data[i + 1];
	if (len & 1)
		total += data[len - 1] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

/* The segment's checksum over the pseudo-header of @packet is right. */
static bool right(const uint8_t *packet, const uint8_t *segment, size_t len)
{
	bool is_v6 = packet[0] >> 4 == 6;
	uint32_t total = xt_ipproto() + len;

	total = sum(total, packet + (is_v6 ? 8 : 12), is_v6 ? 32 : 8);
	return sum(total, segment, len) == 0xffff;
}

int main(int argc, char **argv)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	unsigned int segments = 0, bad = 0, partial = 0, v4 = 0, v6 = 0;
	struct tpacket_stats stats = { 0 };
	static uint8_t packet[1 << 17];
	socklen_t len = sizeof(stats);
	int64_t end;
	int fd;

	if (argc != 3)
		return 2;
	signal(SIGTERM, on_signal);
	fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
	addr.sll_ifindex = if_nametoindex(argv[1]);
	if (fd < 0 || !addr.sll_ifindex ||
	    xt_set_int(fd, SOL_PACKET, PACKET_AUXDATA, 1) ||
	    xt_set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		perror("capture");
		return 1;
	}
	printf("capturing\n");
	fflush(stdout);
	end = xt_now_ms() + atoi(argv[2]) * 1000;
	while (!stopped && xt_now_ms() < end) {
		char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
		struct sockaddr_ll from;
		struct iovec iov = { packet, sizeof(packet) };
		struct msghdr msg = {
			.msg_name = &from, .msg_namelen = sizeof(from),
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = control, .msg_controllen = sizeof(control),
		};
		struct tpacket_auxdata aux = { 0 };
		const uint8_t *segment;
		struct cmsghdr *cmsg;
		size_t size;
		ssize_t n;

		if (!(xt_poll(fd, POLLIN, 100) & POLLIN))
			continue;
		n = recvmsg(fd, &msg, MSG_DONTWAIT);
		if (n < 20 || from.sll_pkttype == PACKET_OUTGOING)
			continue;
		if (packet[0] >> 4 == 4 && packet[9] == xt_ipproto()) {
			segment = packet + (packet[0] & 15) * 4;
			size = (packet[2] << 8 | packet[3]) - (packet[0] & 15) * 4;
			v4++;
		} else if (packet[0] >> 4 == 6 && packet[6] == xt_ipproto()) {
			segment = packet + 40;
			size = packet[4] << 8 | packet[5];
			v6++;
		} else {
			continue;
		}
		segments++;
		for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg))
			if (cmsg->cmsg_level == SOL_PACKET && cmsg->cmsg_type == PACKET_AUXDATA)
				memcpy(&aux, CMSG_DATA(cmsg), sizeof(aux));
		if (aux.tp_status & TP_STATUS_CSUMNOTREADY)
			partial++;
		else if (segment + size > packet + n || !right(packet, segment, size))
			bad++;
	}
	getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len);
	printf("segments %u bad %u partial %u unread %u ipv4 %u ipv6 %u\n", segments, bad, partial,
	       stats.tp_drops, v4, v6);
	return 0;
}
