// SPDX-License-Identifier: GPL-2.0-only
/*
 * core/state.c: the table against RFC 9293, figure 5, and against rules that must
 * hold for all of it.
 */
#include <netinet/tcp.h>

#include "ktap.h"
#include "state.h"

#define ACT(name)	XTCP_ACT_##name
#define DIES(error)	(XTCP_ACT_ERR_##error | XTCP_ACT_DONE)
#define ERRORS		(XTCP_ACT_ERR_REFUSED | XTCP_ACT_ERR_RESET | \
			 XTCP_ACT_ERR_PIPE | XTCP_ACT_ERR_TIMEDOUT)

static const struct xtcp_cell *cell(unsigned int state, unsigned int event)
{
	return xtcp_state_cell((enum xtcp_state)state, (enum xtcp_event)event);
}

static bool goes(const struct xtcp_cell *c)
{
	return c->verdict == XTCP_CELL_GO || c->verdict == XTCP_CELL_SPAWN;
}

/* Calls @check for every cell of a real state. */
static void for_all(void (*check)(unsigned int state, unsigned int event,
				  const struct xtcp_cell *c))
{
	for (unsigned int state = 1; state < XTCP_NR_STATES; state++) {
		for (unsigned int event = 0; event < XTCP_NR_EVENTS; event++)
			check(state, event, cell(state, event));
	}
}

static void cell_is_written(unsigned int state, unsigned int event, const struct xtcp_cell *c)
{
	NOTE("%s x %s", xtcp_state_name(state), xtcp_state_event_name(event));
	EXPECT(c->verdict != XTCP_CELL_FORGOTTEN);
	EXPECT(c->verdict <= XTCP_CELL_BUG);
	if (goes(c)) {
		EXPECT(c->next >= 1 && c->next < XTCP_NR_STATES);
	} else {
		EXPECT_EQ(c->next, 0);
		EXPECT_EQ(c->actions, 0);
	}
}

TEST(state_cell__every_cell_is_written)
{
	for_all(cell_is_written);
}

TEST(state_cell__number_zero_and_beyond_are_bugs)
{
	for (unsigned int event = 0; event < XTCP_NR_EVENTS; event++)
		EXPECT_EQ(cell(0, event)->verdict, XTCP_CELL_BUG);
	EXPECT_EQ(cell(XTCP_NR_STATES, 0)->verdict, XTCP_CELL_BUG);
	EXPECT_EQ(cell(255, XTCP_EV_CLOSE)->verdict, XTCP_CELL_BUG);
	EXPECT_EQ(cell(XTCP_ESTABLISHED, XTCP_NR_EVENTS)->verdict, XTCP_CELL_BUG);
	EXPECT_EQ(cell(XTCP_ESTABLISHED, ~0u)->verdict, XTCP_CELL_BUG);
	EXPECT_EQ(cell(~0u, ~0u)->verdict, XTCP_CELL_BUG);
}

