// SPDX-License-Identifier: GPL-2.0-only
/*
 * Urgent data: the flag, the pointer, the mark (RFC 9293, 3.8.5, 3.10.7.4 sixth; RFC 6093).
 *
 * The pointer names the octet after the last urgent one, at both ends (D13).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sockios.h>
#include <signal.h>
#include <sys/ioctl.h>
#include "peer_test.h"

WIRE_FIXTURE(urgent)

/* No scaling, so that a script can say what the window is, to the byte. */
FIXTURE_SETUP(urgent)
{
	ASSERT_TRUE(peer_open(&self->p, variant->family));
	self->p.wscale = WS_NONE;
	self->lfd = peer_listen(&self->p, 16);
	ASSERT_LE(0, self->lfd);
	self->fd = peer_established(&self->p, self->lfd);
	ASSERT_LE(0, self->fd);
}

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	signals++;
}

/* From here on SIGURG for @fd is counted. */
static bool watch(int fd)
{
	struct sigaction action = { .sa_handler = count_signal, .sa_flags = SA_RESTART };

	signals = 0;
	return !sigaction(SIGURG, &action, NULL) && !fcntl(fd, F_SETOWN, getpid());
}

static int at_mark(int fd)
{
	int value = -1;

	return ioctl(fd, SIOCATMARK, &value) ? -1 : value;
}

static int unread(int fd)
{
	int value = -1;

	return ioctl(fd, SIOCINQ, &value) ? -1 : value;
}

static bool is_urgent(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLPRI };

	return poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLPRI);
}

/* What recv(MSG_OOB) gives: the octet, or -errno. */
static int urgent_octet(int fd)
{
	uint8_t octet;

	return recv(fd, &octet, 1, MSG_OOB | MSG_DONTWAIT) == 1 ? octet : -errno;
}

/* Sends @len octets of the pattern, the last of them urgent. */
static bool write_urgent(struct peer *p, int fd, int len)
{
	uint8_t buf[64];
	int i;

	for (i = 0; i < len; i++)
		buf[i] = peer_pattern(p->wr_off++);
	return send(fd, buf, len, MSG_OOB | MSG_DONTWAIT) == len;
}

/* --- sending ---------------------------------------------------------------- */

TEST_F(urgent, pointer_of_one_segment)
{
	ROW("DATA-27");
	must(write_urgent(&self->p, self->fd, 3));
	expect(.flags = ACK | PSH | URG, .len = 3, .urg = 3, .within = NOW);
	/* Acknowledged: nothing is urgent any more. */
	send_seg(.flags = ACK);
	must(peer_write(&self->p, self->fd, 5));
	expect(.flags = ACK | PSH, .len = 5);
}

/* Segments without text say so, too, while the urgent octet is ahead of them. */
TEST_F(urgent, pointer_ahead_of_the_text)
{
	int full = self->p.mss - 12;

	ROW("DATA-27");
	must(peer_lower_window(&self->p, full / 2));
	must(peer_read(&self->p, self->fd, 20));
	must(peer_write(&self->p, self->fd, full));
	/* Half the text fills the window; the urgent octet follows behind the rest. */
	expect(.flags = ACK, .any_psh = true, .len = full / 2);
	must(write_urgent(&self->p, self->fd, 1));
	send_seg(.flags = ACK | PSH, .len = 10);
	expect(.flags = ACK | URG, .urg = full - full / 2 + 1);
	self->p.win = 60000;
	send_seg(.flags = ACK);
	expect(.flags = ACK | PSH | URG, .len = full - full / 2 + 1,
	       .urg = full - full / 2 + 1);
}

/* A window that is shut does not keep the news back (RFC 9293, 3.8.5, MUST-30). */
TEST_F(urgent, told_through_a_closed_window)
{
	ROW("DATA-27");
	must(peer_lower_window(&self->p, 0));
	must(write_urgent(&self->p, self->fd, 7));
	/* The probe that tells is acceptable to a receiver: it begins where the window does. */
	expect(.flags = ACK | URG, .urg = 7, .within = 400);
	peer_drain(&self->p, 20);
	self->p.win = 60000;
	send_seg(.flags = ACK);
	expect(.flags = ACK | PSH | URG, .len = 7, .urg = 7);
}

/* A retransmission has the flag again; its text is acknowledged, not the mark alone. */
TEST_F(urgent, retransmission_keeps_the_flag)
{
	ROW("DATA-27");
	must(write_urgent(&self->p, self->fd, 4));
	expect(.flags = ACK | PSH | URG, .len = 4, .urg = 4);
	expect(.flags = ACK | PSH | URG, .len = 4, .urg = 4, .seq = -4, .within = 400);
	send_seg(.flags = ACK);
	silence(1000);
}

