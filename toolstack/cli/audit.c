// SPDX-License-Identifier: LGPL-2.1-or-later
/* `atoll audit`: who holds what and shares with whom, and the log of control. */
#include <errno.h>
#include <string.h>

#include "base/chain.h"
#include "cli/cli.h"

#define LOG_FILE "/var/log/atoll/audit.log"
#define HEAD_FILE "/run/atoll/state/audit.head"

/* --- what is --- */

static const char *name_of(const struct json *status, int64_t domid, char buf[16])
{
	json_for_each(d, json_get(status, "domains")) {
		if (json_get_int(d, "domid", -1) == domid)
			return json_get_string(d, "name", "?");
	}
	snprintf(buf, 16, domid ? "domain %lld" : "Domain-0", (long long)domid);
	return buf;
}

/* What it shares with others is in their tables: those of whom ALL tells. */
static void add_shared(struct json *control, const struct json *all)
{
	struct json *shared = json_new(JSON_ARRAY);

	json_for_each(held, all) {
		json_for_each(tie, json_get(held, "ties")) {
			if (json_get_int(tie, "domid", -1) == 0 && json_get_int(tie, "grants", 0))
				json_append(shared, json_build("domid=%ld grants=%ld", json_get_int(held, "domid", -1), json_get_int(tie, "grants", 0)));
		}
	}
	json_set(control, "granted", shared);
}

static void print_domain(const struct json *status, const struct json *domain, const struct json *held)
{
	char buf[16];

	printf("%s (domain %lld, %s): %s", json_get_string(domain, "name", "?"), (long long)json_get_int(domain, "domid", -1),
	       json_get_string(domain, "role", "?"),
	       !json_get_int(domain, "domid", -1) ? "all privileges" : json_get_bool(held, "xs_domain", false) ? "may ask for the state of all domains" : "no privilege");
	if (json_get(held, "target"))
		printf(", power over %s", name_of(status, json_get_int(held, "target", -1), buf));
	json_for_each(bdf, json_get(held, "pci"))
		printf(", PCI device %s", bdf->type == JSON_STRING ? bdf->string : "?");
	printf("\n");
	json_for_each(dev, json_get(held, "devices"))
		printf("    %s %s served by %s\n", json_get_string(dev, "kind", "?"), json_get_string(dev, "id", "?"),
		       name_of(status, json_get_int(dev, "backend", -1), buf));
	json_for_each(tie, json_get(held, "ties")) {
		int64_t grants = json_get_int(tie, "grants", 0), channels = json_get_int(tie, "channels", 0);

		printf("    with %s: ", name_of(status, json_get_int(tie, "domid", -1), buf));
		if (grants)
			printf("%lld pages shared (%lld to read only), ", (long long)grants, (long long)json_get_int(tie, "read_only", 0));
		if (channels || grants)
			printf("%lld event channels", (long long)channels);
		if (json_get_int(tie, "offered", 0))
			printf("%s%lld offered", channels || grants ? ", " : "", (long long)json_get_int(tie, "offered", 0));
		printf("\n");
	}
	json_for_each(with, json_get(held, "granted"))
		printf("    has %lld pages of %s\n", (long long)json_get_int(with, "grants", 0), name_of(status, json_get_int(with, "domid", -1), buf));
}

static int ask(struct cli *cli, const char *name, int64_t domid, struct json **held)
{
	int r = cli_call(cli, "audit", json_build("name=%s", name), held);

	return r == 0 ? json_add(*held, "name=%s domid=%ld", name, domid) : r;
}

static int print_all(struct cli *cli)
{
	AUTO_JSON struct json *status = NULL, *all = json_new(JSON_ARRAY), *control = NULL;
	struct json *held = NULL;
	int r = cli_status(cli, &status);

	json_for_each(d, json_get(status, "domains")) {
		held = NULL;
		if (ask(cli, json_get_string(d, "name", ""), json_get_int(d, "domid", -1), &held) != 0) {
			r = 1;
			continue;
		}
		if (!cli->json)
			print_domain(status, d, held);
		json_append(all, held);
	}
	held = NULL;
	if (!status || ask(cli, "Domain-0", 0, &held) != 0)
		return 1;
	add_shared(held, all);
	control = json_build("name=%s domid=%d role=%s", "Domain-0", 0, "control");
	if (!cli->json)
		print_domain(status, control, held);
	json_append(all, held);
	if (cli->json)
		cli_print_json(all);
	return r;
}

