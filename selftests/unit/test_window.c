// SPDX-License-Identifier: GPL-2.0-only
/*
 * core/window.c: a receiver and a sender that must neither be silly nor get stuck.
 */
#include "ktap.h"
#include "window.h"
#include "wire.h"

TEST(window_shift__smallest_that_fits)
{
	ROW("TS-02");
	for (unsigned int shift = 0; shift <= 14; shift++) {
		u32 fits = xtcp_window_max(shift);

		EXPECT_EQ(xtcp_window_shift(fits), shift);
		EXPECT_EQ(xtcp_window_shift(fits + 1), shift < 14 ? shift + 1 : 14);
	}
	EXPECT_EQ(xtcp_window_shift(0), 0);
	EXPECT_EQ(xtcp_window_shift(6 << 20), 7);	/* Linux's 6 MiB */
	EXPECT_EQ(xtcp_window_shift(~0u), 14);
}

TEST(window_select__opens_only_by_a_segment_or_half_the_buffer)
{
	ROW("DATA-16");
	/* Full, then read one byte at a time: silence until a segment fits. */
	for (u32 free = 0; free < 1460; free++)
		EXPECT_EQ(xtcp_window_select(0, free, 65536, 1460, 0), 0);
	EXPECT_EQ(xtcp_window_select(0, 1460, 65536, 1460, 0), 1460);
	/* A buffer of less than two segments: half of it. */
	EXPECT_EQ(xtcp_window_select(0, 499, 1000, 1460, 0), 0);
	EXPECT_EQ(xtcp_window_select(0, 500, 1000, 1460, 0), 500);
	/* The same on top of what is offered. */
	EXPECT_EQ(xtcp_window_select(5000, 6459, 65536, 1460, 0), 5000);
	EXPECT_EQ(xtcp_window_select(5000, 6460, 65536, 1460, 0), 6460);
}

TEST(window_select__tiny_buffers)
{
	ROW("DATA-16");
	EXPECT_EQ(xtcp_window_select(0, 1, 2, 1460, 0), 1);
	EXPECT_EQ(xtcp_window_select(0, 1, 100, 1, 0), 1);
	/* Smaller than the unit of the field: the least it can say, for half of it. */
	EXPECT_EQ(xtcp_window_select(0, 499, 1000, 1460, 14), 0);
	EXPECT_EQ(xtcp_window_select(0, 500, 1000, 1460, 14), 16384);
}

TEST(window_select__never_takes_back)
{
	ROW("DATA-22");
	ROW("TS-04");
	EXPECT_EQ(xtcp_window_select(5000, 0, 65536, 1460, 0), 5000);
	EXPECT_EQ(xtcp_window_select(5000, 4999, 65536, 1460, 0), 5000);
	EXPECT_EQ(xtcp_window_select(5000, 0, 65536, 1460, 7), 5120);
	EXPECT_EQ(xtcp_window_select(1, 0, 65536, 1460, 10), 1024);
	EXPECT_EQ(xtcp_window_select(65535, 0, 65536, 1460, 0), 65535);
}

TEST(window_select__fits_the_field)
{
	ROW("WIRE-08");
	for (unsigned int shift = 0; shift <= 14; shift++) {
		u32 win = xtcp_window_select(0, ~0u, ~0u, 1460, shift);

		EXPECT_EQ(win, xtcp_window_max(shift));
		win = xtcp_window_select(~0u, ~0u, ~0u, 1460, shift);
		EXPECT_EQ(win, xtcp_window_max(shift));
	}
}

TEST(window_select__an_empty_buffer_always_opens)
{
	static const u32 buffers[] = { 2, 100, 1000, 2304, 4096, 65535, 131072, 6 << 20, 1 << 30 };
	static const u32 segments[] = { 8, 48, 536, 1460, 8960, 65483 };

	ROW("DATA-36");
	for (unsigned int shift = 0; shift <= 14; shift++) {
		for (size_t b = 0; b < ARRAY_SIZE(buffers); b++) {
			for (size_t s = 0; s < ARRAY_SIZE(segments); s++) {
				NOTE("shift %u buffer %u mss %u", shift, buffers[b], segments[s]);
				EXPECT(xtcp_window_select(0, buffers[b], buffers[b], segments[s],
							  shift) > 0);
			}
		}
	}
}

