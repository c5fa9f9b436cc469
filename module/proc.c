// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/net/xtcp and xtcp6 in the format of /proc/net/tcp and tcp6, so that ss and
 * netstat read them; /proc/net/xtcp_snmp in the format of /proc/net/netstat.
 *
 * Context: process. Objects are shown under the lock of their bucket of the demux table,
 * not under their own: what is printed is a glimpse, as Linux TCP's is.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "xtcp.h"
#include "timer.h"

#define LINE_WIDTH_V4	149	/* IPv4 lines are padded to this, as in /proc/net/tcp */

/**
 * struct proc_iter - one open file
 * @p: namespace, kept by the seq_file code
 * @line: lines shown in earlier buckets
 * @shown: lines of the bucket being shown
 * @seq: the file, while a bucket is being shown
 */
struct proc_iter {
	struct seq_net_private p;
	unsigned int line;
	unsigned int shown;
	struct seq_file *seq;
};

/* "tr": which timer runs, in /proc/net/tcp's numbers. */
enum timer_code {
	TIMER_CODE_NONE = 0,
	TIMER_CODE_RETRANSMIT = 1,
	TIMER_CODE_KEEPALIVE = 2,
	TIMER_CODE_TIMEWAIT = 3,
	TIMER_CODE_PROBE = 4,
};

static u16 file_family(const struct seq_file *seq)
{
	return (u16)(uintptr_t)pde_data(file_inode(seq->file));
}

static void show_addr6(struct seq_file *seq, const struct in6_addr *addr, __be16 port)
{
	seq_printf(seq, "%08X%08X%08X%08X:%04X ", addr->s6_addr32[0], addr->s6_addr32[1],
		   addr->s6_addr32[2], addr->s6_addr32[3], ntohs(port));
}

/* IPv4 addresses of AF_INET6 sockets are v4-mapped. */
static void show_addrs(struct seq_file *seq, unsigned int line, const struct xtcp_flow *flow)
{
	struct in6_addr laddr, raddr;

	seq_printf(seq, "%4u: ", line);
	if (file_family(seq) == AF_INET) {
		seq_printf(seq, "%08X:%04X %08X:%04X ", flow->v4.laddr, ntohs(flow->lport),
			   flow->v4.raddr, ntohs(flow->rport));
		return;
	}
	if (flow->family == AF_INET) {
		ipv6_addr_set_v4mapped(flow->v4.laddr, &laddr);
		ipv6_addr_set_v4mapped(flow->v4.raddr, &raddr);
	} else {
		laddr = flow->v6.laddr;
		raddr = flow->v6.raddr;
	}
	show_addr6(seq, &laddr, flow->lport);
	show_addr6(seq, &raddr, flow->rport);
}

/* Addresses as the socket has them: an AF_INET6 socket's are IPv6, perhaps v4-mapped. */
static void sock_flow(const struct sock *sk, struct xtcp_flow *flow)
{
	const struct inet_sock *inet = inet_sk(sk);

	memset(flow, 0, sizeof(*flow));
	flow->family = sk->sk_family;
	flow->lport = inet->inet_sport;
	flow->rport = inet->inet_dport;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		flow->v6.laddr = sk->sk_v6_rcv_saddr;
		flow->v6.raddr = sk->sk_v6_daddr;
		return;
	}
#endif
	flow->v4.laddr = inet->inet_rcv_saddr;
	flow->v4.raddr = inet->inet_daddr;
}

static enum timer_code sock_timer(const struct sock *sk, long *delta_jif)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);
	u8 kind = READ_ONCE(xp->rto_kind);

	*delta_jif = 0;
	if (kind != XTCP_RTO_NONE) {
		*delta_jif = (s32)(READ_ONCE(xp->rto_expires_jif) - (u32)jiffies);
		return kind == XTCP_RTO_PROBE ? TIMER_CODE_PROBE : TIMER_CODE_RETRANSMIT;
	}
	if (timer_pending(&sk->sk_timer)) {
		*delta_jif = sk->sk_timer.expires - jiffies;
		return TIMER_CODE_KEEPALIVE;
	}
	return TIMER_CODE_NONE;
}