/* Written a second time, from the RFC's text and figure, not from the table. */
static const struct transition {
	u8 from;
	u8 event;
	u8 to;
	u16 actions;
} transitions[] = {
	/* 3.10.1, open */
	{ XTCP_CLOSED, XTCP_EV_LISTEN, XTCP_LISTEN, 0 },
	{ XTCP_CLOSED, XTCP_EV_CONNECT, XTCP_SYN_SENT, 0 },
	/* 3.10.4, close */
	{ XTCP_LISTEN, XTCP_EV_CLOSE, XTCP_CLOSED, ACT(DONE) },
	{ XTCP_SYN_SENT, XTCP_EV_CLOSE, XTCP_CLOSED, ACT(DONE) },
	{ XTCP_SYN_RCVD, XTCP_EV_CLOSE, XTCP_FIN_WAIT_1, ACT(SEND_FIN) },
	{ XTCP_ESTABLISHED, XTCP_EV_CLOSE, XTCP_FIN_WAIT_1, ACT(SEND_FIN) },
	{ XTCP_CLOSE_WAIT, XTCP_EV_CLOSE, XTCP_LAST_ACK, ACT(SEND_FIN) },
	/* 3.10.5, abort */
	{ XTCP_LISTEN, XTCP_EV_ABORT, XTCP_CLOSED, ACT(DONE) },
	{ XTCP_SYN_SENT, XTCP_EV_ABORT, XTCP_CLOSED, ACT(DONE) },
	{ XTCP_SYN_RCVD, XTCP_EV_ABORT, XTCP_CLOSED, ACT(SEND_RST) | ACT(DONE) },
	{ XTCP_ESTABLISHED, XTCP_EV_ABORT, XTCP_CLOSED, ACT(SEND_RST) | ACT(DONE) },
	{ XTCP_FIN_WAIT_1, XTCP_EV_ABORT, XTCP_CLOSED, ACT(SEND_RST) | ACT(DONE) },
	{ XTCP_FIN_WAIT_2, XTCP_EV_ABORT, XTCP_CLOSED, ACT(SEND_RST) | ACT(DONE) },
	{ XTCP_CLOSE_WAIT, XTCP_EV_ABORT, XTCP_CLOSED, ACT(SEND_RST) | ACT(DONE) },
	{ XTCP_CLOSING, XTCP_EV_ABORT, XTCP_CLOSED, ACT(DONE) },
	{ XTCP_LAST_ACK, XTCP_EV_ABORT, XTCP_CLOSED, ACT(DONE) },
	{ XTCP_TIME_WAIT, XTCP_EV_ABORT, XTCP_CLOSED, ACT(DONE) },
	/* 3.10.7.2 and 3.10.7.3, handshake */
	{ XTCP_LISTEN, XTCP_EV_RCV_SYN, XTCP_SYN_RCVD, 0 },
	{ XTCP_SYN_SENT, XTCP_EV_RCV_SYN, XTCP_SYN_RCVD, 0 },
	{ XTCP_SYN_SENT, XTCP_EV_RCV_SYN_ACK, XTCP_ESTABLISHED, ACT(CONNECTED) },
	{ XTCP_SYN_RCVD, XTCP_EV_RCV_ACK_OF_SYN, XTCP_ESTABLISHED, ACT(CONNECTED) },
	/* 3.10.7.3 and 3.10.7.4, second: RST */
	{ XTCP_SYN_SENT, XTCP_EV_RCV_RST, XTCP_CLOSED, DIES(REFUSED) },
	{ XTCP_SYN_RCVD, XTCP_EV_RCV_RST, XTCP_CLOSED, DIES(REFUSED) },
	{ XTCP_ESTABLISHED, XTCP_EV_RCV_RST, XTCP_CLOSED, DIES(RESET) },
	{ XTCP_FIN_WAIT_1, XTCP_EV_RCV_RST, XTCP_CLOSED, DIES(RESET) },
	{ XTCP_FIN_WAIT_2, XTCP_EV_RCV_RST, XTCP_CLOSED, DIES(RESET) },
	{ XTCP_CLOSE_WAIT, XTCP_EV_RCV_RST, XTCP_CLOSED, DIES(PIPE) },
	{ XTCP_CLOSING, XTCP_EV_RCV_RST, XTCP_CLOSED, ACT(DONE) },
	{ XTCP_LAST_ACK, XTCP_EV_RCV_RST, XTCP_CLOSED, ACT(DONE) },
	/* 3.10.7.4, fifth: ACK of our FIN */
	{ XTCP_FIN_WAIT_1, XTCP_EV_RCV_ACK_OF_FIN, XTCP_FIN_WAIT_2, ACT(FIN_ACKED) },
	{ XTCP_CLOSING, XTCP_EV_RCV_ACK_OF_FIN, XTCP_TIME_WAIT,
	  ACT(FIN_ACKED) | ACT(TIME_WAIT) },
	{ XTCP_LAST_ACK, XTCP_EV_RCV_ACK_OF_FIN, XTCP_CLOSED, ACT(FIN_ACKED) | ACT(DONE) },
	/* 3.10.7.4, eighth: FIN */
	{ XTCP_ESTABLISHED, XTCP_EV_RCV_FIN, XTCP_CLOSE_WAIT, ACT(EOF) },
	{ XTCP_FIN_WAIT_1, XTCP_EV_RCV_FIN, XTCP_CLOSING, ACT(EOF) },
	{ XTCP_FIN_WAIT_2, XTCP_EV_RCV_FIN, XTCP_TIME_WAIT, ACT(EOF) | ACT(TIME_WAIT) },
	/* 3.10.8, time-outs */
	{ XTCP_SYN_SENT, XTCP_EV_GIVE_UP, XTCP_CLOSED, DIES(TIMEDOUT) },
	{ XTCP_SYN_RCVD, XTCP_EV_GIVE_UP, XTCP_CLOSED, DIES(TIMEDOUT) },
	{ XTCP_ESTABLISHED, XTCP_EV_GIVE_UP, XTCP_CLOSED, DIES(TIMEDOUT) },
	{ XTCP_FIN_WAIT_1, XTCP_EV_GIVE_UP, XTCP_CLOSED, DIES(TIMEDOUT) },
	{ XTCP_FIN_WAIT_2, XTCP_EV_GIVE_UP, XTCP_CLOSED, DIES(TIMEDOUT) },
	{ XTCP_CLOSE_WAIT, XTCP_EV_GIVE_UP, XTCP_CLOSED, DIES(TIMEDOUT) },
	{ XTCP_CLOSING, XTCP_EV_GIVE_UP, XTCP_CLOSED, DIES(TIMEDOUT) },
	{ XTCP_LAST_ACK, XTCP_EV_GIVE_UP, XTCP_CLOSED, DIES(TIMEDOUT) },
	{ XTCP_FIN_WAIT_2, XTCP_EV_FIN_WAIT_2_TIMEOUT, XTCP_CLOSED, ACT(DONE) },
	{ XTCP_TIME_WAIT, XTCP_EV_2MSL_TIMEOUT, XTCP_CLOSED, ACT(DONE) },
};

