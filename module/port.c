// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local ports: who holds one, who may share it, and which one a connection gets.
 *
 * A port in use in a namespace is one object with the list of its owners: bound sockets,
 * connections, children of listeners and TIME_WAIT entries. bind() follows Linux TCP's
 * rules of conflict; connect() chooses as RFC 6056, 3.3.4 (double hash) and may share a
 * port with other connections, as the demux table keeps 4-tuples apart.
 *
 * Lock: one spinlock per hash chain, BH off, under the socket lock; the demux table's
 * bucket lock is taken under it. A member's port pointer changes only under the chain's
 * lock and its own socket lock, so each of them is enough to read it.
 */
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <net/ip.h>
#include <net/l3mdev.h>

#include "xtcp.h"
#include "af_ops.h"

#define CHAIN_BITS	12
#define PERTURB_BITS	16	/* RFC 6056's table T; small ones leak (arXiv 2209.12993) */

/**
 * struct xtcp_port - one local port in use in one namespace
 * @chain: in the port table
 * @owners: struct xtcp_bind, never empty
 * @net: namespace; its owners keep it alive
 * @num: the port
 * @connect_only: all owners came by connect(): further connections may share it
 *
 * All under the chain's lock; @net and @num constant.
 */
struct xtcp_port {
	struct hlist_node chain;
	struct hlist_head owners;
	struct net *net;
	u16 num;
	bool connect_only;
};

struct chain {
	spinlock_t lock;		/* the ports, their owners, and membership */
	struct hlist_head ports;
};

static struct chain *chains;
static struct kmem_cache *port_cache;
static u32 *perturb;		/* RFC 6056, 3.3.4: T[]; racy updates only add noise */

/* ---- the table -------------------------------------------------------------- */

static struct chain *chain_of(const struct net *net, u16 num)
{
	return &chains[xtcp_keys_hash_port(net, htons(num)) & ((1u << CHAIN_BITS) - 1)];
}

static struct xtcp_port *find_port(const struct chain *chain, const struct net *net, u16 num)
{
	struct xtcp_port *port;

	lockdep_assert_held(&chain->lock);
	hlist_for_each_entry(port, &chain->ports, chain) {
		if (port->num == num && net_eq(port->net, net))
			return port;
	}
	return NULL;
}

static struct xtcp_port *create_port(struct chain *chain, struct net *net, u16 num)
{
	struct xtcp_port *port = kmem_cache_alloc(port_cache, GFP_ATOMIC);

	lockdep_assert_held(&chain->lock);
	if (!port)
		return NULL;
	INIT_HLIST_HEAD(&port->owners);
	port->net = net;
	port->num = num;
	port->connect_only = false;
	hlist_add_head(&port->chain, &chain->ports);
	return port;
}

static void join(struct xtcp_port *port, struct xtcp_bind *bind, bool is_timewait)
{
	bind->port = port;
	bind->is_timewait = is_timewait;
	hlist_add_head(&bind->link, &port->owners);
}

/* Free a port whose last owner has gone, or that got none. */
static void free_if_unused(struct xtcp_port *port)
{
	if (!hlist_empty(&port->owners))
		return;
	hlist_del(&port->chain);
	kmem_cache_free(port_cache, port);
}

static void leave(struct net *net, struct xtcp_bind *bind)
{
	struct chain *chain = chain_of(net, bind->port->num);
	struct xtcp_port *port;

	spin_lock_bh(&chain->lock);
	port = bind->port;
	hlist_del(&bind->link);
	bind->port = NULL;
	free_if_unused(port);
	spin_unlock_bh(&chain->lock);
}

/* ---- conflicts -------------------------------------------------------------- */

/**
 * struct claim - what an owner of a port claims of it
 * @addr: local address; IPv4 as v4-mapped
 * @dev: device bound to, 0: any
 * @l3mdev: the VRF that @dev is, or is part of, 0: none
 * @uid: owner
 * @v4: an IPv4 address
 * @mapped: that of an IPv6 socket
 * @any: all addresses of the family
 * @v6only: not for IPv4, @any or not
 * @reuse: SO_REUSEADDR
 * @reuseport: SO_REUSEPORT
 * @listening: in LISTEN
 * @timewait: a TIME_WAIT entry
 */