static void show_sock(struct seq_file *seq, unsigned int line, struct sock *sk)
{
	const struct xtcp_sock *xp = xtcp_sk(sk);
	u32 mss = max_t(u32, READ_ONCE(xp->cong.mss_bytes), 1);
	u32 ssthresh_bytes = READ_ONCE(xp->cong.ssthresh_bytes);
	int state = READ_ONCE(sk->sk_state);
	int rx_queue, ssthresh = -1;
	struct xtcp_flow flow;
	enum timer_code timer;
	long delta_jif;

	timer = sock_timer(sk, &delta_jif);
	if (state == XTCP_LISTEN) {
		rx_queue = READ_ONCE(sk->sk_ack_backlog);
		ssthresh = 0;
	} else {
		/* Not locked: the two may not fit together for a moment. */
		rx_queue = max_t(int, READ_ONCE(xp->rcv_nxt) - READ_ONCE(xp->copied_seq), 0);
		if (ssthresh_bytes < XTCP_SSTHRESH_INFINITE)
			ssthresh = ssthresh_bytes / mss;
	}
	sock_flow(sk, &flow);
	show_addrs(seq, line, &flow);
	seq_printf(seq, "%02X %08X:%08X %02X:%08lX %08X %5u %8d %lu %d %pK %lu %lu %u %u %d",
		   state, READ_ONCE(xp->write_seq) - READ_ONCE(xp->snd_una), rx_queue, timer,
		   (unsigned long)jiffies_delta_to_clock_t(delta_jif), xp->retries,
		   from_kuid_munged(seq_user_ns(seq), xtcp_compat_uid(sk)), xp->probes,
		   sock_i_ino(sk), refcount_read(&sk->sk_refcnt), sk,
		   (unsigned long)jiffies_to_clock_t(xtcp_timer_rto_jif(sk)),
		   (unsigned long)jiffies_to_clock_t(xp->ato_jif),
		   xp->quickacks << 1 | xp->pingpong,
		   READ_ONCE(xp->cong.cwnd_bytes) / mss, ssthresh);
}

static void show_halfopen(struct seq_file *seq, unsigned int line, const struct xtcp_halfopen *ho)
{
	long delta_jif = (s32)(ho->expires_jif - (u32)jiffies);

	show_addrs(seq, line, &ho->node.flow);
	seq_printf(seq, "%02X %08X:%08X %02X:%08lX %08X %5u %8d %d %d %pK",
		   XTCP_SYN_RCVD, 0, 0, TIMER_CODE_RETRANSMIT,
		   (unsigned long)jiffies_delta_to_clock_t(delta_jif), ho->retries,
		   from_kuid_munged(seq_user_ns(seq), xtcp_compat_uid(ho->listener)),
		   0, 0, refcount_read(&ho->node.ref), ho);
}

static void show_timewait(struct seq_file *seq, unsigned int line, const struct xtcp_timewait *tw)
{
	long delta_jif = (s32)(tw->expires_jif - (u32)jiffies);

	show_addrs(seq, line, &tw->node.flow);
	seq_printf(seq, "%02X %08X:%08X %02X:%08lX %08X %5u %8d %d %d %pK",
		   XTCP_TIME_WAIT, 0, 0, TIMER_CODE_TIMEWAIT,
		   (unsigned long)jiffies_delta_to_clock_t(delta_jif), 0, 0, 0, 0,
		   refcount_read(&tw->node.ref), tw);
}

/* Of the socket that it is, was, or will be. */
static u16 node_family(struct xtcp_node *node)
{
	switch (node->kind) {
	case XTCP_KIND_HALFOPEN:
		return container_of(node, struct xtcp_halfopen, node)->listener->sk_family;
	case XTCP_KIND_TIMEWAIT:
		if (container_of(node, struct xtcp_timewait, node)->mapped)
			return AF_INET6;
		return node->flow.family;
	default:
		return xtcp_node_sk(node)->sk_family;
	}
}