TEST(state_cell__transitions_of_the_rfc)
{
	ROW("HS-01");
	ROW("HS-03");
	ROW("HS-04");
	ROW("CLS-01");
	ROW("CLS-02");
	ROW("CLS-27");
	ROW("CLS-33");
	for (size_t i = 0; i < ARRAY_SIZE(transitions); i++) {
		const struct transition *t = &transitions[i];
		const struct xtcp_cell *c = cell(t->from, t->event);

		NOTE("%s x %s", xtcp_state_name(t->from), xtcp_state_event_name(t->event));
		EXPECT(goes(c));
		EXPECT_EQ(c->next, t->to);
		EXPECT_EQ(c->actions, t->actions);
	}
}

TEST(state_cell__no_other_transitions)
{
	unsigned int nr = 0;

	for (unsigned int state = 0; state < XTCP_NR_STATES; state++) {
		for (unsigned int event = 0; event < XTCP_NR_EVENTS; event++)
			nr += goes(cell(state, event));
	}
	EXPECT_EQ(nr, ARRAY_SIZE(transitions));
}

TEST(state_cell__only_a_listener_spawns)
{
	ROW("HS-02");
	for (unsigned int state = 0; state < XTCP_NR_STATES; state++) {
		for (unsigned int event = 0; event < XTCP_NR_EVENTS; event++) {
			bool spawns = state == XTCP_LISTEN && event == XTCP_EV_RCV_SYN;

			EXPECT_EQ(cell(state, event)->verdict == XTCP_CELL_SPAWN, spawns);
		}
	}
}