struct claim {
	struct in6_addr addr;
	int dev;
	int l3mdev;
	kuid_t uid;
	bool v4;
	bool mapped;
	bool any;
	bool v6only;
	bool reuse;
	bool reuseport;
	bool listening;
	bool timewait;
};

static void claim_of_sock(const struct sock *sk, struct claim *claim)
{
	int dev = READ_ONCE(sk->sk_bound_dev_if);

	*claim = (struct claim) {
		.dev = dev,
		.l3mdev = l3mdev_master_ifindex_by_index(sock_net(sk), dev),
		.uid = xtcp_compat_uid(sk),
		.v6only = ipv6_only_sock(sk),
		.reuse = sk->sk_reuse,
		.reuseport = sk->sk_reuseport,
		.listening = READ_ONCE(sk->sk_state) == XTCP_LISTEN,
	};
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr)) {
		claim->addr = sk->sk_v6_rcv_saddr;
		claim->any = ipv6_addr_any(&claim->addr);
		return;
	}
#endif
	ipv6_addr_set_v4mapped(sk->sk_rcv_saddr, &claim->addr);
	claim->v4 = true;
	claim->mapped = sk->sk_family == AF_INET6;
	claim->any = !sk->sk_rcv_saddr;
}

static void claim_of_timewait(const struct xtcp_timewait *tw, struct claim *claim)
{
	const struct xtcp_flow *flow = &tw->node.flow;

	*claim = (struct claim) {
		.dev = flow->ifindex,
		.l3mdev = l3mdev_master_ifindex_by_index(flow->net, flow->ifindex),
		.v4 = flow->family == AF_INET,
		.v6only = tw->v6only,
		.reuse = tw->reuse,
		.reuseport = tw->reuseport,
		.timewait = true,
	};
	if (claim->v4)
		ipv6_addr_set_v4mapped(flow->v4.laddr, &claim->addr);
	else
		claim->addr = flow->v6.laddr;
}

static struct sock *bind_sk(const struct xtcp_bind *bind)
{
	return (struct sock *)container_of(bind, struct xtcp_sock, bind);
}

static void claim_of_bind(const struct xtcp_bind *bind, struct claim *claim)
{
	if (bind->is_timewait)
		claim_of_timewait(container_of(bind, struct xtcp_timewait, bind), claim);
	else
		claim_of_sock(bind_sk(bind), claim);
}

/* Does an IPv6 claim cover IPv4's addresses, too? */
static bool spans_v4(const struct claim *claim)
{
	return !claim->v4 && claim->any && !claim->v6only;
}

/*
 * Could one segment be for either of the two? And, as in Linux TCP, an IPv6 connection of a
 * socket that could as well have had an IPv4 peer keeps others off IPv4's any-address.
 */
static bool claims_overlap(const struct claim *ours, const struct claim *theirs)
{
	if (ours->l3mdev != theirs->l3mdev)	/* VRFs are worlds of their own */
		return false;
	if (ours->dev && theirs->dev && ours->dev != theirs->dev)
		return false;
	if (ours->v4 != theirs->v4)
		return spans_v4(ours) || spans_v4(theirs) ||
		       (ours->v4 && !ours->mapped && ours->any && !theirs->v6only);
	return ours->any || theirs->any || ipv6_addr_equal(&ours->addr, &theirs->addr);
}

/* Have both agreed to share, as SO_REUSEADDR and SO_REUSEPORT mean it in Linux? */
static bool claims_share(const struct claim *ours, const struct claim *theirs)
{
	if (ours->reuse && theirs->reuse && !theirs->listening)
		return true;
	return ours->reuseport && theirs->reuseport &&
	       (theirs->timewait || uid_eq(ours->uid, theirs->uid));
}

/* May @sk not own @port, together with those who do? @sharing: consider their options. */
static bool has_conflict(const struct xtcp_port *port, const struct sock *sk, bool sharing)
{
	const struct xtcp_bind *bind;
	struct claim ours, theirs;

	claim_of_sock(sk, &ours);
	hlist_for_each_entry(bind, &port->owners, link) {
		if (bind == &xtcp_sk(sk)->bind)
			continue;
		claim_of_bind(bind, &theirs);
		if (claims_overlap(&ours, &theirs) &&
		    !(sharing && claims_share(&ours, &theirs)))
			return true;
	}
	return false;
}

