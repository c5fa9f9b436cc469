// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tunables: net.xtcp.*, one set per network namespace.
 *
 * Names, units and defaults are those of net.ipv4.tcp_* where the meaning is the same.
 * Context: process. Readers elsewhere use READ_ONCE(), there is no lock.
 */
#include <linux/slab.h>
#include <linux/sysctl.h>

#include "xtcp.h"
#include "core/bucket.h"
#include "source.h"

/* Module parameters, see main.c; they stand here because every layer above reads them. */
int xtcp_sysctl_family __read_mostly = AF_XTCP;
int xtcp_sysctl_protocol __read_mostly = IPPROTO_XTCP;
unsigned int xtcp_sysctl_halfopen_bytes __read_mostly = 64 << 20;

/* For the whole machine, as its memory is; proto.c sets the defaults. */
long xtcp_sysctl_mem[3] __read_mostly;

#define SECONDS_MAX	(INT_MAX / HZ)
#define BUFFER_MAX	0x3fffffff	/* twice it still fits sk_rcvbuf and sk_sndbuf */

/* How a value is shown and stored. */
enum tunable_kind {
	TUNABLE_INT,
	TUNABLE_UINT,		/* any value */
	TUNABLE_SECONDS,	/* shown in seconds, kept in jiffies */
	TUNABLE_BUFFERS,	/* minimum, default, maximum [bytes] */
	TUNABLE_SOURCE_RATE,	/* the first that is not 0 allocates a table */
};

/**
 * struct tunable - one entry of net.xtcp
 * @name: file name
 * @offset: of the value in struct xtcp_net
 * @kind: enum tunable_kind
 * @def: default, as shown
 * @min: smallest value that may be written
 * @max: largest
 */
struct tunable {
	const char *name;
	size_t offset;
	enum tunable_kind kind;
	int def;
	int min;
	int max;
};

#define TUNABLE(name, member, kind, def, min, max) \
	{ #name, offsetof(struct xtcp_net, member), TUNABLE_##kind, def, min, max }

static const struct tunable tunables[] = {
	TUNABLE(syn_retries, syn_retries, INT, 6, 1, XTCP_SYNCNT_MAX),
	TUNABLE(synack_retries, synack_retries, INT, 5, 0, XTCP_SYNACK_LEVELS - 1),
	TUNABLE(retries1, retries1, INT, 3, 0, 255),
	TUNABLE(retries2, retries2, INT, 15, 0, 255),
	TUNABLE(orphan_retries, orphan_retries, INT, 0, 0, 255),
	TUNABLE(fin_timeout, fin_timeout_jif, SECONDS, 60, 0, SECONDS_MAX),
	TUNABLE(keepalive_time, keepalive_time_jif, SECONDS, 7200, 1, SECONDS_MAX),
	TUNABLE(keepalive_intvl, keepalive_intvl_jif, SECONDS, 75, 1, SECONDS_MAX),
	TUNABLE(keepalive_probes, keepalive_probes, INT, 9, 0, 255),
	TUNABLE(syncookies, syncookies, INT, 1, 0, 2),
	TUNABLE(max_syn_backlog, max_syn_backlog, INT, 4096, 0, INT_MAX),
	TUNABLE(abort_on_overflow, abort_on_overflow, INT, 0, 0, 1),
	TUNABLE(accept_source_rate, accept_source_rate, SOURCE_RATE, 0, 0, XTCP_BUCKET_RATE_MAX),
	TUNABLE(max_tw_buckets, max_tw_buckets, INT, 16384, 0, INT_MAX),
	TUNABLE(max_orphans, max_orphans, INT, 16384, 0, INT_MAX),
	TUNABLE(tw_reuse, timewait_reuse, INT, 2, 0, 2),
	TUNABLE(timestamps, timestamps, INT, 1, 0, 2),
	TUNABLE(window_scaling, window_scaling, INT, 1, 0, 1),
	TUNABLE(sack, sack, INT, 1, 0, 1),
	TUNABLE(ecn, ecn, INT, 2, 0, 2),
	TUNABLE(ecn_fallback, ecn_fallback, INT, 1, 0, 1),
	TUNABLE(slow_start_after_idle, slow_start_after_idle, INT, 1, 0, 1),
	TUNABLE(moderate_rcvbuf, moderate_rcvbuf, INT, 1, 0, 1),
	TUNABLE(invalid_ratelimit, invalid_ratelimit_ms, INT, 500, 0, INT_MAX / 2),
	TUNABLE(min_snd_mss, min_snd_mss, INT, XTCP_MSS_FLOOR, XTCP_MSS_FLOOR, 65535),
	TUNABLE(notsent_lowat, notsent_lowat, UINT, -1, 0, 0),
	TUNABLE(software_csum, software_csum, INT, 0, 0, 1),
	TUNABLE(rmem, rmem, BUFFERS, 0, 1, BUFFER_MAX),
	TUNABLE(wmem, wmem, BUFFERS, 0, 1, BUFFER_MAX),
};

/* Beside the tunables: congestion_control, available_congestion_control, syncookie_key. */
#define NR_ENTRIES	(ARRAY_SIZE(tunables) + 3)

/* And in the first namespace, last: mem. */
#define NR_GLOBAL	1

#define SECRET_DIGITS	(2 * sizeof(siphash_key_t))

static const int rmem_default[3] = { 4096, 131072, 6291456 };
static const int wmem_default[3] = { 4096, 16384, 4194304 };

static const struct xtcp_cong_ops * const congs[] = {
	&xtcp_cong_newreno,
};

/**
 * xtcp_sysctl_find_cong - a congestion-control algorithm by name
 * @name: as in TCP_CONGESTION
 *
 * Context: any.
 * Return: the algorithm, or NULL.
 */
const struct xtcp_cong_ops *xtcp_sysctl_find_cong(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(congs); i++) {
		if (!strcmp(name, congs[i]->name))
			return congs[i];
	}
	return NULL;
}

