// SPDX-License-Identifier: LGPL-2.1-or-later
/* atoll: the command. Each verb is one call to atolld; tables for people, --json for programs. */
#include <errno.h>
#include <string.h>

#include "atolld/consolelog.h"
#include "cli/cli.h"

/* A result, as JSON or as SHOW has it (may be NULL). Returns R, which is 0 if there is one. */
static int show(const struct cli *cli, int r, const struct json *result, show_fn *show)
{
	if (r == 0 && cli->json)
		cli_print_json(result);
	else if (r == 0 && show)
		show(result, stdout);
	return r;
}

static int call(struct cli *cli, const char *method, struct json *params, show_fn *fn)
{
	AUTO_JSON struct json *result = NULL;
	int r = cli_call(cli, method, params, &result);

	return show(cli, r, result, fn);
}

static const char *word(const struct json *words, const char *key)
{
	return json_get_string(words, key, NULL);
}

/* --- verbs that are more than a call --- */

static int cmd_status(struct cli *cli, const struct json *words)
{
	AUTO_JSON struct json *result = NULL;
	int r = cli_status(cli, &result);

	return show(cli, r, result, table_status);
}

static int cmd_list(struct cli *cli, const struct json *words)
{
	AUTO_JSON struct json *result = NULL;
	int r = cli_status(cli, &result);

	return show(cli, r, cli->json ? json_get(result, "domains") : result, table_domains);
}

static int cmd_up(struct cli *cli, const struct json *words)
{
	AUTO_JSON struct json *result = NULL, *status = NULL;
	int r = cli_call(cli, "up", NULL, &result);

	if (r == 0)
		r = cli_status(cli, &status);
	return show(cli, r, status, table_domains);
}

static int read_text(const char *path, char **text)
{
	int r = path ? read_file(path, CLI_FILE_MAX, text, NULL) : 0;

	if (r < 0)
		fprintf(stderr, "atoll: %s: %s\n", path, r == -EFBIG ? "larger than 64 KiB" : strerror(-r));
	return r;
}

static int cmd_create(struct cli *cli, const struct json *words)
{
	AUTO_JSON struct json *result = NULL;
	AUTO_FREE char *text = NULL;
	const char *file = word(words, "file");
	int r = read_text(file, &text);

	if (r < 0)
		return 1;
	r = cli_call(cli, "create", json_build("config=%s file=%s fail_at~%s", text, file, word(words, "fail-at")), &result);
	show(cli, r, result, table_created);
	if (r == 0 && json_get_bool(words, "explain", false))
		table_phases(result, stdout);
	if (r == 0 && json_get(result, "ignored"))
		fprintf(stderr, "atoll: %s: ignored: %s (docs/xlcfg.md says why)\n", file, json_get_string(result, "ignored", ""));
	return r;
}

static int cmd_set(struct cli *cli, const struct json *words)
{
	struct json *set = json_new(JSON_OBJECT);

	json_for_each(item, json_get(words, "settings")) {
		size_t len = strcspn(item->string, "=");
		char key[32];

		if (!item->string[len] || format(key, sizeof(key), "%.*s", (int)len, item->string) < 0) {
			json_free(set);
			return USAGE;
		}
		json_set_string(set, !strcmp(key, "weight") ? "cpu_weight" : key, item->string + len + 1);
	}
	return call(cli, "set", json_build("name=%s set=%p", word(words, "name"), set), NULL);
}

static int cmd_plan(struct cli *cli, const struct json *words)
{
	AUTO_FREE char *text = NULL;

	return read_text(word(words, "file"), &text) < 0 ? 1 : call(cli, "plan", json_build("text~%s", text), table_plan);
}

static int cmd_reboot(struct cli *cli, const struct json *words)
{
	return call(cli, "shutdown", json_build("name=%s reboot?%d", word(words, "name"), true), NULL);
}

/* COMMAND is a word, or what QMP has: {"execute": WORD, "arguments": {…}}. */
static int cmd_qmp(struct cli *cli, const struct json *words)
{
	AUTO_JSON struct json *result = NULL;
	const char *command = word(words, "command");
	struct json *params = NULL;
	int r;

	if (*command != '{')
		params = json_build("execute=%s", command);
	else if (json_parse(command, strlen(command), &params, NULL) < 0)
		return USAGE;
	json_set_string(params, "name", word(words, "name"));
	r = cli_call(cli, "qmp", params, &result);
	if (r == 0)
		cli_print_json(json_get(result, "return"));
	return r;
}

/* The hypervisor's own log, in which guests may speak too. */
static void print_xen_log(const struct json *result, FILE *out)
{
	AUTO_FREE char *text = strdup(json_get_string(result, "text", ""));

	if (!text)
		return;
	make_harmless(text, strlen(text));
	fputs(text, out);
}

