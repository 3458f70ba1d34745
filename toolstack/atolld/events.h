/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happened on this host: a bounded history for `atoll events`, sent to clients that follow, and to journald with fields
 * (ATOLL_EVENT, ATOLL_NAME, ATOLL_DETAILS). Ends with the process; the journal keeps it.
 */
#ifndef ATOLL_EVENTS_H
#define ATOLL_EVENTS_H

#include "atolld/atolld.h"

#define EVENTS_MAX 256     /* kept; the oldest go first */
#define EVENT_TEXT_MAX 240
#define EVENT_NAME_MAX 80  /* a domain's or a console's */
#define EVENTS_PAGE 96     /* in one answer, so that it fits into a frame */

struct events;
struct events *events_create(void);
struct events *events_destroy(struct events *events);

/* KIND is a literal such as "restarted", NAME whom it is about, then a sentence for people. Never fails: without memory less is
 * kept. */
#define event_add(atolld, kind, name, ...) event_add_details(atolld, kind, name, NULL, __VA_ARGS__)
/* The same with DETAILS (taken over; may be NULL) for programs. */
void event_add_details(struct atolld *atolld, const char *kind, const char *name, struct json *details, const char *fmt, ...)
	PRINTF(5, 6);

/* {events: [the last ones after number SINCE, oldest first]}; NULL without memory. */
struct json *events_list(const struct events *events, uint64_t since);

#endif