static bool show_node(struct xtcp_node *node, void *arg)
{
	struct proc_iter *iter = arg;
	struct seq_file *seq = iter->seq;
	unsigned int line = iter->line + iter->shown;
	u16 family = file_family(seq);

	if (!net_eq(node->flow.net, seq_file_net(seq)) || node_family(node) != family)
		return true;
	if (family == AF_INET)
		seq_setwidth(seq, LINE_WIDTH_V4);
	switch (node->kind) {
	case XTCP_KIND_SOCK:
	case XTCP_KIND_LISTENER:
		show_sock(seq, line, xtcp_node_sk(node));
		break;
	case XTCP_KIND_HALFOPEN:
		show_halfopen(seq, line, container_of(node, struct xtcp_halfopen, node));
		break;
	case XTCP_KIND_TIMEWAIT:
		show_timewait(seq, line, container_of(node, struct xtcp_timewait, node));
		break;
	}
	seq_pad(seq, '\n');
	iter->shown++;
	return true;
}

static void show_header(struct seq_file *seq)
{
	bool v6 = file_family(seq) == AF_INET6;

	if (!v6)
		seq_setwidth(seq, LINE_WIDTH_V4);
	if (v6) {
		seq_puts(seq, "  sl  local_address                         ");
		seq_puts(seq, "remote_address                        st");
	} else {
		seq_puts(seq, "  sl  local_address rem_address   st");
	}
	seq_puts(seq, " tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode");
	seq_pad(seq, '\n');
}

/* Position 0 is the header, position n the table's bucket n - 1, shown in one piece. */
static void *start_walk(struct seq_file *seq, loff_t *pos)
{
	struct proc_iter *iter = seq->private;

	if (*pos == 0) {
		iter->line = 0;
		return SEQ_START_TOKEN;
	}
	return *pos <= xtcp_hash_size() ? pos : NULL;
}

static void *next_bucket(struct seq_file *seq, void *v, loff_t *pos)
{
	++*pos;
	return *pos <= xtcp_hash_size() ? pos : NULL;
}

static void stop_walk(struct seq_file *seq, void *v)
{
}

static int show_bucket(struct seq_file *seq, void *v)
{
	struct proc_iter *iter = seq->private;

	if (v == SEQ_START_TOKEN) {
		show_header(seq);
		return 0;
	}
	iter->seq = seq;
	iter->shown = 0;
	xtcp_hash_walk(*(loff_t *)v - 1, show_node, iter);
	/* When the buffer was too small, the bucket is shown once more. */
	if (!seq_has_overflowed(seq))
		iter->line += iter->shown;
	return 0;
}

static const struct seq_operations bucket_ops = {
	.start	= start_walk,
	.next	= next_bucket,
	.stop	= stop_walk,
	.show	= show_bucket,
};

static int show_counters(struct seq_file *seq, void *v)
{
	const struct net *net = seq->private;
	unsigned int i;

	seq_puts(seq, "Xtcp:");
	for (i = 0; xtcp_mib_name(i); i++)
		seq_printf(seq, " %s", xtcp_mib_name(i));
	seq_puts(seq, "\nXtcp:");
	for (i = 0; xtcp_mib_name(i); i++)
		seq_printf(seq, " %lu", xtcp_mib_sum(net, i));
	seq_putc(seq, '\n');
	return 0;
}

/**
 * xtcp_proc_init_net - make a namespace's files
 * @xn: the namespace
 *
 * Context: process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int xtcp_proc_init_net(struct xtcp_net *xn)
{
	struct proc_dir_entry *dir = xn->net->proc_net;

	if (!proc_create_net_data("xtcp", 0444, dir, &bucket_ops, sizeof(struct proc_iter),
				  (void *)AF_INET))
		return -ENOMEM;
	if (!proc_create_net_data("xtcp6", 0444, dir, &bucket_ops, sizeof(struct proc_iter),
				  (void *)AF_INET6))
		goto no_xtcp6;
	if (!proc_create_net_single("xtcp_snmp", 0444, dir, show_counters, NULL))
		goto no_snmp;
	return 0;
no_snmp:
	remove_proc_entry("xtcp6", dir);
no_xtcp6:
	remove_proc_entry("xtcp", dir);
	return -ENOMEM;
}

/**
 * xtcp_proc_exit_net - remove a namespace's files
 * @xn: the namespace
 *
 * Context: process, may sleep; waits for readers.
 */
void xtcp_proc_exit_net(struct xtcp_net *xn)
{
	struct proc_dir_entry *dir = xn->net->proc_net;

	remove_proc_entry("xtcp_snmp", dir);
	remove_proc_entry("xtcp6", dir);
	remove_proc_entry("xtcp", dir);
}
