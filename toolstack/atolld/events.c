// SPDX-License-Identifier: LGPL-2.1-or-later
/* What happened on this host. */
#include "atolld/events.h"

#include <errno.h>
#include <string.h>
#include <systemd/sd-journal.h>

#include "atolld/api.h"

#define DETAILS_MAX 2048 /* bytes of JSON in the journal */

struct event {
	uint64_t number; /* from 1 */
	uint64_t time_ms; /* since 1970 */
	const char *kind;
	char name[EVENT_NAME_MAX];
	char text[EVENT_TEXT_MAX];
	struct json *details;
};

struct events {
	uint64_t count;
	struct event ring[EVENTS_MAX];
};

struct events *events_create(void)
{
	return calloc(1, sizeof(struct events));
}

struct events *events_destroy(struct events *events)
{
	if (!events)
		return NULL;
	for (unsigned i = 0; i < EVENTS_MAX; i++)
		json_free(events->ring[i].details);
	free(events);
	return NULL;
}

static struct json *event_to_json(const struct event *e)
{
	return json_build("number=%lu time_ms=%lu event=%s name=%s text=%s details~%p", e->number, e->time_ms, e->kind, e->name, e->text,
			  json_copy(e->details));
}

static void to_journal(const struct event *e)
{
	AUTO_BUF struct buf details = BUF_INIT(DETAILS_MAX);

	if (!e->details || json_print(e->details, &details, false) < 0)
		details.len = 0;
	sd_journal_send("MESSAGE=%s: %s: %s", e->name, e->kind, e->text, "PRIORITY=5", "ATOLL_EVENT=%s", e->kind, "ATOLL_NAME=%s",
			e->name, "ATOLL_DETAILS=%.*s", (int)details.len, details.len ? details.data : "", NULL);
}

void event_add_details(struct atolld *a, const char *kind, const char *name, struct json *details, const char *fmt, ...)
{
	struct events *events = a->events;
	struct event *e;
	va_list ap;

	if (!events) {
		json_free(details);
		return;
	}
	e = &events->ring[events->count % EVENTS_MAX];
	json_free(e->details);
	*e = (struct event){.number = ++events->count, .kind = kind, .details = details, .time_ms = unix_ms()};
	snprintf(e->name, sizeof(e->name), "%s", name);
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	make_line(e->name); /* both may have words of guests and peers in them */
	make_line(e->text);
	to_journal(e);
	api_event(a, event_to_json(e));
}

struct json *events_list(const struct events *events, uint64_t since)
{
	struct json *list = json_new(JSON_ARRAY);
	uint64_t first = events->count > EVENTS_PAGE ? events->count - EVENTS_PAGE : 0;

	for (uint64_t i = MAX(first, since); i < events->count; i++)
		json_append(list, event_to_json(&events->ring[i % EVENTS_MAX]));
	return json_build("events=%p", list);
}