/* Seconds for the user, jiffies for us, the range checked in seconds. */
static int do_seconds(XTCP_CTL_TABLE *ctl, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	int *value_jif = ctl->data;
	int seconds = READ_ONCE(*value_jif) / HZ;
	struct ctl_table tmp = {
		.data = &seconds,
		.maxlen = sizeof(seconds),
		.mode = ctl->mode,
		.extra1 = ctl->extra1,
		.extra2 = ctl->extra2,
	};
	int err;

	err = proc_dointvec_minmax(&tmp, write, buffer, lenp, ppos);
	if (write && !err)
		WRITE_ONCE(*value_jif, seconds * HZ);
	return err;
}

static int do_source_rate(XTCP_CTL_TABLE *ctl, int write, void *buffer, size_t *lenp,
			  loff_t *ppos)
{
	struct xtcp_net *xn = container_of(ctl->data, struct xtcp_net, accept_source_rate);
	int rate = READ_ONCE(xn->accept_source_rate);
	struct ctl_table tmp = {
		.data = &rate,
		.maxlen = sizeof(rate),
		.mode = ctl->mode,
		.extra1 = ctl->extra1,
		.extra2 = ctl->extra2,
	};
	int err;

	err = proc_dointvec_minmax(&tmp, write, buffer, lenp, ppos);
	if (!write || err)
		return err;
	if (rate)
		err = xtcp_source_prepare(xn);
	if (!err)
		WRITE_ONCE(xn->accept_source_rate, rate);
	return err;
}

static int do_cong(XTCP_CTL_TABLE *ctl, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	struct xtcp_net *xn = ctl->data;
	char name[XTCP_CONG_NAME_MAX];
	struct ctl_table tmp = {
		.data = name,
		.maxlen = sizeof(name),
		.mode = ctl->mode,
	};
	const struct xtcp_cong_ops *ops;
	int err;

	strscpy(name, READ_ONCE(xn->cong)->name, sizeof(name));
	err = proc_dostring(&tmp, write, buffer, lenp, ppos);
	if (!write || err)
		return err;
	ops = xtcp_sysctl_find_cong(name);
	if (!ops)
		return -ENOENT;
	WRITE_ONCE(xn->cong, ops);
	return 0;
}

static int do_available_cong(XTCP_CTL_TABLE *ctl, int write, void *buffer, size_t *lenp,
			     loff_t *ppos)
{
	char names[ARRAY_SIZE(congs) * (XTCP_CONG_NAME_MAX + 1)] = "";
	struct ctl_table tmp = {
		.data = names,
		.maxlen = sizeof(names),
		.mode = ctl->mode,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(congs); i++) {
		if (i)
			strlcat(names, " ", sizeof(names));
		strlcat(names, congs[i]->name, sizeof(names));
	}
	return proc_dostring(&tmp, write, buffer, lenp, ppos);
}

