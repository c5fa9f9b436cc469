// SPDX-License-Identifier: GPL-2.0-only
/*
 * The transition table of the connection state machine: every state, every event.
 *
 * RFC 9293, 3.3.2 (figure 5 and its notes), 3.10.1 to 3.10.8. Constant data and
 * look-ups: any context, no locks. conn.c is the only one who acts on a cell.
 *
 * How to read a line: GO(next, actions) is a transition, SPAWN(next, actions)
 * starts another object in the next state and leaves this one where it is, IGN is
 * legal and changes nothing, BUG cannot happen because the caller has already
 * sorted the case out; the runner warns once and changes nothing.
 */
#include "state.h"

#define GO(to, act)	{ .verdict = XTCP_CELL_GO, .next = (to), .actions = (act) }
#define SPAWN(to, act)	{ .verdict = XTCP_CELL_SPAWN, .next = (to), .actions = (act) }
#define IGN		{ .verdict = XTCP_CELL_IGNORE, .next = 0, .actions = 0 }
#undef BUG		/* the kernel's, which pure logic never calls */
#define BUG		{ .verdict = XTCP_CELL_BUG, .next = 0, .actions = 0 }

/*
 * Two rules keep this table small. A segment's events come in RFC order, ACK of
 * our FIN before the peer's FIN, so FIN+ACK in FIN_WAIT_1 is two plain steps. And
 * an event is raised only for what the sequence checks let through: a repeated
 * FIN, or a SYN in a synchronised state, is answered before it becomes an event.
 */