/* Bit set of the states that can be reached from @state, itself included. */
static u32 reach(unsigned int state, u32 seen)
{
	seen |= XTCP_F(state);
	for (unsigned int event = 0; event < XTCP_NR_EVENTS; event++) {
		const struct xtcp_cell *c = cell(state, event);

		if (goes(c) && !(seen & XTCP_F(c->next)))
			seen = reach(c->next, seen);
	}

	return seen;
}

TEST(state_cell__every_state_is_reached_and_left)
{
	u32 all = XTCP_F(XTCP_NR_STATES) - XTCP_F(1);

	EXPECT_EQ(reach(XTCP_CLOSED, 0), all);
	for (unsigned int state = 1; state < XTCP_NR_STATES; state++)
		EXPECT(reach(state, 0) & XTCP_F(XTCP_CLOSED));
}

static void actions_fit(unsigned int state, unsigned int event, const struct xtcp_cell *c)
{
	u16 errors = c->actions & ERRORS;
	bool from_synchronized = xtcp_state_is_synchronized(state);

	if (!goes(c))
		return;
	NOTE("%s x %s", xtcp_state_name(state), xtcp_state_event_name(event));
	EXPECT_EQ(!!(c->actions & XTCP_ACT_DONE), c->next == XTCP_CLOSED);
	EXPECT_EQ(!!(c->actions & XTCP_ACT_TIME_WAIT), c->next == XTCP_TIME_WAIT);
	EXPECT_EQ(!!(c->actions & XTCP_ACT_EOF), event == XTCP_EV_RCV_FIN);
	EXPECT_EQ(!!(c->actions & XTCP_ACT_FIN_ACKED), event == XTCP_EV_RCV_ACK_OF_FIN);
	EXPECT_EQ(!!(c->actions & XTCP_ACT_SEND_FIN),
		  event == XTCP_EV_CLOSE && c->next != XTCP_CLOSED);
	EXPECT_EQ(!!(c->actions & XTCP_ACT_CONNECTED), c->next == XTCP_ESTABLISHED);
	EXPECT_EQ(!!(c->actions & XTCP_ACT_ERR_TIMEDOUT), event == XTCP_EV_GIVE_UP);
	EXPECT(!(errors & (errors - 1)));
	EXPECT(!errors || c->actions & XTCP_ACT_DONE);
	EXPECT(!(c->actions & XTCP_ACT_SEND_RST) || event == XTCP_EV_ABORT);
	EXPECT(!(c->actions & XTCP_ACT_ERR_REFUSED) || !from_synchronized);
	EXPECT(!(c->actions & (XTCP_ACT_ERR_RESET | XTCP_ACT_ERR_PIPE)) || from_synchronized);
}

TEST(state_cell__actions_fit_their_event_and_state)
{
	for_all(actions_fit);
}

TEST(state_cell__abort_sends_rst_where_the_peer_must_know)
{
	u32 sends = XTCP_F(XTCP_SYN_RCVD) | XTCP_F(XTCP_ESTABLISHED) | XTCP_F(XTCP_FIN_WAIT_1) |
		    XTCP_F(XTCP_FIN_WAIT_2) | XTCP_F(XTCP_CLOSE_WAIT);

	ROW("CLS-27");
	for (unsigned int state = 1; state < XTCP_NR_STATES; state++)
		EXPECT_EQ(!!(cell(state, XTCP_EV_ABORT)->actions & XTCP_ACT_SEND_RST),
			  !!(sends & XTCP_F(state)));
}

TEST(state_cell__a_second_close_changes_nothing)
{
	static const u8 states[] = { XTCP_FIN_WAIT_1, XTCP_FIN_WAIT_2, XTCP_CLOSING, XTCP_LAST_ACK,
				     XTCP_TIME_WAIT, XTCP_CLOSED };

	ROW("CLS-29");
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		EXPECT_EQ(cell(states[i], XTCP_EV_CLOSE)->verdict, XTCP_CELL_IGNORE);
}