static int cmd_logs(struct cli *cli, const struct json *words)
{
	const char *name = word(words, "name");
	int r;

	if (!strcmp(name, "xen"))
		return call(cli, "xen.log", NULL, print_xen_log);
	r = logs_print(CONSOLE_LOG_DIR, name, json_get_bool(words, "timestamps", false), stdout);
	if (r < 0)
		fprintf(stderr, "atoll: %s: %s\n", name, r == -EINVAL ? "no domain can have this name" : strerror(-r));
	return r < 0;
}

/* --http: the answer to a scraper, for atoll-metrics@.service. What it asked is not read: there is one page. */
static int cmd_metrics(struct cli *cli, const struct json *words)
{
	AUTO_JSON struct json *result = NULL;
	int r = cli_status(cli, &result);

	if (json_get_bool(words, "http", false))
		printf("HTTP/1.0 %s\r\nContent-Type: text/plain; version=0.0.4\r\n\r\n", r == 0 ? "200 OK" : "503 Service Unavailable");
	if (r == 0)
		metrics_print(result, stdout);
	return r;
}

/* --- the table of verbs --- */

#define WORDS_MAX 5
static const struct verb {
	const char *name, *usage, *help;
	/* What its words are called: KEY; ?KEY, which may be missing; *KEY, all that follow; --KEY, a switch; --KEY=, followed by a word. */
	const char *words[WORDS_MAX];
	int (*run)(struct cli *cli, const struct json *words); /* NULL: a call of that name with the words, whose answer is shown */
	show_fn *show;
} verbs[] = {
	{"up", "", "start all services of the host and wait for them", {NULL}, cmd_up, NULL},
	{"plan", "[HOST.json]", "what this description, or the changed one in its place, would change", {"?file"}, cmd_plan, NULL},
	{"down", "", "stop the net and disk services (no guest may be left)", {NULL}, NULL, NULL},
	{"status", "", "services and guests: state, health, memory, restarts, last outage", {NULL}, cmd_status, NULL},
	{"list", "", "all domains in one table", {NULL}, cmd_list, NULL},
	{"create", "FILE [--explain]", "create and start a guest from an xl.cfg or JSON file; where the time went",
	 {"file", "--explain", "--fail-at="}, cmd_create, NULL},
	{"shutdown", "GUEST", "ask a guest to power off", {"name"}, NULL, NULL},
	{"reboot", "GUEST", "ask a guest to reboot", {"name"}, cmd_reboot, NULL},
	{"destroy", "GUEST", "take a guest away at once", {"name"}, NULL, NULL},
	{"info", "NAME", "all that is known of a domain", {"name"}, NULL, table_info},
	{"save", "GUEST FILE [--checkpoint]", "write a guest to a file and take it away, or let it go on",
	 {"name", "file", "--checkpoint"}, stream_save, NULL},
	{"restore", "FILE", "let a saved guest go on", {"file"}, stream_restore, NULL},
	{"migrate", "GUEST --to COMMAND|fd:N", "move it over the command's input and output, as to `ssh HOST atoll receive`",
	 {"name", "--to="}, stream_migrate, NULL},
	{"receive", "", "the other end of migrate, on standard input and output", {NULL}, stream_receive, NULL},
	{"attach", "GUEST vif|vbd [DEVICE]", "plug a device in, described as in a guest's file", {"name", "kind", "?device"}, NULL, table_attached},
	{"detach", "GUEST vif|vbd N [--force]", "unplug it", {"name", "kind", "device", "--force"}, NULL, NULL},
	{"rename", "GUEST NAME", "give a guest another name", {"name", "to"}, NULL, NULL},
	{"set", "GUEST KEY=VALUE...", "change memory, vcpus, cpu_weight, cap, cpus of a running guest", {"name", "*settings"}, cmd_set, NULL},
	{"pause", "GUEST", "stop a guest's processors", {"name"}, NULL, NULL},
	{"unpause", "GUEST", "let them run again", {"name"}, NULL, NULL},
	{"restart", "SERVICE [--kernel KERNEL]", "rebuild a service with its domid; guests go on. Or with another kernel",
	 {"name", "--kernel="}, NULL, table_outage},
	{"qmp", "GUEST COMMAND", "ask an HVM guest's QEMU, like query-status; answers in JSON", {"name", "command"}, cmd_qmp, NULL},
	{"console", "[--watch] NAME", "attach to a domain's console; ^] leaves", {"name", "--watch"}, console_attach, NULL},
	{"events", "[--follow]", "what happened on this host, or what happens", {"--follow"}, events_print, NULL},
	{"audit", "[verify|exposures]", "who holds what, and shares with whom; the log of control", {"?what"}, audit_run, NULL},
	{"top", "", "the same as a screen that goes on; q leaves", {NULL}, top_run, NULL},
	{"metrics", "[--http]", "figures for Prometheus", {"--http"}, cmd_metrics, NULL},
	{"logs", "[--timestamps] NAME", "print what a domain's console said so far", {"name", "--timestamps"}, cmd_logs, NULL},
};