/* ---- searching -------------------------------------------------------------- */

/**
 * struct search - one look for a free port
 * @sk: who wants it
 * @try: take port @num; 0, or -errno: -EADDRINUSE to look on
 * @may_reuse: connect(): see xtcp_hash_add_reusing()
 * @reused: connect(): see xtcp_hash_add_reusing()
 * @steps: ports looked at in the last scan
 */
struct search {
	struct sock *sk;
	int (*try)(struct search *search, u16 num);
	bool (*may_reuse)(struct xtcp_node *old);
	struct xtcp_node **reused;
	u32 steps;
};

/* Every second port of @low ... @low + @count - 1, from @offset on, around. */
static int scan_half(struct search *search, u32 low, u32 count, u32 offset)
{
	u32 i;
	int err;

	for (i = 0; i < count; i += 2) {
		u32 num = low + (offset + i) % count;

		search->steps = i;
		if (inet_is_local_reserved_port(sock_net(search->sk), num))
			continue;
		err = search->try(search, num);
		if (err != -EADDRINUSE)
			return err;
		cond_resched();
	}
	return -EADDRINUSE;
}

/*
 * All ports of a range, those with @offset's parity first: connect() begins with even
 * offsets and bind() with odd ones, so that they get in each other's way late.
 */
static int scan(struct search *search, u32 low, u32 count, u32 offset)
{
	int err;

	if (count > 1)
		count &= ~1u;
	err = scan_half(search, low, count, offset);
	if (err == -EADDRINUSE && count > 1)
		err = scan_half(search, low, count, offset ^ 1);
	return err;
}

/* Own a port by bind(). @sharing: put up with owners that agreed to share. */
static int own_port(struct sock *sk, u16 num, bool sharing)
{
	struct net *net = sock_net(sk);
	struct chain *chain = chain_of(net, num);
	struct xtcp_port *port;
	int err = 0;

	spin_lock_bh(&chain->lock);
	port = find_port(chain, net, num);
	if (port && has_conflict(port, sk, sharing)) {
		err = -EADDRINUSE;
		goto unlock;
	}
	if (!port)
		port = create_port(chain, net, num);
	if (!port) {
		err = -ENOMEM;
		goto unlock;
	}
	port->connect_only = false;
	join(port, &xtcp_sk(sk)->bind, false);
	inet_sk(sk)->inet_num = num;
unlock:
	spin_unlock_bh(&chain->lock);
	return err;
}

static int try_bind(struct search *search, u16 num)
{
	return own_port(search->sk, num, false);
}

/* bind() to port 0. With SO_REUSEADDR the lower half first: services bind there. */
static int bind_any_port(struct sock *sk)
{
	struct search search = { .sk = sk, .try = try_bind };
	int low, high, half, err;
	u32 count;

	inet_sk_get_local_port_range(sk, &low, &high);
	count = high - low + 1;
	half = sk->sk_reuse && count >= 4 ? (count >> 2) << 1 : 0;
	if (half) {
		err = scan(&search, low, half, reciprocal_scale(get_random_u32(), half) | 1);
		if (err != -EADDRINUSE)
			return err;
	}
	count -= half;
	return scan(&search, low + half, count, reciprocal_scale(get_random_u32(), count) | 1);
}

/**
 * xtcp_port_get - bind a socket to a local port: proto.get_port
 * @sk: socket with its local address set
 * @snum: the port, 0 for any in net.ipv4.ip_local_port_range
 *
 * Context: process, socket lock.
 * Return: 0 with inet_num set, -EADDRINUSE or -ENOMEM.
 */
int xtcp_port_get(struct sock *sk, unsigned short snum)
{
	sock_owned_by_me(sk);
	return snum ? own_port(sk, snum, true) : bind_any_port(sk);
}

/**
 * xtcp_port_put - give a socket's local port back: proto.put_port
 * @sk: the socket; nothing happens if it has none
 *
 * Context: socket lock.
 */