TEST(state_cell__rst_does_not_end_time_wait)
{
	ROW("CLS-16");
	EXPECT_EQ(cell(XTCP_TIME_WAIT, XTCP_EV_RCV_RST)->verdict, XTCP_CELL_IGNORE);
	EXPECT_EQ(cell(XTCP_LISTEN, XTCP_EV_RCV_RST)->verdict, XTCP_CELL_IGNORE);
}

/* Runs events, -1 at the end, from @state and compares every stop. */
static void walk(unsigned int state, const int *events, const int *stops)
{
	for (int i = 0; events[i] >= 0; i++) {
		const struct xtcp_cell *c = cell(state, events[i]);

		NOTE("%s x %s", xtcp_state_name(state), xtcp_state_event_name(events[i]));
		if (!EXPECT(goes(c)) || !EXPECT_EQ(c->next, stops[i]))
			return;
		state = c->next;
	}
}

#define WALK(from, events, stops)					\
	do {								\
		static const int e[] = { UNPACK events, -1 };		\
		static const int s[] = { UNPACK stops };		\
									\
		static_assert(ARRAY_SIZE(e) == ARRAY_SIZE(s) + 1);	\
		walk(from, e, s);					\
	} while (0)
#define UNPACK(...)	__VA_ARGS__

TEST(state_walk__three_way_handshake)
{
	ROW("HS-03");
	WALK(XTCP_CLOSED, (XTCP_EV_CONNECT, XTCP_EV_RCV_SYN_ACK),
	     (XTCP_SYN_SENT, XTCP_ESTABLISHED));
	WALK(XTCP_CLOSED, (XTCP_EV_LISTEN, XTCP_EV_RCV_SYN, XTCP_EV_RCV_ACK_OF_SYN),
	     (XTCP_LISTEN, XTCP_SYN_RCVD, XTCP_ESTABLISHED));
}

TEST(state_walk__simultaneous_open)
{
	ROW("HS-08");
	WALK(XTCP_CLOSED, (XTCP_EV_CONNECT, XTCP_EV_RCV_SYN, XTCP_EV_RCV_ACK_OF_SYN),
	     (XTCP_SYN_SENT, XTCP_SYN_RCVD, XTCP_ESTABLISHED));
}

TEST(state_walk__normal_close)
{
	ROW("CLS-03");
	ROW("CLS-04");
	WALK(XTCP_ESTABLISHED,
	     (XTCP_EV_CLOSE, XTCP_EV_RCV_ACK_OF_FIN, XTCP_EV_RCV_FIN, XTCP_EV_2MSL_TIMEOUT),
	     (XTCP_FIN_WAIT_1, XTCP_FIN_WAIT_2, XTCP_TIME_WAIT, XTCP_CLOSED));
	WALK(XTCP_ESTABLISHED, (XTCP_EV_RCV_FIN, XTCP_EV_CLOSE, XTCP_EV_RCV_ACK_OF_FIN),
	     (XTCP_CLOSE_WAIT, XTCP_LAST_ACK, XTCP_CLOSED));
}

TEST(state_walk__simultaneous_close)
{
	ROW("CLS-07");
	WALK(XTCP_ESTABLISHED,
	     (XTCP_EV_CLOSE, XTCP_EV_RCV_FIN, XTCP_EV_RCV_ACK_OF_FIN, XTCP_EV_2MSL_TIMEOUT),
	     (XTCP_FIN_WAIT_1, XTCP_CLOSING, XTCP_TIME_WAIT, XTCP_CLOSED));
}

TEST(state_walk__fin_with_ack_of_ours_is_two_steps)
{
	ROW("CLS-08");
	WALK(XTCP_FIN_WAIT_1, (XTCP_EV_RCV_ACK_OF_FIN, XTCP_EV_RCV_FIN),
	     (XTCP_FIN_WAIT_2, XTCP_TIME_WAIT));
}