static const struct xtcp_cell fsm[XTCP_NR_STATES][XTCP_NR_EVENTS] = {
	/* Number 0 is no state: a socket that shows it was never initialised. */
	[0] = {
		[XTCP_EV_LISTEN]		= BUG,
		[XTCP_EV_CONNECT]		= BUG,
		[XTCP_EV_CLOSE]			= BUG,
		[XTCP_EV_ABORT]			= BUG,
		[XTCP_EV_RCV_RST]		= BUG,
		[XTCP_EV_RCV_SYN]		= BUG,
		[XTCP_EV_RCV_SYN_ACK]		= BUG,
		[XTCP_EV_RCV_ACK_OF_SYN]	= BUG,
		[XTCP_EV_RCV_ACK_OF_FIN]	= BUG,
		[XTCP_EV_RCV_FIN]		= BUG,
		[XTCP_EV_GIVE_UP]		= BUG,
		[XTCP_EV_FIN_WAIT_2_TIMEOUT]	= BUG,
		[XTCP_EV_2MSL_TIMEOUT]		= BUG,
	},

	/* No connection, in no table: nothing can be received, no timer runs. */
	[XTCP_CLOSED] = {
		[XTCP_EV_LISTEN]		= GO(XTCP_LISTEN, 0),
		[XTCP_EV_CONNECT]		= GO(XTCP_SYN_SENT, 0),
		[XTCP_EV_CLOSE]			= IGN,
		[XTCP_EV_ABORT]			= IGN,
		[XTCP_EV_RCV_RST]		= BUG,
		[XTCP_EV_RCV_SYN]		= BUG,
		[XTCP_EV_RCV_SYN_ACK]		= BUG,
		[XTCP_EV_RCV_ACK_OF_SYN]	= BUG,
		[XTCP_EV_RCV_ACK_OF_FIN]	= BUG,
		[XTCP_EV_RCV_FIN]		= BUG,
		[XTCP_EV_GIVE_UP]		= BUG,
		[XTCP_EV_FIN_WAIT_2_TIMEOUT]	= BUG,
		[XTCP_EV_2MSL_TIMEOUT]		= BUG,
	},

	/*
	 * A SYN starts a half-open entry; the listener stays. A RST means nothing
	 * here, an ACK is answered with a RST without asking this table, and
	 * connect() on a listener is refused (RFC 9293, 3.10.1 would allow it).
	 */
	[XTCP_LISTEN] = {
		[XTCP_EV_LISTEN]		= IGN,
		[XTCP_EV_CONNECT]		= BUG,
		[XTCP_EV_CLOSE]			= GO(XTCP_CLOSED, XTCP_ACT_DONE),
		[XTCP_EV_ABORT]			= GO(XTCP_CLOSED, XTCP_ACT_DONE),
		[XTCP_EV_RCV_RST]		= IGN,
		[XTCP_EV_RCV_SYN]		= SPAWN(XTCP_SYN_RCVD, 0),
		[XTCP_EV_RCV_SYN_ACK]		= BUG,
		[XTCP_EV_RCV_ACK_OF_SYN]	= BUG,
		[XTCP_EV_RCV_ACK_OF_FIN]	= BUG,
		[XTCP_EV_RCV_FIN]		= BUG,
		[XTCP_EV_GIVE_UP]		= BUG,
		[XTCP_EV_FIN_WAIT_2_TIMEOUT]	= BUG,
		[XTCP_EV_2MSL_TIMEOUT]		= BUG,
	},

	/* The peer knows nothing of us that a RST could undo: leave in silence. */
	[XTCP_SYN_SENT] = {
		[XTCP_EV_LISTEN]		= BUG,
		[XTCP_EV_CONNECT]		= BUG,
		[XTCP_EV_CLOSE]			= GO(XTCP_CLOSED, XTCP_ACT_DONE),
		[XTCP_EV_ABORT]			= GO(XTCP_CLOSED, XTCP_ACT_DONE),
		[XTCP_EV_RCV_RST]		= GO(XTCP_CLOSED,
						     XTCP_ACT_ERR_REFUSED | XTCP_ACT_DONE),
		[XTCP_EV_RCV_SYN]		= GO(XTCP_SYN_RCVD, 0),
		[XTCP_EV_RCV_SYN_ACK]		= GO(XTCP_ESTABLISHED, XTCP_ACT_CONNECTED),
		[XTCP_EV_RCV_ACK_OF_SYN]	= BUG,
		[XTCP_EV_RCV_ACK_OF_FIN]	= BUG,
		[XTCP_EV_RCV_FIN]		= BUG,
		[XTCP_EV_GIVE_UP]		= GO(XTCP_CLOSED,
						     XTCP_ACT_ERR_TIMEDOUT | XTCP_ACT_DONE),
		[XTCP_EV_FIN_WAIT_2_TIMEOUT]	= BUG,
		[XTCP_EV_2MSL_TIMEOUT]		= BUG,
	},

	/*
	 * A socket is here after simultaneous open, or as the child of a listener in
	 * the moment of its birth. An active opener learns of a RST (RFC 9293,
	 * 3.10.7.4, second; MUST-11); passive half-open entries are no sockets.
	 */
	[XTCP_SYN_RCVD] = {
		[XTCP_EV_LISTEN]		= BUG,
		[XTCP_EV_CONNECT]		= BUG,
		[XTCP_EV_CLOSE]			= GO(XTCP_FIN_WAIT_1, XTCP_ACT_SEND_FIN),
		[XTCP_EV_ABORT]			= GO(XTCP_CLOSED,
						     XTCP_ACT_SEND_RST | XTCP_ACT_DONE),
		[XTCP_EV_RCV_RST]		= GO(XTCP_CLOSED,
						     XTCP_ACT_ERR_REFUSED | XTCP_ACT_DONE),
		[XTCP_EV_RCV_SYN]		= BUG,
		[XTCP_EV_RCV_SYN_ACK]		= BUG,
		[XTCP_EV_RCV_ACK_OF_SYN]	= GO(XTCP_ESTABLISHED, XTCP_ACT_CONNECTED),
		[XTCP_EV_RCV_ACK_OF_FIN]	= BUG,
		[XTCP_EV_RCV_FIN]		= BUG,
		[XTCP_EV_GIVE_UP]		= GO(XTCP_CLOSED,
						     XTCP_ACT_ERR_TIMEDOUT | XTCP_ACT_DONE),
		[XTCP_EV_FIN_WAIT_2_TIMEOUT]	= BUG,
		[XTCP_EV_2MSL_TIMEOUT]		= BUG,
	},

	/* Data flows both ways. */
	[XTCP_ESTABLISHED] = {
		[XTCP_EV_LISTEN]		= BUG,
		[XTCP_EV_CONNECT]		= BUG,
		[XTCP_EV_CLOSE]			= GO(XTCP_FIN_WAIT_1, XTCP_ACT_SEND_FIN),
		[XTCP_EV_ABORT]			= GO(XTCP_CLOSED,
						     XTCP_ACT_SEND_RST | XTCP_ACT_DONE),
		[XTCP_EV_RCV_RST]		= GO(XTCP_CLOSED,
						     XTCP_ACT_ERR_RESET | XTCP_ACT_DONE),
		[XTCP_EV_RCV_SYN]		= BUG,
		[XTCP_EV_RCV_SYN_ACK]		= BUG,
		[XTCP_EV_RCV_ACK_OF_SYN]	= BUG,
		[XTCP_EV_RCV_ACK_OF_FIN]	= BUG,
		[XTCP_EV_RCV_FIN]		= GO(XTCP_CLOSE_WAIT, XTCP_ACT_EOF),
		[XTCP_EV_GIVE_UP]		= GO(XTCP_CLOSED,
						     XTCP_ACT_ERR_TIMEDOUT | XTCP_ACT_DONE),
		[XTCP_EV_FIN_WAIT_2_TIMEOUT]	= BUG,
		[XTCP_EV_2MSL_TIMEOUT]		= BUG,
	},

	/* Our FIN is queued or sent, not acknowledged; the peer may still send. */
	[XTCP_FIN_WAIT_1] = {
		[XTCP_EV_LISTEN]		= BUG,
		[XTCP_EV_CONNECT]		= BUG,
		[XTCP_EV_CLOSE]			= IGN,
		[XTCP_EV_ABORT]			= GO(XTCP_CLOSED,
						     XTCP_ACT_SEND_RST | XTCP_ACT_DONE),
		[XTCP_EV_RCV_RST]		= GO(XTCP_CLOSED,
						     XTCP_ACT_ERR_RESET | XTCP_ACT_DONE),
		[XTCP_EV_RCV_SYN]		= BUG,
		[XTCP_EV_RCV_SYN_ACK]		= BUG,
		[XTCP_EV_RCV_ACK_OF_SYN]	= BUG,
		[XTCP_EV_RCV_ACK_OF_FIN]	= GO(XTCP_FIN_WAIT_2, XTCP_ACT_FIN_ACKED),
		[XTCP_EV_RCV_FIN]		= GO(XTCP_CLOSING, XTCP_ACT_EOF),
		[XTCP_EV_GIVE_UP]		= GO(XTCP_CLOSED,
						     XTCP_ACT_ERR_TIMEDOUT | XTCP_ACT_DONE),
		[XTCP_EV_FIN_WAIT_2_TIMEOUT]	= BUG,
		[XTCP_EV_2MSL_TIMEOUT]		= BUG,
	},

	/* Our direction is closed and acknowledged; the peer may still send. */
	[XTCP_FIN_WAIT_2] = {
		[XTCP_EV_LISTEN]		= BUG,
		[XTCP_EV_CONNECT]		= BUG,
		[XTCP_EV_CLOSE]			= IGN,
		[XTCP_EV_ABORT]			= GO(XTCP_CLOSED,
						     XTCP_ACT_SEND_RST | XTCP_ACT_DONE),
		[XTCP_EV_RCV_RST]		= GO(XTCP_CLOSED,
						     XTCP_ACT_ERR_RESET | XTCP_ACT_DONE),
		[XTCP_EV_RCV_SYN]		= BUG,
		[XTCP_EV_RCV_SYN_ACK]		= BUG,
		[XTCP_EV_RCV_ACK_OF_SYN]	= BUG,
		[XTCP_EV_RCV_ACK_OF_FIN]	= BUG,
		[XTCP_EV_RCV_FIN]		= GO(XTCP_TIME_WAIT,
						     XTCP_ACT_EOF | XTCP_ACT_TIME_WAIT),
		[XTCP_EV_GIVE_UP]		= GO(XTCP_CLOSED,
						     XTCP_ACT_ERR_TIMEDOUT | XTCP_ACT_DONE),
		[XTCP_EV_FIN_WAIT_2_TIMEOUT]	= GO(XTCP_CLOSED, XTCP_ACT_DONE),
		[XTCP_EV_2MSL_TIMEOUT]		= BUG,
	},

	/*
	 * Both FINs have crossed: only the ACK of ours is missing. Nothing is left
	 * that a RST could destroy, in either direction (RFC 9293, 3.10.5; 3.10.7.4,
	 * second). That is so once our FIN has been sent; while it waits behind a closed
	 * window, here or in LAST_ACK, see xtcp_conn_fin_waits().
	 */
	[XTCP_CLOSING] = {
		[XTCP_EV_LISTEN]		= BUG,
		[XTCP_EV_CONNECT]		= BUG,
		[XTCP_EV_CLOSE]			= IGN,
		[XTCP_EV_ABORT]			= GO(XTCP_CLOSED, XTCP_ACT_DONE),
		[XTCP_EV_RCV_RST]		= GO(XTCP_CLOSED, XTCP_ACT_DONE),
		[XTCP_EV_RCV_SYN]		= BUG,
		[XTCP_EV_RCV_SYN_ACK]		= BUG,
		[XTCP_EV_RCV_ACK_OF_SYN]	= BUG,
		[XTCP_EV_RCV_ACK_OF_FIN]	= GO(XTCP_TIME_WAIT,
						     XTCP_ACT_FIN_ACKED | XTCP_ACT_TIME_WAIT),
		[XTCP_EV_RCV_FIN]		= IGN,
		[XTCP_EV_GIVE_UP]		= GO(XTCP_CLOSED,
						     XTCP_ACT_ERR_TIMEDOUT | XTCP_ACT_DONE),
		[XTCP_EV_FIN_WAIT_2_TIMEOUT]	= BUG,
		[XTCP_EV_2MSL_TIMEOUT]		= BUG,
	},

	/* The peer sends no more; we may. A RST now means writing into a broken pipe. */
	[XTCP_CLOSE_WAIT] = {
		[XTCP_EV_LISTEN]		= BUG,
		[XTCP_EV_CONNECT]		= BUG,
		[XTCP_EV_CLOSE]			= GO(XTCP_LAST_ACK, XTCP_ACT_SEND_FIN),
		[XTCP_EV_ABORT]			= GO(XTCP_CLOSED,
						     XTCP_ACT_SEND_RST | XTCP_ACT_DONE),
		[XTCP_EV_RCV_RST]		= GO(XTCP_CLOSED,
						     XTCP_ACT_ERR_PIPE | XTCP_ACT_DONE),
		[XTCP_EV_RCV_SYN]		= BUG,
		[XTCP_EV_RCV_SYN_ACK]		= BUG,
		[XTCP_EV_RCV_ACK_OF_SYN]	= BUG,
		[XTCP_EV_RCV_ACK_OF_FIN]	= BUG,
		[XTCP_EV_RCV_FIN]		= IGN,
		[XTCP_EV_GIVE_UP]		= GO(XTCP_CLOSED,
						     XTCP_ACT_ERR_TIMEDOUT | XTCP_ACT_DONE),
		[XTCP_EV_FIN_WAIT_2_TIMEOUT]	= BUG,
		[XTCP_EV_2MSL_TIMEOUT]		= BUG,
	},

	/* The peer closed first; the ACK of our FIN is the end, without TIME_WAIT. */
	[XTCP_LAST_ACK] = {
		[XTCP_EV_LISTEN]		= BUG,
		[XTCP_EV_CONNECT]		= BUG,
		[XTCP_EV_CLOSE]			= IGN,
		[XTCP_EV_ABORT]			= GO(XTCP_CLOSED, XTCP_ACT_DONE),
		[XTCP_EV_RCV_RST]		= GO(XTCP_CLOSED, XTCP_ACT_DONE),
		[XTCP_EV_RCV_SYN]		= BUG,
		[XTCP_EV_RCV_SYN_ACK]		= BUG,
		[XTCP_EV_RCV_ACK_OF_SYN]	= BUG,
		[XTCP_EV_RCV_ACK_OF_FIN]	= GO(XTCP_CLOSED,
						     XTCP_ACT_FIN_ACKED | XTCP_ACT_DONE),
		[XTCP_EV_RCV_FIN]		= IGN,
		[XTCP_EV_GIVE_UP]		= GO(XTCP_CLOSED,
						     XTCP_ACT_ERR_TIMEDOUT | XTCP_ACT_DONE),
		[XTCP_EV_FIN_WAIT_2_TIMEOUT]	= BUG,
		[XTCP_EV_2MSL_TIMEOUT]		= BUG,
	},

	/*
	 * Only time ends it. A RST does not (RFC 1337, 3, fix F1; deviates from RFC
	 * 9293, 3.10.7.4: an old duplicate could assassinate the wait), and a FIN is
	 * acknowledged again and restarts the clock where the entry lives.
	 */
	[XTCP_TIME_WAIT] = {
		[XTCP_EV_LISTEN]		= BUG,
		[XTCP_EV_CONNECT]		= BUG,
		[XTCP_EV_CLOSE]			= IGN,
		[XTCP_EV_ABORT]			= GO(XTCP_CLOSED, XTCP_ACT_DONE),
		[XTCP_EV_RCV_RST]		= IGN,
		[XTCP_EV_RCV_SYN]		= BUG,
		[XTCP_EV_RCV_SYN_ACK]		= BUG,
		[XTCP_EV_RCV_ACK_OF_SYN]	= BUG,
		[XTCP_EV_RCV_ACK_OF_FIN]	= BUG,
		[XTCP_EV_RCV_FIN]		= IGN,
		[XTCP_EV_GIVE_UP]		= BUG,
		[XTCP_EV_FIN_WAIT_2_TIMEOUT]	= BUG,
		[XTCP_EV_2MSL_TIMEOUT]		= GO(XTCP_CLOSED, XTCP_ACT_DONE),
	},
};