void xtcp_port_put(struct sock *sk)
{
	if (xtcp_sk(sk)->bind.port)
		leave(sock_net(sk), &xtcp_sk(sk)->bind);
	inet_sk(sk)->inet_num = 0;
}

/**
 * xtcp_port_recheck - may a bound socket listen on its port
 * @sk: bound, in LISTEN already, so that of two that share a port one sees the other
 *
 * Context: process, socket lock.
 * Return: 0 or -EADDRINUSE.
 */
int xtcp_port_recheck(struct sock *sk)
{
	struct xtcp_port *port = xtcp_sk(sk)->bind.port;
	struct chain *chain;
	bool conflict;

	sock_owned_by_me(sk);
	if (WARN_ON_ONCE(!port))
		return -EADDRINUSE;
	chain = chain_of(port->net, port->num);
	spin_lock_bh(&chain->lock);
	conflict = has_conflict(port, sk, true);
	spin_unlock_bh(&chain->lock);
	return conflict ? -EADDRINUSE : 0;
}

/**
 * xtcp_port_inherit - make a listener's child an owner of its local port
 * @child: with inet_num set, no port yet
 * @parent: the listener
 *
 * The port is found by its number: a redirected child has another than the listener,
 * and the listener may be giving up its own just now.
 *
 * Context: softirq, child locked.
 * Return: 0 or -ENOMEM.
 */
int xtcp_port_inherit(struct sock *child, const struct sock *parent)
{
	struct net *net = sock_net(parent);
	u16 num = inet_sk(child)->inet_num;
	struct chain *chain = chain_of(net, num);
	struct xtcp_port *port;

	spin_lock_bh(&chain->lock);
	port = find_port(chain, net, num);
	if (!port)
		port = create_port(chain, net, num);
	if (port)
		join(port, &xtcp_sk(child)->bind, false);
	spin_unlock_bh(&chain->lock);
	return port ? 0 : -ENOMEM;
}

/* ---- connect() -------------------------------------------------------------- */

/* Key of a connection to be, all but the local port. */
static void set_flow(struct sock *sk)
{
	struct xtcp_node *node = &xtcp_sk(sk)->node;
	const struct inet_sock *inet = inet_sk(sk);
	struct xtcp_flow *flow = &node->flow;

	node->kind = XTCP_KIND_SOCK;
	memset(flow, 0, sizeof(*flow));
	flow->net = sock_net(sk);
	flow->ifindex = sk->sk_bound_dev_if;
	flow->family = xtcp_sk(sk)->af->family;
	flow->lport = htons(inet->inet_num);
	flow->rport = inet->inet_dport;
#if IS_ENABLED(CONFIG_IPV6)
	if (flow->family == AF_INET6) {
		flow->v6.laddr = sk->sk_v6_rcv_saddr;
		flow->v6.raddr = sk->sk_v6_daddr;
		return;
	}
#endif
	flow->v4.laddr = inet->inet_rcv_saddr;
	flow->v4.raddr = inet->inet_daddr;
}

static int try_connect(struct search *search, u16 num)
{
	struct sock *sk = search->sk;
	struct xtcp_sock *xp = xtcp_sk(sk);
	struct net *net = sock_net(sk);
	struct chain *chain = chain_of(net, num);
	struct xtcp_port *port;
	int err = -EADDRINUSE;

	spin_lock_bh(&chain->lock);
	port = find_port(chain, net, num);
	/* Somebody has bound the port: it is his, even where no 4-tuple would clash. */
	if (port && !port->connect_only)
		goto unlock;
	if (!port) {
		port = create_port(chain, net, num);
		err = -ENOMEM;
		if (!port)
			goto unlock;
		port->connect_only = true;
	}
	xp->node.flow.lport = htons(num);
	if (xtcp_hash_add_reusing(&xp->node, search->may_reuse, search->reused)) {
		err = -EADDRINUSE;
		free_if_unused(port);
		goto unlock;
	}
	join(port, &xp->bind, false);
	inet_sk(sk)->inet_num = num;
	inet_sk(sk)->inet_sport = htons(num);
	err = 0;
unlock:
	spin_unlock_bh(&chain->lock);
	return err;
}