TEST(state_enum__numbers_are_tcps)
{
	ROW("API-34");
	EXPECT_EQ(XTCP_ESTABLISHED, TCP_ESTABLISHED);
	EXPECT_EQ(XTCP_SYN_SENT, TCP_SYN_SENT);
	EXPECT_EQ(XTCP_SYN_RCVD, TCP_SYN_RECV);
	EXPECT_EQ(XTCP_FIN_WAIT_1, TCP_FIN_WAIT1);
	EXPECT_EQ(XTCP_FIN_WAIT_2, TCP_FIN_WAIT2);
	EXPECT_EQ(XTCP_TIME_WAIT, TCP_TIME_WAIT);
	EXPECT_EQ(XTCP_CLOSED, TCP_CLOSE);
	EXPECT_EQ(XTCP_CLOSE_WAIT, TCP_CLOSE_WAIT);
	EXPECT_EQ(XTCP_LAST_ACK, TCP_LAST_ACK);
	EXPECT_EQ(XTCP_LISTEN, TCP_LISTEN);
	EXPECT_EQ(XTCP_CLOSING, TCP_CLOSING);
}

TEST(state_name__all_different)
{
	for (unsigned int a = 1; a < XTCP_NR_STATES; a++) {
		EXPECT(strcmp(xtcp_state_name(a), "UNKNOWN"));
		for (unsigned int b = 1; b < a; b++)
			EXPECT(strcmp(xtcp_state_name(a), xtcp_state_name(b)));
	}
	EXPECT(!strcmp(xtcp_state_name(XTCP_SYN_RCVD), "SYN_RCVD"));
	EXPECT(!strcmp(xtcp_state_name(XTCP_CLOSED), "CLOSED"));
	EXPECT(!strcmp(xtcp_state_name(0), "UNKNOWN"));
	EXPECT(!strcmp(xtcp_state_name(XTCP_NR_STATES), "UNKNOWN"));
	EXPECT(!strcmp(xtcp_state_name(~0u), "UNKNOWN"));
}

TEST(state_event_name__all_different)
{
	for (unsigned int a = 0; a < XTCP_NR_EVENTS; a++) {
		if (!EXPECT(xtcp_state_event_name(a)))
			continue;
		EXPECT(strcmp(xtcp_state_event_name(a), "UNKNOWN"));
		for (unsigned int b = 0; b < a; b++)
			EXPECT(strcmp(xtcp_state_event_name(a), xtcp_state_event_name(b)));
	}
	EXPECT(!strcmp(xtcp_state_event_name(XTCP_EV_RCV_ACK_OF_FIN), "RCV_ACK_OF_FIN"));
	EXPECT(!strcmp(xtcp_state_event_name(XTCP_NR_EVENTS), "UNKNOWN"));
}

TEST(state_predicates__every_state)
{
	static const struct {
		u8 state;
		bool synchronized, receives, sends;
	} facts[] = {
		{ XTCP_CLOSED, false, false, false },
		{ XTCP_LISTEN, false, false, false },
		{ XTCP_SYN_SENT, false, false, false },
		{ XTCP_SYN_RCVD, false, false, false },
		{ XTCP_ESTABLISHED, true, true, true },
		{ XTCP_FIN_WAIT_1, true, true, false },
		{ XTCP_FIN_WAIT_2, true, true, false },
		{ XTCP_CLOSING, true, false, false },
		{ XTCP_TIME_WAIT, true, false, false },
		{ XTCP_CLOSE_WAIT, true, false, true },
		{ XTCP_LAST_ACK, true, false, false },
	};

	ROW("DATA-34");
	static_assert(ARRAY_SIZE(facts) == XTCP_NR_STATES - 1);
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		NOTE("%s", xtcp_state_name(facts[i].state));
		EXPECT_EQ(xtcp_state_is_synchronized(facts[i].state), facts[i].synchronized);
		EXPECT_EQ(xtcp_state_can_receive(facts[i].state), facts[i].receives);
		EXPECT_EQ(xtcp_state_can_send(facts[i].state), facts[i].sends);
	}
}