/* More than 64 KiB ahead: the pointer says "far", then exactly how far. */
TEST_F(urgent, far_ahead)
{
	int full = self->p.mss - 12, total = 200000;
	uint32_t end, off;
	struct got seen;
	bool exact = false;
	int n;

	ROW("DATA-30");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_SOCKET, SO_SNDBUFFORCE, 4 << 20));
	must(peer_lower_window(&self->p, 1));
	must(peer_write(&self->p, self->fd, total));
	must(write_urgent(&self->p, self->fd, 1));
	end = self->p.irs + 1 + total + 1;
	self->p.win = 60000;
	send_seg(.flags = ACK);
	for (n = 0; self->p.rcv_nxt != end && n < 2000;) {
		must(peer_next(&self->p, &seen, 1000));
		ASSERT_EQ(NULL, seen.bad);
		if (!seen.len)
			continue;
		off = end - seen.seq;
		/* What left before the urgent octet was written knows nothing of it. */
		if (seen.seq - self->p.irs - 1 >= 2u * full) {
			ASSERT_EQ(URG, seen.flags & URG);
			ASSERT_EQ(off > 65535 ? 65535 : off, seen.urg);
			exact |= off <= 65535;
		}
		if (++n % 2 == 0 || self->p.rcv_nxt == end)
			send_seg(.flags = ACK);
	}
	ASSERT_EQ(end, self->p.rcv_nxt);
	ASSERT_TRUE(exact);
}

/* --- receiving -------------------------------------------------------------- */

TEST_F(urgent, announced_then_here)
{
	ROW("DATA-28");
	ROW("API-19");
	ASSERT_TRUE(watch(self->fd));
	ASSERT_EQ(-EINVAL, urgent_octet(self->fd));
	/* The pointer alone: announced, not arrived. The octet is the third to come. */
	send_seg(.flags = ACK | URG, .urg = 3);
	peer_drain(&self->p, 20);
	ASSERT_EQ(1, signals);
	ASSERT_EQ(-EAGAIN, urgent_octet(self->fd));
	ASSERT_FALSE(is_urgent(self->fd));
	ASSERT_EQ(0, at_mark(self->fd));
	/* Said again, it is no news. */
	send_seg(.flags = ACK | URG, .urg = 3);
	send_seg(.flags = ACK | URG, .urg = 2);
	peer_drain(&self->p, 20);
	ASSERT_EQ(1, signals);
	/* The text comes without the flag. */
	send_seg(.flags = ACK | PSH, .len = 5);
	peer_drain(&self->p, 100);
	ASSERT_EQ(1, signals);
	ASSERT_TRUE(is_urgent(self->fd));
	ASSERT_EQ(peer_pattern(2), urgent_octet(self->fd));
	ASSERT_FALSE(is_urgent(self->fd));
	ASSERT_EQ(-EINVAL, urgent_octet(self->fd));
	ASSERT_EQ(2, unread(self->fd));
	ASSERT_TRUE(peer_read(&self->p, self->fd, 2));
	ASSERT_EQ(1, at_mark(self->fd));
	self->p.rd_off++;
	ASSERT_TRUE(peer_read(&self->p, self->fd, 2));
	ASSERT_EQ(0, at_mark(self->fd));
	ASSERT_EQ(1, signals);
}

TEST_F(urgent, pointer_to_what_was_read)
{
	ROW("DATA-28");
	ASSERT_TRUE(watch(self->fd));
	send_seg(.flags = ACK | PSH, .len = 20);
	expect(.flags = ACK);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 20));
	send_seg(.flags = ACK | URG, .seq = -20, .urg = 5, .len = 20);
	send_seg(.flags = ACK | URG | PSH, .seq = -20, .urg = 20, .len = 30, .stray = true);
	self->p.snd_nxt += 10;
	peer_drain(&self->p, 50);
	ASSERT_EQ(0, signals);
	ASSERT_FALSE(is_urgent(self->fd));
	ASSERT_EQ(-EINVAL, urgent_octet(self->fd));
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

/* What is queued, not read, is not made urgent afterwards either. */
TEST_F(urgent, pointer_to_what_is_queued)
{
	ROW("DATA-28");
	ASSERT_TRUE(watch(self->fd));
	send_seg(.flags = ACK | PSH, .len = 20);
	expect(.flags = ACK);
	send_seg(.flags = ACK | URG, .seq = -20, .urg = 5, .len = 20);
	peer_drain(&self->p, 50);
	ASSERT_EQ(0, signals);
	ASSERT_TRUE(peer_read(&self->p, self->fd, 20));
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
}

