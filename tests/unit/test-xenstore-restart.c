// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Stopping the store at any instruction.
 *
 * Random requests run while, at random records of the journal and at the end of each step, a copy of the arena is
 * attached to as a restarted store would. It must come out exactly, to the byte, as it was before the step.
 */
#include <stdio.h>

#include "tap.h"
#include "xenstore-random.h"

#define SIZE (512u * 1024u)

static struct harness h;
static struct random_source rnd = { 1, NULL, 0 }, chance = { 2, NULL, 0 };
static unsigned char *before, *copy;
static unsigned long compared, differences, failed_attach;

static void compare(struct arena *a)
{
	struct arena other;
	size_t from = a->header->journal_offset, to = (size_t)a->header->first_page * ARENA_PAGE;

	memcpy(copy, a->base, SIZE);
	compared++;
	if (arena_attach(&other, copy, SIZE)) {
		failed_attach++;
		return;
	}
	if (memcmp(copy, before, from) || memcmp(copy + to, before + to, SIZE - to))
		differences++;
}

static void hook(struct arena *a, int phase)
{
	if (phase == 0)
		memcpy(before, a->base, SIZE);
	else if (phase == 2 || !pick(&chance, 40))
		compare(a);
}

static uint32_t random_transaction(const uint32_t *open, unsigned int n)
{
	return n && pick(&rnd, 2) ? open[pick(&rnd, n)] : 0;
}

int main(void)
{
	store_conn conn[RANDOM_CLIENTS];
	uint32_t open[RANDOM_CLIENTS][4] = { { 0 } };
	unsigned int count[RANDOM_CLIENTS] = { 0 };
	unsigned char message[WIRE_MESSAGE_MAX];
	unsigned long answers = 0, requests = 0, bad = 0;
	const char *what = "";

	before = aligned_alloc(4096, SIZE);
	copy = aligned_alloc(4096, SIZE);
	harness_start(&h, SIZE);
	h.s.a.paranoid = true;
	for (uint32_t i = 0; i < RANDOM_CLIENTS; i++)
		conn[i] = harness_open(&h, i < 2 ? 0 : i + 3);
	h.s.a.hook = hook;
	for (int round = 0; round < 6000; round++) {
		uint32_t i = pick(&rnd, RANDOM_CLIENTS);
		size_t len = random_request(&rnd, random_transaction(open[i], count[i]), message), half;
		struct wire_header header;
		store_conn gone;

		/* Often in two parts. */
		half = pick(&rnd, 3) ? 0 : pick(&rnd, (uint32_t)len);
		if (half && store_input(&h.s, conn[i], message, half) != (long)half)
			bad++;
		if (store_input(&h.s, conn[i], message + half, len - half) != (long)(len - half))
			bad++;
		requests++;
		answers += harness_take(&h, conn[i]);
		wire_header_get(&header, message);
		if (h.reply_type == WIRE_TRANSACTION_START && count[i] < 4)
			open[i][count[i]++] = (uint32_t)atol(h.reply);
		if (header.type == WIRE_TRANSACTION_END || header.type == WIRE_RESET_WATCHES)
			count[i] = 0;
		for (uint32_t k = 0; k < RANDOM_CLIENTS; k++)
			harness_take(&h, conn[k]);
		while ((gone = store_connection_defunct(&h.s)))
			store_connection_close(&h.s, gone);
		if (!pick(&rnd, 50)) {
			h.alive[1 + pick(&rnd, 3)] ^= STORE_DOMAIN_EXISTS;
			store_domains_changed(&h.s);
		}
		if (!pick(&rnd, 20))
			store_idle(&h.s, pick(&rnd, 10));
		if (round % 100 == 0 && !harness_checked(&h, &what))
			break;
	}
	h.s.a.hook = NULL;
	ok(!bad && answers == requests, "each of %lu requests was answered once (%lu answers, %lu refused)", requests, answers, bad);
	ok(!failed_attach, "an arena could be attached to at each of %lu moments", compared);
	ok(!differences, "and was then as before the step (%lu were not)", differences);
	ok(harness_checked(&h, &what), "the arena checks %s", what);
	printf("# longest journal of a step: %u bytes\n", h.s.a.journal_peak);
	for (uint32_t i = 0; i < RANDOM_CLIENTS; i++)
		store_connection_close(&h.s, conn[i]);
	while (store_idle(&h.s, 1000))
		;
	ok(harness_checked(&h, &what), "also when all connections went %s", what);
	harness_stop(&h);
	free(before);
	free(copy);
	return plan_done();
}
