// SPDX-License-Identifier: LGPL-2.1-or-later
/* Scenarios of experiments, from JSON. */
#include "experiment/scenario.h"

#include <errno.h>
#include <string.h>

const char *const exp_fault_names[EXP_FAULTS] = {"destroy", "panic", "hang", "oom", "slow", "restart"};

static int add_cell(struct scenario *s, const char *target, size_t target_len, enum exp_fault fault, unsigned rounds, char *why, size_t size)
{
	struct cell_spec *cell = &s->cells[s->cell_count];

	if (s->cell_count == SCENARIO_CELLS_MAX)
		return snprintf(why, size, "cells: more than %d", SCENARIO_CELLS_MAX), -EINVAL;
	*cell = (struct cell_spec){.fault = fault, .rounds = rounds};
	snprintf(cell->target, sizeof(cell->target), "%.*s", (int)target_len, target);
	if (!name_valid(cell->target))
		return snprintf(why, size, "cells: %.40s: a role or a service's name is wanted before the colon", target), -EINVAL;
	s->cell_count++;
	return 0;
}

/* TARGET:FAULT[*ROUNDS], or TARGET:all for those of the kill matrix */
static int read_cell(struct scenario *s, const char *text, size_t len, char *why, size_t size)
{
	const char *colon = memchr(text, ':', len);
	size_t target_len = colon ? (size_t)(colon - text) : len, fault_len = colon ? len - target_len - 1 : 0;
	const char *star = memchr(text, '*', len);
	uint64_t rounds = 0;
	char number[8] = "";
	int r = -ENOENT;
	bool all;

	if (star && colon && star > colon) {
		fault_len = (size_t)(star - colon) - 1;
		snprintf(number, sizeof(number), "%.*s", (int)(text + len - star - 1), star + 1);
		if (parse_u64(number, 1, SCENARIO_ROUNDS_MAX, &rounds) < 0)
			fault_len = 0; /* no such fault */
	}
	all = fault_len == 3 && !strncmp(colon + 1, "all", 3);

	for (unsigned f = 0; f < EXP_FAULTS; f++) {
		bool wanted = strlen(exp_fault_names[f]) == fault_len && !strncmp(exp_fault_names[f], colon + 1, fault_len);

		if (!wanted && !(all && f != EXP_RESTART))
			continue;
		r = add_cell(s, text, target_len, (enum exp_fault)f, (unsigned)rounds, why, size);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return snprintf(why, size, "cells: %.*s: wanted TARGET:FAULT[*ROUNDS], FAULT one of destroy, panic, hang, oom, slow, restart, all",
				(int)MIN(len, 60), text), -EINVAL;
	return 0;
}

int scenario_set_cells(struct scenario *s, const char *list, char *why, size_t size)
{
	int r = 0;

	s->cell_count = 0;
	while (*list && r == 0) {
		size_t len = strcspn(list, ",");

		r = read_cell(s, list, len, why, size);
		list += len + (list[len] == ',');
	}
	return r < 0 || s->cell_count ? r : (snprintf(why, size, "cells: none"), -EINVAL);
}

static int read_cells(struct scenario *s, const struct json *list, char *why, size_t size)
{
	int r = 0;

	if (list && list->type != JSON_ARRAY)
		return snprintf(why, size, "cells: a list is wanted"), -EINVAL;
	json_for_each(item, list) {
		if (item->type != JSON_STRING)
			return snprintf(why, size, "cells: texts like \"net:destroy\" are wanted"), -EINVAL;
		r = read_cell(s, item->string, strlen(item->string), why, size);
		if (r < 0)
			return r;
	}
	return 0; /* none: a run without faults, for comparison */
}

static int read_guest(struct scenario *s, const struct json *item, const char *dir, char *why, size_t size)
{
	const char *config = json_get_string(item, "config", ""), *name = json_get_string(item, "name", "");
	struct scenario_guest *guest = &s->guests[s->guest_count];

	if (s->guest_count == SCENARIO_GUESTS_MAX)
		return snprintf(why, size, "guests: more than %d", SCENARIO_GUESTS_MAX), -EINVAL;
	if (!*config && !name_valid(name))
		return snprintf(why, size, "guests: {\"config\": FILE} or {\"name\": NAME} is wanted"), -EINVAL;
	*guest = (struct scenario_guest){.hog = json_get_bool(item, "hog", false)};
	if (*config && format(guest->config, sizeof(guest->config), "%s%s%s", *config == '/' ? "" : dir, *config == '/' ? "" : "/",
			      config) < 0)
		return snprintf(why, size, "guests: %.40s…: too long", config), -ENAMETOOLONG;
	if (!*config)
		snprintf(guest->name, sizeof(guest->name), "%s", name);
	s->guest_count++;
	return 0;
}

static int read_numbers(struct scenario *s, const struct json *json, char *why, size_t size)
{
	const struct {
		const char *key;
		unsigned *to;
		int64_t min, max;
	} numbers[] = {
		{"rounds", &s->rounds, 1, SCENARIO_ROUNDS_MAX}, {"seed", &s->seed, 0, INT32_MAX},
		{"slow_percent", &s->slow_percent, 1, 99},	{"settle_ms", &s->settle_ms, 0, 3600000},
		{"every_ms", &s->every_ms, 0, 3600000},		{"jitter_ms", &s->jitter_ms, 0, 3600000},
		{"hold_ms", &s->hold_ms, 100, 600000},		{"limit_ms", &s->limit_ms, 1000, 3600000}};

	for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
		int64_t value = *numbers[i].to;
		int r = json_read_int(json, numbers[i].key, numbers[i].min, numbers[i].max, &value);

		if (r < 0 && r != -ENOENT)
			return snprintf(why, size, "%s: a whole number from %lld to %lld is wanted", numbers[i].key,
					(long long)numbers[i].min, (long long)numbers[i].max), -EINVAL;
		*numbers[i].to = (unsigned)value;
	}
	return 0;
}

