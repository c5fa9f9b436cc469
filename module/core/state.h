/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The connection state machine: states, events, actions, and the table's access.
 *
 * RFC 9293, 3.3.2. core/state.c holds the table, conn.c is its only runner.
 */
#ifndef XTCP_CORE_STATE_H
#define XTCP_CORE_STATE_H

#include "types.h"

/* RFC 9293's states with the numbers of TCP_*, which generic kernel code tests. */
enum xtcp_state {
	XTCP_ESTABLISHED = 1,
	XTCP_SYN_SENT,
	XTCP_SYN_RCVD,
	XTCP_FIN_WAIT_1,
	XTCP_FIN_WAIT_2,
	XTCP_TIME_WAIT,
	XTCP_CLOSED,
	XTCP_CLOSE_WAIT,
	XTCP_LAST_ACK,
	XTCP_LISTEN,
	XTCP_CLOSING,
	XTCP_NR_STATES,
};

/* What can happen to a connection. One segment yields its events in this RFC order. */
enum xtcp_event {
	XTCP_EV_LISTEN,		/* application: passive open */
	XTCP_EV_CONNECT,	/* application: active open */
	XTCP_EV_CLOSE,		/* application: no more data to send */
	XTCP_EV_ABORT,		/* application: drop everything, tell the peer */
	XTCP_EV_RCV_RST,	/* acceptable RST */
	XTCP_EV_RCV_SYN,	/* LISTEN: any SYN; SYN_SENT: SYN without ACK (simultaneous open) */
	XTCP_EV_RCV_SYN_ACK,	/* SYN_SENT: SYN with an ACK of ours */
	XTCP_EV_RCV_ACK_OF_SYN,	/* SYN_RCVD: acceptable segment that acknowledges our SYN */
	XTCP_EV_RCV_ACK_OF_FIN,	/* acknowledges our FIN */
	XTCP_EV_RCV_FIN,	/* FIN in sequence */
	XTCP_EV_GIVE_UP,	/* retransmission, keepalive or user time-out */
	XTCP_EV_FIN_WAIT_2_TIMEOUT,	/* orphan in FIN_WAIT_2 waited long enough */
	XTCP_EV_2MSL_TIMEOUT,	/* TIME_WAIT is over */
	XTCP_NR_EVENTS,
};

/*
 * Actions of a transition. conn.c carries them out after the state is written,
 * in the order of these bits, lowest first.
 */
#define XTCP_ACT_SEND_RST	0x0001	/* <SEQ=SND.NXT><RST,ACK> (RFC 9293, 3.10.5) */
#define XTCP_ACT_SEND_FIN	0x0002	/* FIN after all queued data */
#define XTCP_ACT_ERR_REFUSED	0x0004	/* report ECONNREFUSED */
#define XTCP_ACT_ERR_RESET	0x0008	/* report ECONNRESET */
#define XTCP_ACT_ERR_PIPE	0x0010	/* report EPIPE: RST in CLOSE_WAIT, as Linux */
#define XTCP_ACT_ERR_TIMEDOUT	0x0020	/* report ETIMEDOUT, or the remembered soft error */
#define XTCP_ACT_CONNECTED	0x0040	/* wake connect() or offer the child to accept() */
#define XTCP_ACT_EOF		0x0080	/* peer sends no more: wake readers */
#define XTCP_ACT_FIN_ACKED	0x0100	/* our direction is done: wake a lingering close() */
#define XTCP_ACT_TIME_WAIT	0x0200	/* a TIME_WAIT entry takes the connection's place */
#define XTCP_ACT_DONE		0x0400	/* the connection is over: stop timers, drop queues, wake */

enum xtcp_verdict {
	XTCP_CELL_FORGOTTEN,	/* zero: a hole in the table, fails the unit test */
	XTCP_CELL_GO,		/* next state, then the actions */
	XTCP_CELL_SPAWN,	/* LISTEN: a half-open entry starts in the next state */
	XTCP_CELL_IGNORE,	/* legal, nothing happens */
	XTCP_CELL_BUG,		/* cannot happen: warn once, count, change nothing */
};

/**
 * struct xtcp_cell - one cell of the transition table
 * @verdict: enum xtcp_verdict
 * @next: enum xtcp_state, with XTCP_CELL_GO and XTCP_CELL_SPAWN
 * @actions: XTCP_ACT_*
 */
struct xtcp_cell {
	u8 verdict;
	u8 next;
	u16 actions;
};

const struct xtcp_cell *xtcp_state_cell(enum xtcp_state state, enum xtcp_event event);
const char *xtcp_state_name(unsigned int state);
const char *xtcp_state_event_name(unsigned int event);

/* One bit per state, for sets of states. */
#define XTCP_F(state)	(1u << (state))

/* Both sides have agreed on their sequence numbers (RFC 9293, 3.3.2). */
static inline bool xtcp_state_is_synchronized(unsigned int state)
{
	return XTCP_F(state) & ~(XTCP_F(XTCP_CLOSED) | XTCP_F(XTCP_LISTEN) |
				 XTCP_F(XTCP_SYN_SENT) | XTCP_F(XTCP_SYN_RCVD));
}

/* The peer's FIN has not come yet, so text may (RFC 9293, 3.10.7.4, seventh). */
static inline bool xtcp_state_can_receive(unsigned int state)
{
	return XTCP_F(state) & (XTCP_F(XTCP_ESTABLISHED) | XTCP_F(XTCP_FIN_WAIT_1) |
				XTCP_F(XTCP_FIN_WAIT_2));
}

/* The application may hand over data to send (RFC 9293, 3.10.2). */
static inline bool xtcp_state_can_send(unsigned int state)
{
	return XTCP_F(state) & (XTCP_F(XTCP_ESTABLISHED) | XTCP_F(XTCP_CLOSE_WAIT));
}

#endif /* XTCP_CORE_STATE_H */