/*
 * A receiver at work: text arrives within the window, the application reads, every
 * event may send an ACK. Checked at each ACK: the edge never moves left; if it moves
 * by more than the creep of rounding it moves by min(buffer/2, MSS); it never
 * promises more than there is, but for that creep.
 */
static void simulate(u32 buffer, u32 mss, u8 shift)
{
	u32 unit = 1u << shift;
	u32 least = min_t(u32, buffer / 2, mss);
	u32 offered = 0, used = 0;
	u64 creep = 0;

	for (int i = 0; i < 2000; i++) {
		u32 arrived = ktap_below(3) ? ktap_below(min_t(u32, mss, offered) + 1) : 0;
		u32 read = ktap_below(3) ? ktap_below(used + arrived + 1) : 0;
		u32 free, win;

		if (!ktap_below(20))
			read = used + arrived;
		if (ktap_below(2) && read)
			read = 1;
		offered -= arrived;
		used += arrived;
		used -= read;
		free = buffer > used ? buffer - used : 0;
		win = xtcp_window_select(offered, free, buffer, mss, shift);

		NOTE("buffer %u mss %u shift %u step %d offered %u free %u window %u",
		     buffer, mss, shift, i, offered, free, win);
		EXPECT_EQ(win % unit, 0);
		EXPECT(win <= xtcp_window_max(shift));
		EXPECT(win >= offered);
		if (win - offered >= unit && buffer >= unit) {
			EXPECT(win - offered >= least);
			EXPECT(win <= free);
			creep = 0;
		} else if (buffer >= unit) {
			creep += win - offered;
			EXPECT(win <= (u64)buffer + creep + unit);
		}
		offered = win;
	}
}

TEST(window_select__random_receivers)
{
	ROW("DATA-16");
	ROW("DATA-22");
	ROW("TS-04");
	for (int i = 0; i < 600; i++) {
		u32 buffer = 2 + ktap_below(1u << (2 + ktap_below(22)));
		u32 mss = 1 + ktap_below(ktap_below(2) ? 1460 : 65483);

		simulate(buffer, mss, ktap_below(15));
		simulate(buffer, mss, xtcp_window_shift(buffer));
	}
}

TEST(window_allows__each_condition)
{
	ROW("DATA-17");
	/* nothing to send, or nowhere to */
	EXPECT(!xtcp_window_allows(0, 10000, 65535, 1460));
	EXPECT(!xtcp_window_allows(10000, 0, 65535, 1460));
	EXPECT(!xtcp_window_allows(0, 0, 0, 1460));
	/* a full segment */
	EXPECT(xtcp_window_allows(1460, 1460, 65535, 1460));
	EXPECT(xtcp_window_allows(5000, 1460, 65535, 1460));
	EXPECT(!xtcp_window_allows(5000, 1459, 65535, 1460));
	/* all there is */
	EXPECT(xtcp_window_allows(10, 10, 65535, 1460));
	EXPECT(xtcp_window_allows(1, 1000, 65535, 1460));
	EXPECT(!xtcp_window_allows(11, 10, 65535, 1460));
	/* half of the largest window of a small receiver */
	EXPECT(xtcp_window_allows(5000, 500, 1000, 1460));
	EXPECT(!xtcp_window_allows(5000, 499, 1000, 1460));
	EXPECT(xtcp_window_allows(5000, 501, 1001, 1460));
	EXPECT(!xtcp_window_allows(5000, 500, 1001, 1460));
	EXPECT(xtcp_window_allows(5000, 1, 1, 1460));
	/* no overflow at the largest window */
	EXPECT(!xtcp_window_allows(~0u, 1000, 0x3fffffff, 1460));
	EXPECT(xtcp_window_allows(~0u, ~0u, ~0u, 1460));
}

TEST(window_allows__a_trickling_window_is_not_followed)
{
	u32 opened = 0, segments = 0;

	ROW("DATA-17");
	/* The peer opens ten bytes at a time, for 100 kB. */
	for (int i = 0; i < 10000; i++) {
		opened += 10;
		if (!xtcp_window_allows(1000000, opened, 65535, 1460))
			continue;
		EXPECT(opened >= 1460);
		opened -= 1460;
		segments++;
	}
	EXPECT_EQ(segments, 68);
}
