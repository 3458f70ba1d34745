// SPDX-License-Identifier: LGPL-2.1-or-later
/* atoll: the command. Each verb is one call to atolld; tables for people, --json for programs. */
#include <errno.h>
#include <string.h>

#include "atolld/consolelog.h"
#include "cli/cli.h"

static int show(struct cli *cli, int r, const struct json *result, void (*table)(const struct json *result, FILE *out))
{
	if (r == 0 && cli->json)
		cli_print_json(result);
	else if (r == 0 && table)
		table(result, stdout);
	return r;
}

/* A call with an answer that only --json shows. */
static int cmd_call(struct cli *cli, const char *method, struct json *params)
{
	AUTO_JSON struct json *result = NULL;
	int r = cli_call(cli, method, params, &result);

	return show(cli, r, result, NULL);
}

static struct json *name_params(const char *name)
{
	return json_build("name=%s", name);
}

static int cmd_status(struct cli *cli, char **args)
{
	AUTO_JSON struct json *result = NULL;
	int r = cli_status(cli, &result);

	return show(cli, r, result, table_status);
}

static int cmd_list(struct cli *cli, char **args)
{
	AUTO_JSON struct json *result = NULL;
	int r = cli_status(cli, &result);

	return show(cli, r, cli->json ? json_get(result, "domains") : result, table_domains);
}

static int cmd_up(struct cli *cli, char **args)
{
	AUTO_JSON struct json *result = NULL, *status = NULL;
	int r = cli_call(cli, "up", NULL, &result);

	if (r == 0)
		r = cli_status(cli, &status);
	return show(cli, r, status, table_domains);
}

static int cmd_create(struct cli *cli, char **args)
{
	AUTO_JSON struct json *result = NULL;
	AUTO_FREE char *text = NULL;
	struct json *params;
	bool explain = false;
	size_t len;
	int r = read_file(args[0], CLI_FILE_MAX, &text, &len);

	if (r < 0) {
		fprintf(stderr, "atoll: %s: %s\n", args[0], r == -EFBIG ? "larger than 64 KiB" : strerror(-r));
		return 1;
	}
	params = json_build("config=%s file=%s", text, args[0]);
	for (char **arg = args + 1; *arg; arg++) {
		if (!strcmp(*arg, "--explain"))
			explain = true;
		else if (!strcmp(*arg, "--fail-at") && arg[1])
			json_set_string(params, "fail_at", *++arg);
		else
			return json_free(params), fprintf(stderr, "atoll: create: expected --explain, not %s\n", *arg), 2;
	}
	r = cli_call(cli, "create", params, &result);
	if (r == 0 && cli->json)
		cli_print_json(result);
	else if (r == 0)
		printf("%s: domain %lld\n", json_get_string(result, "name", "?"), (long long)json_get_int(result, "domid", -1));
	if (r == 0 && explain)
		table_phases(result, stdout);
	if (r == 0 && json_get(result, "ignored"))
		fprintf(stderr, "atoll: %s: ignored: %s (docs/xlcfg.md says why)\n", args[0], json_get_string(result, "ignored", ""));
	return r;
}

static struct json *device_params(char **args)
{
	return json_build("name=%s kind=%s device=%s", args[0], args[1], args[2] ? args[2] : "");
}

static int cmd_attach(struct cli *cli, char **args)
{
	AUTO_JSON struct json *result = NULL;
	int r = cli_call(cli, "attach", device_params(args), &result);

	if (r == 0 && cli->json)
		cli_print_json(result);
	else if (r == 0)
		printf("%s: %s on %s\n", args[0], json_get_string(result, "device", "?"), json_get_string(result, "backend", "?"));
	return r;
}

static int cmd_detach(struct cli *cli, char **args)
{
	struct json *params = device_params(args);

	if (args[3] && strcmp(args[3], "--force")) {
		json_free(params);
		return fprintf(stderr, "atoll: detach: expected --force, not %s\n", args[3]), 2;
	}
	json_set_bool(params, "force", args[3] != NULL);
	return cmd_call(cli, "detach", params);
}

static int cmd_rename(struct cli *cli, char **args)
{
	return cmd_call(cli, "rename", json_build("name=%s to=%s", args[0], args[1]));
}

static int cmd_set(struct cli *cli, char **args)
{
	struct json *params = name_params(args[0]), *set = json_new(JSON_OBJECT);

	for (char **arg = args + 1; *arg; arg++) {
		char *value = strchr(*arg, '=');

		if (!value) {
			fprintf(stderr, "atoll: set: expected KEY=VALUE, not %s\n", *arg);
			json_free(set);
			json_free(params);
			return 2;
		}
		*value++ = '\0';
		json_set_string(set, !strcmp(*arg, "weight") ? "cpu_weight" : *arg, value);
	}
	json_set(params, "set", set);
	return cmd_call(cli, "set", params);
}

