// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any ACK as a cookie's echo: rejected (to be accepted it would have to guess the
 * key in the odds of cookie.h); and any real cookie is accepted for its two periods.
 */
#include "cookie.h"
#include "fuzz.h"

static const siphash_key_t keys[XTCP_COOKIE_NR_KEYS] = {
	{ { 0x243f6a8885a308d3ull, 0x13198a2e03707344ull } },
	{ { 0xa4093822299f31d0ull, 0x082efa98ec4e6c89ull } },
};

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	struct xtcp_cookie_fields fields, back;
	struct xtcp_cookie_flow flow;
	u32 client_isn, epoch, isn, tsval, age;
	const siphash_key_t *key;

	memset(&flow, 0, sizeof(flow));
	flow.is_ipv6 = take8(&in) & 1;
	take_bytes(&in, flow.saddr, sizeof(flow.saddr));
	take_bytes(&in, flow.daddr, sizeof(flow.daddr));
	take_bytes(&in, &flow.sport, sizeof(flow.sport));
	take_bytes(&in, &flow.dport, sizeof(flow.dport));
	client_isn = take32(&in);
	epoch = take32(&in);
	isn = take32(&in);
	tsval = take32(&in);
	take_bytes(&in, &fields.mss, sizeof(fields.mss));
	fields.wscale = take8(&in) & 15;
	fields.sack = take8(&in) & 1;
	fields.ecn = take8(&in) & 1;
	age = take8(&in);
	key = &keys[take8(&in) & 1];

	MUST(!xtcp_cookie_check(keys, &flow, client_isn, isn, tsval, epoch, &back));

	xtcp_cookie_make(key, &flow, client_isn, &fields, epoch, &isn, &tsval);
	MUST(xtcp_cookie_check(keys, &flow, client_isn, isn, tsval, epoch + age, &back) ==
	     (age <= 1));
	if (age <= 1)
		MUST(back.mss == fields.mss && back.wscale == fields.wscale &&
		     back.sack == fields.sack && back.ecn == fields.ecn);

	isn = xtcp_cookie_make_isn(key, &flow, client_isn, fields.mss, epoch);
	MUST(xtcp_cookie_check_isn(keys, &flow, client_isn, isn, epoch + (age & 1), &back));
	MUST(back.mss <= max_t(u16, fields.mss, XTCP_MSS_FLOOR));
	MUST(back.wscale == XTCP_COOKIE_NO_WSCALE && !back.sack && !back.ecn);

	return 0;
}
