// SPDX-License-Identifier: LGPL-2.1-or-later
/* Tables for people. */
#include <string.h>

#include "cli/cli.h"

#define MIB(kib) ((double)(kib) / 1024)

void table_domains(const struct json *status, FILE *out)
{
	fprintf(out, "%-5s %-16s %-8s %-5s %8s  %-16s %-10s %-9s %8s\n", "DOMID", "NAME", "ROLE", "TYPE", "MEM MiB", "PRIVILEGE",
		"STATE", "HEALTH", "RESTARTS");
	fprintf(out, "%-5d %-16s %-8s %-5s %8.1f  %-16s %-10s %-9s %8s\n", 0, "Domain-0", "control", "pv",
		MIB(json_get_int(status, "control_memory_kib", 0)), "all", "running", "ok", "-");
	json_for_each(d, json_get(status, "domains")) {
		fprintf(out, "%-5lld %-16s %-8s %-5s %8.1f  %-16s %-10s %-9s %8lld\n", (long long)json_get_int(d, "domid", -1),
			json_get_string(d, "name", "?"), json_get_string(d, "role", "?"), json_get_string(d, "type", "?"),
			MIB(json_get_int(d, "memory_kib", 0)), json_get_string(d, "privilege", "?"),
			json_get_string(d, "state", "?"), json_get_string(d, "health", "?"),
			(long long)json_get_int(d, "restarts", 0));
	}
}

void table_created(const struct json *domain, FILE *out)
{
	fprintf(out, "%s: domain %lld\n", json_get_string(domain, "name", "?"), (long long)json_get_int(domain, "domid", -1));
}

void table_attached(const struct json *device, FILE *out)
{
	fprintf(out, "%s: %s on %s\n", json_get_string(device, "name", "?"), json_get_string(device, "device", "?"),
		json_get_string(device, "backend", "?"));
}

void table_plan(const struct json *result, FILE *out)
{
	json_for_each(item, json_get(result, "plan")) {
		const char *now = json_get_string(item, "now", NULL), *why = json_get_string(item, "why", "");

		fprintf(out, "%-8s %-16s %s%s\n", now ? "start" : json_get_string(item, "what", "?"), json_get_string(item, "name", "?"),
			now ? "it is " : why, now ? now : "");
	}
}

static void print_phases(const struct json *outage, FILE *out)
{
	const struct json *boot = json_get(outage, "boot_ms");
	const char *sep = "";

	json_for_each(phase, json_get(outage, "phases_ms")) {
		fprintf(out, "%s%s %.1f", sep, phase->key, phase->type == JSON_DOUBLE ? phase->number : (double)phase->integer);
		if (boot && !strcmp(phase->key, "boot")) /* by the domain's own clock, from its start */
			fprintf(out, " (kernel until %lld, modules %lld, agent %lld)", (long long)json_get_int(boot, "kernel", 0),
				(long long)json_get_int(boot, "modules", 0), (long long)json_get_int(boot, "agent", 0));
		sep = ", ";
	}
}

void table_status(const struct json *status, FILE *out)
{
	table_domains(status, out);
	json_for_each(d, json_get(status, "domains")) {
		const struct json *outage = json_get(d, "last_outage");
		const char *why = json_get_string(d, "why", "");

		if (*why)
			fprintf(out, "%s: %s\n", json_get_string(d, "name", "?"), why);
		if (outage && json_get_int(d, "restarts", 0) > 0) {
			fprintf(out, "%s: last restart took %lld ms (%s): ", json_get_string(d, "name", "?"),
				(long long)json_get_int(outage, "total_ms", 0), json_get_string(outage, "reason", "?"));
			print_phases(outage, out);
			fprintf(out, " ms\n");
		}
	}
	if (!json_get_bool(status, "up", false))
		fprintf(out, "Not all services run.\n");
}

static void print_info(const struct json *value, const char *indent, FILE *out)
{
	json_for_each(item, value) {
		char at[32];

		if (item->key && (!strcmp(item->key, "last_outage") || (item->type == JSON_STRING && !*item->string)))
			continue;
		if (item->key)
			fprintf(out, "%s%-18s", indent, item->key);
		if (item->type == JSON_STRING)
			fprintf(out, "%s\n", item->string);
		else if (item->type == JSON_INT)
			fprintf(out, "%lld\n", (long long)item->integer);
		else if (item->type == JSON_ARRAY)
			fprintf(out, "\n"), print_info(item, "  ", out);
		else if (json_get(item, "time_ms"))
			fprintf(out, "%s%s  %s: %s\n", indent, cli_time(item, "%F %T", at), json_get_string(item, "event", ""), json_get_string(item, "text", ""));
		else if (item->type == JSON_OBJECT)
			fprintf(out, "%s%s %s on %s of %s: %s\n", indent, json_get_string(item, "id", ""), json_get_string(item, "mac", ""),
				json_get_string(item, "on", ""), json_get_string(item, "backend", ""), json_get_string(item, "state", ""));
		else
			fprintf(out, "\n");
	}
}

void table_info(const struct json *domain, FILE *out)
{
	print_info(domain, "", out);
}

void table_phases(const struct json *domain, FILE *out)
{
	json_for_each(phase, json_get(domain, "phases_ms"))
		fprintf(out, "  %-10s %10.3f ms\n", phase->key, phase->type == JSON_DOUBLE ? phase->number : (double)phase->integer);
	json_for_each(phase, json_get(domain, "build_us"))
		fprintf(out, "    build: %-10s %10.3f ms\n", phase->key, (double)phase->integer / 1000);
}

void table_outage(const struct json *domain, FILE *out)
{
	const struct json *outage = json_get(domain, "last_outage");

	fprintf(out, "%s: restarted as domain %lld in %lld ms: ", json_get_string(domain, "name", "?"),
		(long long)json_get_int(domain, "domid", -1), (long long)json_get_int(outage, "total_ms", 0));
	print_phases(outage, out);
	fprintf(out, " ms\n");
}