static int cmd_info(struct cli *cli, char **args)
{
	AUTO_JSON struct json *result = NULL;
	int r = cli_call(cli, "info", name_params(args[0]), &result);

	return show(cli, r, result, table_info);
}

static int cmd_plan(struct cli *cli, char **args)
{
	AUTO_JSON struct json *result = NULL;
	AUTO_FREE char *text = NULL;
	size_t len;
	int r = args[0] ? read_file(args[0], CLI_FILE_MAX, &text, &len) : 0;

	if (r < 0)
		return fprintf(stderr, "atoll: %s: %s\n", args[0], strerror(-r)), 1;
	r = cli_call(cli, "plan", json_build("text~%s", text), &result);
	show(cli, r, result, NULL);
	json_for_each(item, r || cli->json ? NULL : json_get(result, "plan")) {
		const char *now = json_get_string(item, "now", NULL), *why = json_get_string(item, "why", "");

		printf("%-8s %-16s %s%s\n", now ? "start" : json_get_string(item, "what", "?"), json_get_string(item, "name", "?"),
		       now ? "it is " : why, now ? now : "");
	}
	return r;
}

static int cmd_reboot(struct cli *cli, char **args)
{
	return cmd_call(cli, "shutdown", json_build("name=%s reboot?%d", args[0], true));
}

static int cmd_restart(struct cli *cli, char **args)
{
	AUTO_JSON struct json *result = NULL;
	struct json *params = name_params(args[0]);
	int r;

	if (args[1] && !strcmp(args[1], "--kernel") && args[2]) {
		json_set_string(params, "kernel", args[2]);
	} else if (args[1]) {
		fprintf(stderr, "usage: atoll restart SERVICE [--kernel KERNEL]\n");
		json_free(params);
		return 2;
	}
	r = cli_call(cli, "restart", params, &result);
	return show(cli, r, result, table_outage);
}

/* COMMAND is a word, or what QMP has: {"execute": WORD, "arguments": {…}}. */
static int cmd_qmp(struct cli *cli, char **args)
{
	AUTO_JSON struct json *result = NULL;
	struct json *params = NULL;
	int r;

	if (args[1][0] != '{')
		params = json_build("execute=%s", args[1]);
	else if (json_parse(args[1], strlen(args[1]), &params, NULL) < 0)
		return fprintf(stderr, "atoll: %s: no JSON\n", args[1]), 2;
	json_set_string(params, "name", args[0]);
	r = cli_call(cli, "qmp", params, &result);
	if (r == 0)
		cli_print_json(json_get(result, "return"));
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
	AUTO_FREE char *text = NULL;
	bool times = !strcmp(args[0], "--timestamps");
	const char *name = args[times];

	if (times != (args[1] != NULL)) {
		fprintf(stderr, "usage: atoll logs [--timestamps] NAME\n");
		return 2;
	}
	if (strcmp(name, "xen")) {
		int r = logs_print(CONSOLE_LOG_DIR, name, times, stdout);

		if (r < 0)
			fprintf(stderr, "atoll: %s: %s\n", name, r == -EINVAL ? "no domain can have this name" : strerror(-r));
		return r < 0;
	}
	if (cli_call(cli, "xen.log", NULL, &result) != 0)
		return 1;
	text = strdup(json_get_string(result, "text", ""));
	if (!text)
		return 1;
	make_harmless(text, strlen(text)); /* guests may speak there too */
	fputs(text, stdout);
	return 0;
}