TEST_F(urgent, newer_pointer_moves_the_mark)
{
	ROW("DATA-28");
	ROW("DATA-30");
	ASSERT_TRUE(watch(self->fd));
	send_seg(.flags = ACK | PSH | URG, .len = 10, .urg = 5);
	peer_drain(&self->p, 50);
	ASSERT_EQ(1, signals);
	send_seg(.flags = ACK | PSH | URG, .len = 10, .urg = 5);
	peer_drain(&self->p, 50);
	ASSERT_EQ(2, signals);
	ASSERT_EQ(peer_pattern(14), urgent_octet(self->fd));
	/* The first one is ordinary text now. */
	ASSERT_EQ(14, unread(self->fd));
	ASSERT_TRUE(peer_read(&self->p, self->fd, 14));
	ASSERT_EQ(1, at_mark(self->fd));
	self->p.rd_off++;
	ASSERT_TRUE(peer_read(&self->p, self->fd, 5));
}

/*
 * A second urgent octet comes while the reader stands at the first: that one has been
 * told, it is not read again as text.
 */
TEST_F(urgent, second_octet_at_the_mark)
{
	ROW("DATA-30");
	send_seg(.flags = ACK | PSH | URG, .len = 1, .urg = 1);
	peer_drain(&self->p, 50);
	ASSERT_EQ(peer_pattern(0), urgent_octet(self->fd));
	ASSERT_EQ(1, at_mark(self->fd));
	send_seg(.flags = ACK | PSH | URG, .len = 1, .urg = 1);
	peer_drain(&self->p, 50);
	ASSERT_EQ(1, at_mark(self->fd));
	ASSERT_EQ(peer_pattern(1), urgent_octet(self->fd));
	ASSERT_EQ(0, unread(self->fd));
	send_seg(.flags = ACK | PSH, .len = 3);
	peer_drain(&self->p, 50);
	self->p.rd_off += 2;
	ASSERT_TRUE(peer_read(&self->p, self->fd, 3));
	ASSERT_TRUE(peer_read_nothing(&self->p, self->fd));
	/* The accounts of the receive queue have stayed right: all of it can be closed. */
	send_seg(.flags = FIN | ACK);
	peer_drain(&self->p, 50);
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
}

/* 5 ordinary octets, an urgent one, 5 more: a read never crosses the mark. */
TEST_F(urgent, read_stops_at_the_mark)
{
	uint8_t buf[32];

	ROW("DATA-29");
	send_seg(.flags = ACK | PSH | URG, .len = 11, .urg = 6);
	peer_drain(&self->p, 50);
	ASSERT_EQ(0, at_mark(self->fd));
	ASSERT_EQ(3, recv(self->fd, buf, 3, MSG_DONTWAIT));
	ASSERT_EQ(0, at_mark(self->fd));
	ASSERT_EQ(2, recv(self->fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_WAITALL));
	ASSERT_EQ(1, at_mark(self->fd));
	/* Peeking crosses it no more than reading does. */
	ASSERT_EQ(5, recv(self->fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_PEEK));
	ASSERT_EQ(peer_pattern(6), buf[0]);
	ASSERT_EQ(1, at_mark(self->fd));
	ASSERT_EQ(peer_pattern(5), urgent_octet(self->fd));
	ASSERT_EQ(1, at_mark(self->fd));
	ASSERT_EQ(5, recv(self->fd, buf, sizeof(buf), MSG_DONTWAIT));
	ASSERT_EQ(peer_pattern(6), buf[0]);
	ASSERT_EQ(0, at_mark(self->fd));
}

TEST_F(urgent, inline_stays_in_the_stream)
{
	uint8_t buf[32];

	ROW("DATA-29");
	ROW("API-19");
	ASSERT_TRUE(peer_set_int(self->fd, SOL_SOCKET, SO_OOBINLINE, 1));
	ASSERT_TRUE(watch(self->fd));
	send_seg(.flags = ACK | PSH | URG, .len = 11, .urg = 6);
	peer_drain(&self->p, 50);
	ASSERT_EQ(1, signals);
	ASSERT_TRUE(is_urgent(self->fd));
	ASSERT_EQ(-EINVAL, urgent_octet(self->fd));
	ASSERT_EQ(11, unread(self->fd));
	ASSERT_EQ(5, recv(self->fd, buf, sizeof(buf), MSG_DONTWAIT));
	ASSERT_EQ(1, at_mark(self->fd));
	ASSERT_EQ(6, recv(self->fd, buf, sizeof(buf), MSG_DONTWAIT));
	ASSERT_EQ(peer_pattern(5), buf[0]);
	ASSERT_FALSE(is_urgent(self->fd));
}