static bool is_option(const char *text)
{
	return !strncmp(text, "--", 2);
}

/* Takes the option ARGS begins with into PARAMS. How many words it has; 0: the verb has no such option. */
static unsigned take_option(const struct verb *verb, char **args, struct json *params)
{
	size_t len = strlen(args[0]);

	for (unsigned i = 0; i < WORDS_MAX && verb->words[i]; i++) {
		const char *rest = verb->words[i] + len;

		if (strncmp(verb->words[i], args[0], len))
			continue;
		if (!*rest)
			return json_set_bool(params, args[0] + 2, true) == 0;
		if (!strcmp(rest, "=") && args[1])
			return json_set_string(params, args[0] + 2, args[1]) == 0 ? 2 : 0;
	}
	return 0;
}

/* ARGS as an object with the verb's names for them; NULL: they are not what it takes. */
static struct json *read_words(const struct verb *verb, char **args)
{
	AUTO_JSON struct json *params = json_new(JSON_OBJECT);
	struct json *rest = NULL;
	const char *const *at = verb->words;
	unsigned taken;

	for (; *args; args += taken) {
		taken = 1;
		if (is_option(*args)) {
			taken = take_option(verb, args, params);
			if (!taken)
				return NULL;
			continue;
		}
		if (!*at || is_option(*at))
			return NULL;
		if (**at != '*') {
			json_set_string(params, *at + (**at == '?'), *args);
			at++;
			continue;
		}
		if (!rest) {
			rest = json_new(JSON_ARRAY);
			json_set(params, *at + 1, rest);
		}
		json_append(rest, json_new_string(*args));
	}
	if (*at && !is_option(*at) && **at != '?' && (**at != '*' || !rest))
		return NULL;
	return TAKE_PTR(params);
}

static int run_verb(struct cli *cli, const struct verb *verb, char **args)
{
	AUTO_JSON struct json *words = read_words(verb, args);
	int r = USAGE;

	if (words && verb->run)
		r = verb->run(cli, words);
	else if (words)
		r = call(cli, verb->name, TAKE_PTR(words), verb->show);
	if (r == USAGE)
		fprintf(stderr, "usage: atoll %s%s%s\n", verb->name, *verb->usage ? " " : "", verb->usage);
	return r;
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

static int usage(FILE *out)
{
	fprintf(out, "usage: atoll [--json] VERB [NAME]\n\n");
	for (unsigned i = 0; i < ARRAY_SIZE(verbs); i++)
		fprintf(out, "  %-8s %-26s %s\n", verbs[i].name, verbs[i].usage, verbs[i].help);
	fprintf(out, "  %-8s %-26s %s\n", "experiment", "FILE", "break services on purpose, and report what guests saw");
	fprintf(out, "  %-8s %-26s %s\n", "check", "", "what is wrong with this machine, and how to mend it");
	fprintf(out, "  %-8s %-26s %s\n", "setup", "[OPTIONS] | --undo", "make it an Atoll host, or what it was before (atoll-setup(8))");
	return out == stdout ? 0 : USAGE;
}

int main(int argc, char **argv)
{
	struct cli cli = {.fd = -1};
	int r;

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
	if (argc == 1 || !strcmp(argv[1], "help") || !strcmp(argv[1], "--help"))
		return usage(argc == 1 ? stderr : stdout);
	if (!strcmp(argv[1], "experiment"))
		return run_program("/usr/libexec/atoll/atoll-experiment", argv + 1, false);
	if (!strcmp(argv[1], "check") || !strcmp(argv[1], "setup"))
		return run_program("/usr/libexec/atoll/atoll-setup", argv, cli.json); /* a script does not see its first word */
	for (unsigned v = 0; v < ARRAY_SIZE(verbs); v++) {
		if (strcmp(argv[1], verbs[v].name))
			continue;
		r = run_verb(&cli, &verbs[v], argv + 2);
		cli_fini(&cli);
		return r < 0 ? 1 : r;
	}
	fprintf(stderr, "atoll: %s: no such verb; `atoll help` lists them\n", argv[1]);
	return USAGE;
}
