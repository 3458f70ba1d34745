// SPDX-License-Identifier: LGPL-2.1-or-later
/* atoll: the command. Each verb is one call to atolld; tables for people, --json for programs. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"

static int cmd_call(struct cli *cli, const char *method, struct json *params)
{
	AUTO_JSON struct json *result = NULL;
	int r = cli_call(cli, method, params, &result);

	if (r == 0 && cli->json)
		cli_print_json(result);
	return r;
}

static struct json *name_params(const char *name)
{
	struct json *params = json_new(JSON_OBJECT);

	json_set_string(params, "name", name);
	return params;
}

static int cmd_up(struct cli *cli, char **args)
{
	AUTO_JSON struct json *result = NULL;
	int r = cli_call(cli, "up", NULL, &result);

	if (r == 0 && cli->json)
		cli_print_json(result);
	else if (r == 0)
		table_domains(result, stdout);
	return r;
}

static int cmd_status(struct cli *cli, char **args)
{
	AUTO_JSON struct json *result = NULL;
	int r = cli_call(cli, "status", NULL, &result);

	if (r == 0 && cli->json)
		cli_print_json(result);
	else if (r == 0)
		table_status(result, stdout);
	return r;
}

static int cmd_list(struct cli *cli, char **args)
{
	AUTO_JSON struct json *result = NULL;
	int r = cli_call(cli, "status", NULL, &result);

	if (r == 0 && cli->json)
		cli_print_json(json_get(result, "domains"));
	else if (r == 0)
		table_domains(result, stdout);
	return r;
}

static int cmd_create(struct cli *cli, char **args)
{
	AUTO_JSON struct json *result = NULL;
	AUTO_FREE char *text = NULL;
	struct json *params;
	size_t len;
	int r = read_file(args[0], CLI_FILE_MAX, &text, &len);

	if (r < 0) {
		fprintf(stderr, "atoll: %s: %s\n", args[0], r == -EFBIG ? "larger than 64 KiB" : strerror(-r));
		return 1;
	}
	params = json_new(JSON_OBJECT);
	json_set_string(params, "config", text);
	json_set_string(params, "file", args[0]);
	r = cli_call(cli, "create", params, &result);
	if (r == 0 && cli->json)
		cli_print_json(result);
	else if (r == 0)
		printf("%s: domain %lld\n", json_get_string(result, "name", "?"), (long long)json_get_int(result, "domid", -1));
	return r;
}

static int cmd_down(struct cli *cli, char **args)
{
	return cmd_call(cli, "down", NULL);
}

static int cmd_destroy(struct cli *cli, char **args)
{
	return cmd_call(cli, "destroy", name_params(args[0]));
}

static int cmd_shutdown(struct cli *cli, char **args)
{
	return cmd_call(cli, "shutdown", name_params(args[0]));
}

static int cmd_reboot(struct cli *cli, char **args)
{
	struct json *params = name_params(args[0]);

	json_set_bool(params, "reboot", true);
	return cmd_call(cli, "shutdown", params);
}

static int cmd_pause(struct cli *cli, char **args)
{
	return cmd_call(cli, "pause", name_params(args[0]));
}

static int cmd_unpause(struct cli *cli, char **args)
{
	return cmd_call(cli, "unpause", name_params(args[0]));
}

static int cmd_restart(struct cli *cli, char **args)
{
	AUTO_JSON struct json *result = NULL;
	int r = cli_call(cli, "restart", name_params(args[0]), &result);

	if (r == 0 && cli->json)
		cli_print_json(result);
	else if (r == 0)
		table_outage(result, stdout);
	return r;
}

static int cmd_console(struct cli *cli, char **args)
{
	bool watch = !strcmp(args[0], "--watch");

	if (watch != (args[1] != NULL)) {
		fprintf(stderr, "usage: atoll console [--watch] NAME\n");
		return 2;
	}
	return console_attach(cli, args[watch], watch);
}

static int cmd_logs(struct cli *cli, char **args)
{
	AUTO_JSON struct json *result = NULL;

	if (strcmp(args[0], "xen"))
		return console_log(args[0]);
	if (cli_call(cli, "xen.log", NULL, &result) != 0)
		return 1;
	fputs(json_get_string(result, "text", ""), stdout);
	return 0;
}

/* A program of its own: it may break the host, and the others need not carry it. */
static int cmd_experiment(char **args)
{
	static const char path[] = "/usr/libexec/atoll/atoll-experiment";

	execv(path, args);
	fprintf(stderr, "atoll: %s: %s\n", path, strerror(errno));
	return 1;
}

