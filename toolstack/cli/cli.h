/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command's connection to atolld, its tables and its console. */
#ifndef ATOLL_CLI_H
#define ATOLL_CLI_H

#include "rpc/rpc.h"

#define CLI_FILE_MAX (64 * 1024)

struct cli {
	bool json;
	struct loop *loop;
	struct rpc *rpc;
	void (*on_event)(struct cli *cli, const char *event, const struct json *params);
	void *data; /* on_event's */
	bool lost; /* atolld closed the connection */
	int fd;    /* goes with the next call, which closes it; -1: none */
};

void cli_fini(struct cli *cli);
/* One call, waited for; connects first if needed. 0, or 1 after the error was printed. The caller frees RESULT. */
int cli_call(struct cli *cli, const char *method, struct json *params, struct json **result);
/* `status`, all pages in one. */
int cli_status(struct cli *cli, struct json **result);
void cli_print_json(const struct json *json);
/* The local time of an event or record, as FORMAT of strftime() has it. */
const char *cli_time(const struct json *json, const char *format, char out[32]);

/* What atolld's `status` and `restart` answer, as tables. */
void table_domains(const struct json *status, FILE *out);
void table_status(const struct json *status, FILE *out);
void table_outage(const struct json *domain, FILE *out);

/* Where the time of a create went. */
void table_phases(const struct json *domain, FILE *out);
void table_info(const struct json *domain, FILE *out);

/* All return an exit status. Those with ARGS are verbs. */
int stream_save(struct cli *cli, char **args);
int stream_restore(struct cli *cli, char **args);
int stream_migrate(struct cli *cli, char **args);
int stream_receive(struct cli *cli, char **args);
int console_attach(struct cli *cli, const char *name, bool watch);
/* The logs in DIR of console NAME, each line with its time if TIMES. 0 or -errno (-EINVAL: no name). */
int logs_print(const char *dir, const char *name, bool times, FILE *out);
/* `atoll events`: what happened, and with FOLLOW what happens. */
int events_print(struct cli *cli, bool follow);
/* `atoll audit [verify|exposures]`. */
int audit_print(struct cli *cli);
int audit_verify(void);
int audit_exposures(const struct cli *cli);
/* `atoll top`, until q. */
int top_run(struct cli *cli, char **args);
/* What `status` answered, for Prometheus. */
void metrics_print(const struct json *status, FILE *out);

#endif
