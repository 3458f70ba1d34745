/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the parts of the session with the console domain: consoles.c, further.c (a domain's consoles beyond the first), viewers.c. */
#ifndef ATOLL_CONSOLES_PRIVATE_H
#define ATOLL_CONSOLES_PRIVATE_H

#include "atolld/consolelog.h"
#include "atolld/consoles.h"
#include "client/console_client.h"

/* What one console says; its log's name is the console's: NAME, or another one for a domain's further consoles. */
struct stream {
	struct stream *next;
	struct console_log log;
	uint16_t console;
	bool open;
	bool stranger;      /* of a domain that is not ours */
	uint64_t safe;      /* bytes below it are in the log; acknowledged at the end of a dispatch; 0: none since the last one */
	size_t fresh;       /* of them since then */
	int64_t credit;     /* bytes that may be said now; below 0: `held` is not acknowledged yet */
	uint64_t credit_ms; /* of the last look at it */
	uint64_t held, limited_ms, dropped_ms;
	char line[128];     /* the one that is being said, for panics */
	unsigned line_len;
};

/* A console beyond the first: its frontend makes ring and event channel itself, and tells of them in the store. */
struct further {
	struct further *next;
	struct consoles *consoles;
	struct domain *domain;
	uint16_t index;
	char name[CONSOLE_NAME_MAX + 1];
	struct store_watch *watch;
	unsigned port, ref; /* 0: not told yet */
};

/* The first client of a console that did not ask to watch only may write; the others watch. */
struct viewer {
	struct viewer *next;
	struct rpc *rpc;
	bool watch;
	char name[CONSOLE_NAME_MAX + 1];
};

struct consoles {
	struct atolld *atolld;
	struct console_client *client;
	struct source *source; /* while connected */
	struct source *timer;  /* connects, adds what is missing, goes on reading */
	bool wanted;           /* a console domain runs */
	bool greeted;
	consoles_ready_fn *ready;
	struct stream *streams;
	struct further *furthers;
	struct viewer *viewers; /* the oldest last */
	struct source *limits;  /* the next time that somebody may go on */
	struct source *pings;
	uint32_t ping_seq;
	unsigned missed;
};

struct stream *console_stream(struct consoles *consoles, unsigned domid, unsigned console);
struct stream *console_stream_named(struct consoles *consoles, const char *name);
/* Its ring is not to be read any more. */
void console_stream_close(struct consoles *consoles, unsigned domid, unsigned console);

/* further.c */
struct further *console_further(struct consoles *consoles, unsigned domid, unsigned index);
/* Has it served, if its frontend is there and it is not served. */
void console_further_add(struct further *further);
/* All of a domain, or (NULL) of all. */
void console_further_drop(struct consoles *consoles, const struct domain *domain);
/* The name and the channel of a domain that others have made, as the store has them: false, 0 if it does not, or if it is ours. */
bool console_stranger(struct consoles *consoles, unsigned domid, char name[CONSOLE_NAME_MAX + 1]);
unsigned console_stranger_port(struct consoles *consoles, unsigned domid);

/* viewers.c: everybody who watches NAME gets the bytes */
void console_show(struct consoles *consoles, const char *name, const char *bytes, size_t len);

#endif
