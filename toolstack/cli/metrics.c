// SPDX-License-Identifier: LGPL-2.1-or-later
/* `atoll metrics`: what `atoll status` knows, in Prometheus' text format 0.0.4. */
#include <string.h>

#include "cli/cli.h"

/* A value of a label: its three special characters are escaped. */
static void print_label(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", out);
		else if (*value == '"' || *value == '\\')
			fprintf(out, "\\%c", *value);
		else
			fputc(*value, out);
	}
	fputc('"', out);
}

static void family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* One sample of a domain; LABEL (may be NULL) with VALUE stands after its name. */
static void sample(FILE *out, const char *name, const struct json *domain, const char *label, const char *value, double number)
{
	fprintf(out, "%s{", name);
	print_label(out, "name", json_get_string(domain, "name", ""));
	if (label) {
		fputc(',', out);
		print_label(out, label, value);
	}
	fprintf(out, "} %.15g\n", number);
}

static double real(const struct json *json)
{
	return json->type == JSON_DOUBLE ? json->number : (double)json->integer;
}

static void print_numbers(const struct json *domains, FILE *out)
{
	static const struct {
		const char *name, *type, *help, *key;
		double scale;
	} numbers[] = {
		{"atoll_domain_id", "gauge", "Xen's id of the domain.", "domid", 1},
		{"atoll_domain_cpu_seconds_total", "counter", "Processor time that the domain used.", "cpu_ms", 1e-3},
		{"atoll_domain_memory_bytes", "gauge", "Memory that the domain has.", "memory_kib", 1024},
		{"atoll_domain_memory_available_bytes", "gauge", "Memory that a service says is available in it.", "available_kib", 1024},
		{"atoll_domain_answer_seconds", "gauge", "Time that a service's answer to a heartbeat takes.", "answer_ms", 1e-3},
		{"atoll_domain_restarts_total", "counter", "Restarts of the domain.", "restarts", 1},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
		family(out, numbers[i].name, numbers[i].type, numbers[i].help);
		json_for_each(d, domains) {
			if (json_get(d, numbers[i].key))
				sample(out, numbers[i].name, d, NULL, NULL, (double)json_get_int(d, numbers[i].key, 0) * numbers[i].scale);
		}
	}
}

static void print_texts(const struct json *domains, FILE *out)
{
	static const struct {
		const char *name, *key, *help;
	} texts[] = {
		{"atoll_domain_role", "role", "1 for the domain's role."},
		{"atoll_domain_state", "state", "1 for the domain's state."},
		{"atoll_domain_health", "health", "1 for the verdict on the domain's health."},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
		family(out, texts[i].name, "gauge", texts[i].help);
		json_for_each(d, domains)
			sample(out, texts[i].name, d, texts[i].key, json_get_string(d, texts[i].key, ""), 1);
	}
}

static void print_outages(const struct json *domains, FILE *out)
{
	family(out, "atoll_domain_last_restart_seconds", "gauge", "Time that the last restart took.");
	json_for_each(d, domains) {
		if (json_get(d, "last_outage"))
			sample(out, "atoll_domain_last_restart_seconds", d, NULL, NULL,
			       (double)json_get_int(json_get(d, "last_outage"), "total_ms", 0) / 1000);
	}
	family(out, "atoll_domain_last_restart_phase_seconds", "gauge", "Time that each phase of the last restart took.");
	json_for_each(d, domains) {
		json_for_each(phase, json_get(json_get(d, "last_outage"), "phases_ms")) {
			if (phase->type == JSON_DOUBLE || phase->type == JSON_INT)
				sample(out, "atoll_domain_last_restart_phase_seconds", d, "phase", phase->key, real(phase) / 1000);
		}
	}
}

static void print_devices(const struct json *domains, const char *name, const char *key, const char *help, FILE *out)
{
	family(out, name, "counter", help);
	json_for_each(d, domains) {
		json_for_each(dev, json_get(d, "devices")) {
			if (json_get(dev, key))
				sample(out, name, d, "device", json_get_string(dev, "id", "?"), (double)json_get_int(dev, key, 0));
		}
	}
}

void metrics_print(const struct json *status, FILE *out)
{
	const struct json *domains = json_get(status, "domains");

	family(out, "atoll_up", "gauge", "1 if all services of the host run.");
	fprintf(out, "atoll_up %d\n", json_get_bool(status, "up", false));
	family(out, "atoll_control_memory_bytes", "gauge", "Memory of the control domain.");
	fprintf(out, "atoll_control_memory_bytes %lld\n", (long long)json_get_int(status, "control_memory_kib", 0) * 1024);
	print_numbers(domains, out);
	print_texts(domains, out);
	print_outages(domains, out);
	print_devices(domains, "atoll_device_read_bytes_total", "read_bytes", "Bytes that a guest read from a disk or received.", out);
	print_devices(domains, "atoll_device_written_bytes_total", "written_bytes", "Bytes that a guest wrote to a disk or sent.", out);
}