static int check_keys(const struct json *json, char *why, size_t size)
{
	static const char known[] = " name title guests cells rounds seed slow_percent settle_ms every_ms jitter_ms hold_ms limit_ms ";

	json_for_each(item, json) {
		char word[32];

		if (format(word, sizeof(word), " %s ", item->key ? item->key : "?") < 0 || !strstr(known, word))
			return snprintf(why, size, "%.60s: this key is not known here", item->key ? item->key : "?"), -EINVAL;
	}
	return 0;
}

int scenario_parse(const char *text, size_t len, const char *dir, struct scenario *s, char *why, size_t size)
{
	AUTO_JSON struct json *json = NULL;
	AUTO_FREE char *detail = NULL;
	int r = json_parse(text, len, &json, &detail);

	*s = (struct scenario){.rounds = 1, .seed = 1, .slow_percent = 5, .settle_ms = 10000, .jitter_ms = 1000, .hold_ms = 10000,
			       .limit_ms = 120000};
	if (r < 0)
		return snprintf(why, size, "%s", detail ? detail : "out of memory"), r;
	if (json->type != JSON_OBJECT)
		return snprintf(why, size, "an object is wanted"), -EINVAL;
	r = check_keys(json, why, size);
	snprintf(s->name, sizeof(s->name), "%s", json_get_string(json, "name", "experiment"));
	snprintf(s->title, sizeof(s->title), "%s", json_get_string(json, "title", s->name));
	if (r == 0 && !name_valid(s->name))
		return snprintf(why, size, "name: letters, digits, _ . - are wanted"), -EINVAL;
	if (r == 0)
		r = read_numbers(s, json, why, size);
	json_for_each(item, json_get(json, "guests"))
		r = r < 0 ? r : read_guest(s, item, dir, why, size);
	return r < 0 ? r : read_cells(s, json_get(json, "cells"), why, size);
}