static int cmd_events(struct cli *cli, char **args)
{
	if (args[0] && strcmp(args[0], "--follow")) {
		fprintf(stderr, "usage: atoll events [--follow]\n");
		return 2;
	}
	return events_print(cli, args[0] != NULL);
}

static int cmd_audit(struct cli *cli, char **args)
{
	if (!args[0])
		return audit_print(cli);
	if (!strcmp(args[0], "verify"))
		return audit_verify();
	if (!strcmp(args[0], "exposures"))
		return audit_exposures(cli);
	fprintf(stderr, "usage: atoll audit [verify|exposures]\n");
	return 2;
}

static int cmd_top(struct cli *cli, char **args)
{
	return top_run(cli);
}

/* --http: the answer to a scraper, for atoll-metrics@.service. What it asked is not read: there is one page. */
static int cmd_metrics(struct cli *cli, char **args)
{
	AUTO_JSON struct json *result = NULL;
	int r = cli_call(cli, "status", NULL, &result);

	if (args[0])
		printf("HTTP/1.0 %s\r\nContent-Type: text/plain; version=0.0.4\r\n\r\n", r == 0 ? "200 OK" : "503 Service Unavailable");
	if (r == 0)
		metrics_print(result, stdout);
	return r;
}

static const struct verb {
	const char *name, *args, *help; /* args that begin with [ take one more */
	unsigned arg_count;
	int (*run)(struct cli *cli, char **args);
} verbs[] = {
	{"up", "", "start all services of the host and wait for them", 0, cmd_up},
	{"down", "", "stop the net and disk services (no guest may be left)", 0, cmd_down},
	{"status", "", "services and guests: state, health, memory, restarts, last outage", 0, cmd_status},
	{"list", "", "all domains in one table", 0, cmd_list},
	{"create", "FILE", "create and start a guest from an xl.cfg or JSON file", 1, cmd_create},
	{"shutdown", "GUEST", "ask a guest to power off", 1, cmd_shutdown},
	{"reboot", "GUEST", "ask a guest to reboot", 1, cmd_reboot},
	{"destroy", "GUEST", "take a guest away at once", 1, cmd_destroy},
	{"pause", "GUEST", "stop a guest's processors", 1, cmd_pause},
	{"unpause", "GUEST", "let them run again", 1, cmd_unpause},
	{"restart", "SERVICE", "rebuild a service with its domid; guests go on", 1, cmd_restart},
	{"console", "[--watch] NAME", "attach to a domain's console; ^] leaves", 1, cmd_console},
	{"events", "[--follow]", "what happened on this host, or what happens", 0, cmd_events},
	{"audit", "[verify]", "who holds what, and shares with whom; `verify`, `exposures`: the log of control", 0, cmd_audit},
	{"top", "", "the same as a screen that goes on; q leaves", 0, cmd_top},
	{"metrics", "[--http]", "figures for Prometheus", 0, cmd_metrics},
	{"logs", "NAME", "print what a domain's console said so far", 1, cmd_logs},
};

static int usage(FILE *out)
{
	fprintf(out, "usage: atoll [--json] VERB [NAME]\n\n");
	for (unsigned i = 0; i < ARRAY_SIZE(verbs); i++)
		fprintf(out, "  %-10s %-14s %s\n", verbs[i].name, verbs[i].args, verbs[i].help);
	fprintf(out, "  experiment FILE           break services on purpose, and report what guests saw: atoll-experiment(1)\n");
	return out == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
	struct cli cli = {0};
	int i = 1, r;

	/* --json may stand anywhere */
	for (int from = 1, to = 1, count = argc; from < count; from++) {
		if (!strcmp(argv[from], "--json")) {
			cli.json = true;
			argc--;
		} else {
			argv[to++] = argv[from];
		}
	}
	argv[argc] = NULL;
	if (i == argc || !strcmp(argv[i], "help") || !strcmp(argv[i], "--help"))
		return usage(i == argc ? stderr : stdout);
	if (!strcmp(argv[i], "experiment"))
		return cmd_experiment(argv + i);
	for (unsigned v = 0; v < ARRAY_SIZE(verbs); v++) {
		if (strcmp(argv[i], verbs[v].name))
			continue;
		if ((unsigned)(argc - i - 1) < verbs[v].arg_count ||
		    (unsigned)(argc - i - 1) > verbs[v].arg_count + (*verbs[v].args == '[')) {
			fprintf(stderr, "usage: atoll %s%s%s\n", verbs[v].name, *verbs[v].args ? " " : "", verbs[v].args);
			return 2;
		}
		r = verbs[v].run(&cli, argv + i + 1);
		cli_fini(&cli);
		return r < 0 ? 1 : r;
	}
	fprintf(stderr, "atoll: %s: no such verb; `atoll help` lists them\n", argv[i]);
	return 2;
}