/* Written only: hexadecimal digits, or nothing to end sharing. Never shown. */
static int do_secret(XTCP_CTL_TABLE *ctl, int write, void *buffer, size_t *lenp, loff_t *ppos)
{
	char digits[SECRET_DIGITS + 2] = "";
	struct ctl_table tmp = {
		.data = digits,
		.maxlen = sizeof(digits),
		.mode = ctl->mode,
	};
	u8 secret[sizeof(siphash_key_t)];
	int err;

	if (!write) {
		*lenp = 0;
		return 0;
	}
	err = proc_dostring(&tmp, write, buffer, lenp, ppos);
	if (!err && !digits[0])
		xtcp_keys_share_cookie(ctl->data, NULL);
	else if (!err && (strlen(digits) != SECRET_DIGITS ||
			  hex2bin(secret, digits, sizeof(secret))))
		err = -EINVAL;
	else if (!err)
		xtcp_keys_share_cookie(ctl->data, secret);
	memzero_explicit(secret, sizeof(secret));
	memzero_explicit(digits, sizeof(digits));
	return err;
}

static void set_defaults(struct xtcp_net *xn)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tunables); i++) {
		const struct tunable *t = &tunables[i];
		int *value = (int *)((char *)xn + t->offset);

		if (t->kind == TUNABLE_SECONDS)
			*value = t->def * HZ;
		else if (t->kind != TUNABLE_BUFFERS)
			*value = t->def;
	}
	memcpy(xn->rmem, rmem_default, sizeof(rmem_default));
	memcpy(xn->wmem, wmem_default, sizeof(wmem_default));
	xn->cong = congs[0];
}

static void fill_entry(struct ctl_table *entry, const struct tunable *t, struct xtcp_net *xn)
{
	entry->procname = t->name;
	entry->data = (char *)xn + t->offset;
	entry->maxlen = t->kind == TUNABLE_BUFFERS ? sizeof(xn->rmem) : sizeof(int);
	entry->mode = 0644;
	if (t->kind == TUNABLE_UINT) {
		entry->proc_handler = proc_douintvec;
		return;
	}
	if (t->kind == TUNABLE_SECONDS)
		entry->proc_handler = do_seconds;
	else if (t->kind == TUNABLE_SOURCE_RATE)
		entry->proc_handler = do_source_rate;
	else
		entry->proc_handler = proc_dointvec_minmax;
	entry->extra1 = (void *)&t->min;
	entry->extra2 = (void *)&t->max;
}

/**
 * xtcp_sysctl_init_net - give a namespace its tunables, at their defaults
 * @xn: the namespace
 *
 * Context: process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int xtcp_sysctl_init_net(struct xtcp_net *xn)
{
	unsigned int nr = NR_ENTRIES + (net_eq(xn->net, &init_net) ? NR_GLOBAL : 0);
	struct ctl_table *table;
	unsigned int i;

	set_defaults(xn);
	/* One more than used: 6.1 looks for an empty last entry. */
	table = kcalloc(nr + 1, sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(tunables); i++)
		fill_entry(&table[i], &tunables[i], xn);
	table[i].procname = "congestion_control";
	table[i].data = xn;
	table[i].maxlen = XTCP_CONG_NAME_MAX;
	table[i].mode = 0644;
	table[i++].proc_handler = do_cong;
	table[i].procname = "available_congestion_control";
	table[i].data = xn;
	table[i].maxlen = XTCP_CONG_NAME_MAX;
	table[i].mode = 0444;
	table[i++].proc_handler = do_available_cong;
	table[i].procname = "syncookie_key";
	table[i].data = xn;
	table[i].maxlen = SECRET_DIGITS;
	table[i].mode = 0200;
	table[i++].proc_handler = do_secret;
	if (i < nr) {
		table[i].procname = "mem";
		table[i].data = xtcp_sysctl_mem;
		table[i].maxlen = sizeof(xtcp_sysctl_mem);
		table[i].mode = 0644;
		table[i].proc_handler = proc_doulongvec_minmax;
	}

	xn->sysctl_header = xtcp_register_sysctl(xn->net, "net/xtcp", table, nr);
	if (!xn->sysctl_header) {
		kfree(table);
		return -ENOMEM;
	}
	xn->sysctl_table = table;
	return 0;
}

/**
 * xtcp_sysctl_exit_net - take a namespace's tunables away
 * @xn: the namespace
 *
 * Context: process, may sleep.
 */
void xtcp_sysctl_exit_net(struct xtcp_net *xn)
{
	unregister_net_sysctl_table(xn->sysctl_header);
	kfree(xn->sysctl_table);
}
