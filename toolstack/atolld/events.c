// SPDX-License-Identifier: LGPL-2.1-or-later
/* What happened on this host. */
#include "atolld/events.h"

#include <errno.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <time.h>

#include "base/log.h"

#define DETAILS_MAX 2048 /* bytes of JSON in the journal */

struct event {
	uint64_t number; /* from 1 */
	uint64_t time_ms; /* since 1970 */
	const char *kind;
	char name[EVENT_NAME_MAX];
	char text[EVENT_TEXT_MAX];
	struct json *details;
};

struct follower {
	struct follower *next;
	struct rpc *rpc;
};

struct events {
	uint64_t count;
	struct event ring[EVENTS_MAX];
	struct follower *followers;
};

struct events *events_create(void)
{
	return calloc(1, sizeof(struct events));
}

struct events *events_destroy(struct events *events)
{
	if (!events)
		return NULL;
	while (events->followers)
		events_unfollow(events, events->followers->rpc);
	for (unsigned i = 0; i < EVENTS_MAX; i++)
		json_free(events->ring[i].details);
	free(events);
	return NULL;
}

static struct json *event_to_json(const struct event *e)
{
	struct json *json = json_new(JSON_OBJECT);
	int r = json_set_int(json, "number", (int64_t)e->number);

	r |= json_set_int(json, "time_ms", (int64_t)e->time_ms);
	r |= json_set_string(json, "event", e->kind);
	r |= json_set_string(json, "name", e->name);
	r |= json_set_string(json, "text", e->text);
	if (e->details)
		r |= json_set(json, "details", json_copy(e->details));
	return r < 0 ? json_free(json) : json;
}

static void to_journal(const struct event *e)
{
	AUTO_BUF struct buf details = BUF_INIT(DETAILS_MAX);

	if (!e->details || json_print(e->details, &details, false) < 0)
		details.len = 0;
	sd_journal_send("MESSAGE=%s: %s: %s", e->name, e->kind, e->text, "PRIORITY=5", "ATOLL_EVENT=%s", e->kind, "ATOLL_NAME=%s",
			e->name, "ATOLL_DETAILS=%.*s", (int)details.len, details.len ? details.data : "", NULL);
}

static void add(struct atolld *a, const char *kind, const char *name, struct json *details, const char *fmt, va_list ap)
{
	struct events *events = a->events;
	struct event *e;
	struct timespec now;

	if (!events) {
		json_free(details);
		return;
	}
	e = &events->ring[events->count % EVENTS_MAX];
	clock_gettime(CLOCK_REALTIME, &now);
	json_free(e->details);
	*e = (struct event){.number = ++events->count, .kind = kind, .details = details,
			    .time_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000};
	snprintf(e->name, sizeof(e->name), "%s", name);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	make_line(e->name); /* both may have words of guests and peers in them */
	make_line(e->text);
	to_journal(e);
	for (struct follower *f = events->followers, *next; f; f = next) {
		next = f->next; /* sending may find it gone */
		rpc_event(f->rpc, "event", event_to_json(e));
	}
}

void event_add(struct atolld *a, const char *kind, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(a, kind, name, NULL, fmt, ap);
	va_end(ap);
}

void event_add_details(struct atolld *a, const char *kind, const char *name, struct json *details, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(a, kind, name, details, fmt, ap);
	va_end(ap);
}

struct json *events_list(const struct events *events, uint64_t since)
{
	struct json *json = json_new(JSON_OBJECT), *list = json_new(JSON_ARRAY);
	uint64_t first = events->count > EVENTS_PAGE ? events->count - EVENTS_PAGE : 0;
	int r = 0;

	for (uint64_t i = MAX(first, since); i < events->count; i++)
		r |= json_append(list, event_to_json(&events->ring[i % EVENTS_MAX]));
	r |= json_set(json, "events", list);
	return r < 0 ? json_free(json) : json;
}

int events_follow(struct events *events, struct rpc *client)
{
	struct follower *f = malloc(sizeof(*f));

	if (!f)
		return -ENOMEM;
	events_unfollow(events, client);
	*f = (struct follower){events->followers, client};
	events->followers = f;
	return 0;
}

void events_unfollow(struct events *events, struct rpc *client)
{
	for (struct follower **link = &events->followers; *link; link = &(*link)->next) {
		struct follower *f = *link;

		if (f->rpc != client)
			continue;
		*link = f->next;
		free(f);
		return;
	}
}