static const char * const state_names[XTCP_NR_STATES] = {
	[XTCP_ESTABLISHED]	= "ESTABLISHED",
	[XTCP_SYN_SENT]		= "SYN_SENT",
	[XTCP_SYN_RCVD]		= "SYN_RCVD",
	[XTCP_FIN_WAIT_1]	= "FIN_WAIT_1",
	[XTCP_FIN_WAIT_2]	= "FIN_WAIT_2",
	[XTCP_TIME_WAIT]	= "TIME_WAIT",
	[XTCP_CLOSED]		= "CLOSED",
	[XTCP_CLOSE_WAIT]	= "CLOSE_WAIT",
	[XTCP_LAST_ACK]		= "LAST_ACK",
	[XTCP_LISTEN]		= "LISTEN",
	[XTCP_CLOSING]		= "CLOSING",
};

static const char * const event_names[XTCP_NR_EVENTS] = {
	[XTCP_EV_LISTEN]		= "LISTEN",
	[XTCP_EV_CONNECT]		= "CONNECT",
	[XTCP_EV_CLOSE]			= "CLOSE",
	[XTCP_EV_ABORT]			= "ABORT",
	[XTCP_EV_RCV_RST]		= "RCV_RST",
	[XTCP_EV_RCV_SYN]		= "RCV_SYN",
	[XTCP_EV_RCV_SYN_ACK]		= "RCV_SYN_ACK",
	[XTCP_EV_RCV_ACK_OF_SYN]	= "RCV_ACK_OF_SYN",
	[XTCP_EV_RCV_ACK_OF_FIN]	= "RCV_ACK_OF_FIN",
	[XTCP_EV_RCV_FIN]		= "RCV_FIN",
	[XTCP_EV_GIVE_UP]		= "GIVE_UP",
	[XTCP_EV_FIN_WAIT_2_TIMEOUT]	= "FIN_WAIT_2_TIMEOUT",
	[XTCP_EV_2MSL_TIMEOUT]		= "2MSL_TIMEOUT",
};