/* The first octet of the stream. */
TEST_F(urgent, mark_at_the_start)
{
	uint8_t buf[32];

	ROW("DATA-29");
	send_seg(.flags = ACK | PSH | URG, .len = 4, .urg = 1);
	peer_drain(&self->p, 50);
	ASSERT_EQ(1, at_mark(self->fd));
	ASSERT_EQ(3, recv(self->fd, buf, sizeof(buf), MSG_DONTWAIT));
	ASSERT_EQ(peer_pattern(1), buf[0]);
	ASSERT_FALSE(is_urgent(self->fd));
}

TEST_F(urgent, pointer_without_the_flag)
{
	ROW("DATA-30");
	ASSERT_TRUE(watch(self->fd));
	send_seg(.flags = ACK | PSH, .len = 10, .urg = 5);
	expect(.flags = ACK);
	send_seg(.flags = ACK, .urg = 65535);
	peer_drain(&self->p, 20);
	ASSERT_EQ(0, signals);
	ASSERT_EQ(-EINVAL, urgent_octet(self->fd));
	ASSERT_TRUE(peer_read(&self->p, self->fd, 10));
}

/* The mark lies farther ahead than the window reaches; the text catches up with it. */
TEST_F(urgent, mark_65535_ahead)
{
	int full = self->p.mss - 12, done, len;

	ROW("DATA-30");
	ASSERT_TRUE(watch(self->fd));
	send_seg(.flags = ACK | URG, .urg = 65535);
	peer_drain(&self->p, 20);
	ASSERT_EQ(1, signals);
	for (done = 0; done < 65534; done += len) {
		len = 65534 - done < full ? 65534 - done : full;
		send_seg(.flags = ACK | PSH, .len = len);
		peer_drain(&self->p, 1);
		must(peer_read(&self->p, self->fd, len));
		ASSERT_EQ(-EAGAIN, urgent_octet(self->fd));
	}
	ASSERT_EQ(1, at_mark(self->fd));
	send_seg(.flags = ACK | PSH, .len = 3);
	peer_drain(&self->p, 20);
	ASSERT_EQ(peer_pattern(65534), urgent_octet(self->fd));
	self->p.rd_off++;
	ASSERT_TRUE(peer_read(&self->p, self->fd, 2));
	ASSERT_EQ(1, signals);
}

TEST_F(urgent, bogus_pointers_do_no_harm)
{
	static const uint16_t pointers[] = { 0, 1, 2, 11, 32767, 32768, 65534, 65535 };
	uint32_t total = 0, got = 0;
	unsigned int i, round;
	uint8_t buf[4096];
	int n;

	ROW("DATA-30");
	for (round = 0; round < 3; round++) {
		for (i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
			send_seg(.flags = ACK | URG, .urg = pointers[i]);
			send_seg(.flags = ACK | URG | PSH, .urg = pointers[i], .len = 10);
			send_seg(.flags = ACK | URG, .urg = pointers[i], .seq = -5, .len = 5);
			send_seg(.flags = ACK | URG, .urg = pointers[i], .seq = 105, .len = 1);
			total += 10;
			peer_drain(&self->p, 1);
		}
	}
	/* Whatever was marked: each octet comes once, or is skipped as an urgent one. */
	for (i = 0; i < 200; i++) {
		n = recv(self->fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n > 0)
			got += n;
	}
	ASSERT_LE(got, total);
	ASSERT_GE(got + 3 * 8 * 2, total);
	state_is(ST_ESTABLISHED);
}

TEST_F(urgent, after_fin_is_ignored)
{
	ROW("DATA-30");
	ASSERT_TRUE(watch(self->fd));
	send_seg(.flags = FIN | ACK | PSH, .len = 5);
	expect(.flags = ACK);
	send_seg(.flags = ACK | URG, .urg = 1);
	send_seg(.flags = ACK | URG, .urg = 65535);
	peer_drain(&self->p, 50);
	ASSERT_EQ(0, signals);
	ASSERT_EQ(-EINVAL, urgent_octet(self->fd));
	ASSERT_TRUE(peer_read(&self->p, self->fd, 5));
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
}

/* The FIN's own segment may carry urgent text; reading goes on to the end. */
TEST_F(urgent, with_fin)
{
	ROW("DATA-30");
	send_seg(.flags = FIN | ACK | PSH | URG, .len = 5, .urg = 5);
	expect(.flags = ACK);
	ASSERT_EQ(peer_pattern(4), urgent_octet(self->fd));
	ASSERT_TRUE(peer_read(&self->p, self->fd, 4));
	ASSERT_EQ(1, at_mark(self->fd));
	ASSERT_TRUE(peer_read_eof(&self->p, self->fd));
}

TEST_HARNESS_MAIN