/**
 * xtcp_port_connect - give an active connection its 4-tuple and enter it for demux
 * @sk: both addresses and the remote port set; the local port is chosen unless bound
 * @may_reuse: asked about a TIME_WAIT entry that holds the 4-tuple
 * @reused: the entry that gave way, with the demux table's reference, or NULL
 *
 * RFC 6056, 3.3.4: the first port tried is a secret function of the destination plus a
 * counter that only connections with the same secret index share.
 *
 * Context: process, socket lock.
 * Return: 0; -EADDRNOTAVAIL if no port, or not the bound one, is left for this peer;
 *	-ENOMEM.
 */
int xtcp_port_connect(struct sock *sk, bool (*may_reuse)(struct xtcp_node *old),
		      struct xtcp_node **reused)
{
	struct search search = {
		.sk = sk,
		.try = try_connect,
		.may_reuse = may_reuse,
		.reused = reused,
	};
	struct xtcp_sock *xp = xtcp_sk(sk);
	u32 count, step, *counter;
	int low, high, err;
	u64 secret;

	sock_owned_by_me(sk);
	set_flow(sk);
	if (inet_sk(sk)->inet_num)
		return xtcp_hash_add_reusing(&xp->node, may_reuse, reused);

	inet_sk_get_local_port_range(sk, &low, &high);
	count = high - low + 1;
	secret = xtcp_keys_port_offset(&xp->node.flow);
	counter = &perturb[secret & ((1u << PERTURB_BITS) - 1)];
	err = scan(&search, low, count,
		   (u32)((READ_ONCE(*counter) + (secret >> 32)) % count) & ~1u);
	if (err)
		return err == -EADDRINUSE ? -EADDRNOTAVAIL : err;
	/* A little more than needed: the next port shall not tell that this one was taken. */
	step = max(search.steps, reciprocal_scale(get_random_u32(), 8) * 2);
	WRITE_ONCE(*counter, READ_ONCE(*counter) + step + 2);
	return 0;
}

/* ---- TIME_WAIT -------------------------------------------------------------- */

/**
 * xtcp_port_add_timewait - let a TIME_WAIT entry hold its connection's local port
 * @tw: the entry, flow and options set
 * @sk: the connection, still an owner
 *
 * Context: socket lock.
 */
void xtcp_port_add_timewait(struct xtcp_timewait *tw, const struct sock *sk)
{
	struct xtcp_port *port = xtcp_sk(sk)->bind.port;
	struct chain *chain;

	if (WARN_ON_ONCE(!port))
		return;
	chain = chain_of(port->net, port->num);
	spin_lock_bh(&chain->lock);
	join(port, &tw->bind, true);
	spin_unlock_bh(&chain->lock);
}

/**
 * xtcp_port_del_timewait - undo xtcp_port_add_timewait()
 * @tw: the entry; called once
 *
 * Context: any.
 */
void xtcp_port_del_timewait(struct xtcp_timewait *tw)
{
	if (tw->bind.port)
		leave(tw->node.flow.net, &tw->bind);
}

/* ---- life ------------------------------------------------------------------- */

/**
 * xtcp_port_init - allocate the port table
 *
 * Context: module load, may sleep.
 * Return: 0 or -ENOMEM.
 */
int xtcp_port_init(void)
{
	unsigned int i;

	port_cache = KMEM_CACHE(xtcp_port, SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT);
	chains = kvcalloc(1u << CHAIN_BITS, sizeof(*chains), GFP_KERNEL);
	perturb = kvmalloc_array(1u << PERTURB_BITS, sizeof(*perturb), GFP_KERNEL);
	if (!port_cache || !chains || !perturb) {
		xtcp_port_exit();
		return -ENOMEM;
	}
	for (i = 0; i < 1u << CHAIN_BITS; i++)
		spin_lock_init(&chains[i].lock);
	get_random_bytes(perturb, sizeof(*perturb) << PERTURB_BITS);
	return 0;
}

/**
 * xtcp_port_exit - free the port table, empty by now
 *
 * Context: module unload, may sleep.
 */
void xtcp_port_exit(void)
{
	kvfree(perturb);
	kvfree(chains);
	kmem_cache_destroy(port_cache);
}