/**
 * xtcp_state_cell() - what an event does in a state
 * @state: the connection's state
 * @event: what happened
 *
 * A number outside the table meets the BUG cell of state 0.
 *
 * Context: any, pure.
 * Return: the cell, never NULL.
 */
const struct xtcp_cell *xtcp_state_cell(enum xtcp_state state, enum xtcp_event event)
{
	if ((unsigned int)state >= XTCP_NR_STATES || (unsigned int)event >= XTCP_NR_EVENTS)
		return &fsm[0][0];

	return &fsm[state][event];
}

/**
 * xtcp_state_name() - a state's name as in RFC 9293, underscores for hyphens
 * @state: enum xtcp_state; any other number is harmless
 *
 * Context: any, pure.
 * Return: constant string, "UNKNOWN" for what is no state.
 */
const char *xtcp_state_name(unsigned int state)
{
	return state < XTCP_NR_STATES && state_names[state] ? state_names[state] : "UNKNOWN";
}

/**
 * xtcp_state_event_name() - an event's name, as its constant without the prefix
 * @event: enum xtcp_event; any other number is harmless
 *
 * Context: any, pure.
 * Return: constant string, "UNKNOWN" for what is no event.
 */
const char *xtcp_state_event_name(unsigned int event)
{
	return event < XTCP_NR_EVENTS ? event_names[event] : "UNKNOWN";
}