/* Programs of their own, which do not need atolld; the others need not carry them. ARGS has room for one more. */
static int run_program(const char *path, char **args, bool json)
{
	static char option[] = "--json";
	unsigned count = 0;

	while (args[count])
		count++;
	if (json) {
		args[count] = option; /* main() took it out */
		args[count + 1] = NULL;
	}
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

/* --http: the answer to a scraper, for atoll-metrics@.service. What it asked is not read: there is one page. */
static int cmd_metrics(struct cli *cli, char **args)
{
	AUTO_JSON struct json *result = NULL;
	int r = cli_status(cli, &result);

	if (args[0])
		printf("HTTP/1.0 %s\r\nContent-Type: text/plain; version=0.0.4\r\n\r\n", r == 0 ? "200 OK" : "503 Service Unavailable");
	if (r == 0)
		metrics_print(result, stdout);
	return r;
}

static const struct verb {
	const char *name, *args, *help;
	unsigned arg_count, arg_max; /* arg_max 0: as arg_count */
	int (*run)(struct cli *cli, char **args); /* NULL: a call of that name, with NAME if there is one */
} verbs[] = {
	{"up", "", "start all services of the host and wait for them", 0, 0, cmd_up},
	{"plan", "[HOST.json]", "what this description, or the changed one in its place, would change", 0, 1, cmd_plan},
	{"down", "", "stop the net and disk services (no guest may be left)", 0, 0, NULL},
	{"status", "", "services and guests: state, health, memory, restarts, last outage", 0, 0, cmd_status},
	{"list", "", "all domains in one table", 0, 0, cmd_list},
	{"create", "FILE [--explain]", "create and start a guest from an xl.cfg or JSON file; where the time went", 1, 4, cmd_create},
	{"shutdown", "GUEST", "ask a guest to power off", 1, 0, NULL},
	{"reboot", "GUEST", "ask a guest to reboot", 1, 0, cmd_reboot},
	{"destroy", "GUEST", "take a guest away at once", 1, 0, NULL},
	{"info", "NAME", "all that is known of a domain", 1, 0, cmd_info},
	{"save", "GUEST FILE [--checkpoint]", "write a guest to a file and take it away, or let it go on", 2, 3, stream_save},
	{"restore", "FILE", "let a saved guest go on", 1, 0, stream_restore},
	{"migrate", "GUEST --to COMMAND|fd:N", "move it over the command's input and output, as to `ssh HOST atoll receive`", 3, 0, stream_migrate},
	{"receive", "", "the other end of migrate, on standard input and output", 0, 0, stream_receive},
	{"attach", "GUEST vif|vbd [DEVICE]", "plug a device in, described as in a guest's file", 2, 3, cmd_attach},
	{"detach", "GUEST vif|vbd N [--force]", "unplug it", 3, 4, cmd_detach},
	{"rename", "GUEST NAME", "give a guest another name", 2, 0, cmd_rename},
	{"set", "GUEST KEY=VALUE...", "change memory, vcpus, cpu_weight, cap, cpus of a running guest", 2, 6, cmd_set},
	{"pause", "GUEST", "stop a guest's processors", 1, 0, NULL},
	{"unpause", "GUEST", "let them run again", 1, 0, NULL},
	{"restart", "SERVICE [--kernel KERNEL]", "rebuild a service with its domid; guests go on. Or with another kernel", 1, 3, cmd_restart},
	{"qmp", "GUEST COMMAND", "ask an HVM guest's QEMU, like query-status; answers in JSON", 2, 0, cmd_qmp},
	{"console", "[--watch] NAME", "attach to a domain's console; ^] leaves", 1, 2, cmd_console},
	{"events", "[--follow]", "what happened on this host, or what happens", 0, 1, cmd_events},
	{"audit", "[verify|exposures]", "who holds what, and shares with whom; the log of control", 0, 1, cmd_audit},
	{"top", "", "the same as a screen that goes on; q leaves", 0, 0, top_run},
	{"metrics", "[--http]", "figures for Prometheus", 0, 1, cmd_metrics},
	{"logs", "[--timestamps] NAME", "print what a domain's console said so far", 1, 2, cmd_logs},
};

static int usage(FILE *out)
{
	fprintf(out, "usage: atoll [--json] VERB [NAME]\n\n");
	for (unsigned i = 0; i < ARRAY_SIZE(verbs); i++)
		fprintf(out, "  %-8s %-26s %s\n", verbs[i].name, verbs[i].args, verbs[i].help);
	fprintf(out, "  %-8s %-26s %s\n", "experiment", "FILE", "break services on purpose, and report what guests saw");
	fprintf(out, "  %-8s %-26s %s\n", "check", "", "what is wrong with this machine, and how to mend it");
	fprintf(out, "  %-8s %-26s %s\n", "setup", "[OPTIONS] | --undo", "make it an Atoll host, or what it was before (atoll-setup(8))");
	return out == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
	struct cli cli = {.fd = -1};
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
		return run_program("/usr/libexec/atoll/atoll-experiment", argv + i, false);
	if (!strcmp(argv[i], "check") || !strcmp(argv[i], "setup"))
		return run_program("/usr/libexec/atoll/atoll-setup", argv + i - 1, cli.json); /* a script does not see its first word */
	for (unsigned v = 0; v < ARRAY_SIZE(verbs); v++) {
		if (strcmp(argv[i], verbs[v].name))
			continue;
		if ((unsigned)(argc - i - 1) < verbs[v].arg_count ||
		    (unsigned)(argc - i - 1) > MAX(verbs[v].arg_count, verbs[v].arg_max)) {
			fprintf(stderr, "usage: atoll %s%s%s\n", verbs[v].name, *verbs[v].args ? " " : "", verbs[v].args);
			return 2;
		}
		r = verbs[v].run ? verbs[v].run(&cli, argv + i + 1)
				 : cmd_call(&cli, verbs[v].name, argv[i + 1] ? name_params(argv[i + 1]) : NULL);
		cli_fini(&cli);
		return r < 0 ? 1 : r;
	}
	fprintf(stderr, "atoll: %s: no such verb; `atoll help` lists them\n", argv[i]);
	return 2;
}