/* --- the log --- */

/* Calls FN with each line, of the older file first. 0, or what FN returned. */
static int each_line(int (*fn)(const char *line, size_t len, void *data), void *data)
{
	static const char *const files[] = {LOG_FILE ".1", LOG_FILE};
	char *line = NULL;
	size_t size = 0;
	int r = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(files); i++) {
		FILE *in = fopen(files[i], "re");
		ssize_t n;

		if (!in && i == 0)
			continue;
		if (!in) {
			fprintf(stderr, "atoll: %s: %s\n", files[i], strerror(errno));
			r = 1;
			break;
		}
		while (r == 0 && (n = getline(&line, &size, in)) > 0)
			r = fn(line, line[n - 1] == '\n' ? (size_t)n - 1 : (size_t)n, data);
		fclose(in);
	}
	free(line);
	return r;
}

static int verify_line(const char *line, size_t len, void *data)
{
	struct chain *chain = data;
	int r = chain_follow(chain, line, len);

	if (r < 0)
		fprintf(stderr, "atoll: %s: %s after record %llu\n", LOG_FILE, r == -EBADMSG ? "the chain is broken" : "a line is no record",
			(unsigned long long)chain->seq);
	return r < 0;
}

static int verify(void)
{
	AUTO_FREE char *head = NULL;
	struct chain chain;

	chain_init(&chain);
	if (each_line(verify_line, &chain) != 0)
		return 1;
	if (read_file(HEAD_FILE, SHA256_HEX_SIZE, &head, NULL) < 0) {
		printf("%llu records, chained; no head to compare the end with (%s)\n", (unsigned long long)chain.seq, HEAD_FILE);
		return 0;
	}
	if (strcmp(head, chain.head)) {
		fprintf(stderr, "atoll: %s: it does not end where atolld ended it: records after %llu are missing, or the last is not as it was\n",
			LOG_FILE, (unsigned long long)chain.seq);
		return 1;
	}
	printf("%llu records, chained, and the end is where it was\n", (unsigned long long)chain.seq);
	return 0;
}

static void print_exposure(const struct json *record, const char *when)
{
	if (json_get(record, "guest")) {
		const char *tenant = json_get_string(record, "tenant", "");

		printf("%s  %s (domain %lld%s%s) exposed to", when, json_get_string(record, "guest", "?"),
		       (long long)json_get_int(record, "domid", -1), *tenant ? ", tenant " : "", tenant);
		json_for_each(s, json_get(record, "services"))
			printf(" %s#%lld", json_get_string(s, "service", "?"), (long long)json_get_int(s, "restarts", 0));
	} else {
		printf("%s  %s#%lld begins, and has", when, json_get_string(record, "service", "?"),
		       (long long)json_get_int(record, "restarts", 0));
		json_for_each(g, json_get(record, "guests"))
			printf(" %s", g->type == JSON_STRING ? g->string : "?");
		if (!json_get_int(record, "guest_count", 0))
			printf(" no guest");
	}
	printf("\n");
}

static int exposure_line(const char *line, size_t len, void *data)
{
	AUTO_JSON struct json *record = NULL;
	const struct cli *cli = data;
	const char *what;
	char when[32];

	if (json_parse(line, len, &record, NULL) < 0)
		return 0;
	what = json_get_string(record, "what", "");
	if (strcmp(what, "exposed") && strcmp(what, "incarnation"))
		return 0;
	if (cli->json) {
		printf("%.*s\n", (int)len, line);
		return 0;
	}
	print_exposure(record, cli_time(record, "%F %T", when));
	return 0;
}

int audit_run(struct cli *cli, const struct json *words)
{
	const char *what = json_get_string(words, "what", NULL);

	if (!what)
		return print_all(cli);
	if (!strcmp(what, "exposures"))
		return each_line(exposure_line, cli);
	return strcmp(what, "verify") ? USAGE : verify();
}
