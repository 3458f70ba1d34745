// SPDX-License-Identifier: LGPL-2.1-or-later
/* Prometheus' text. `test-metrics --print` prints it for tests/metrics.py, which has a real parser. */
#include <string.h>

#include "cli/cli.h"
#include "tap.h"

static const char status[] =
	"{\"up\":true,\"control_memory_kib\":655360,\"domains\":[{\"name\":\"net0\",\"role\":\"net\",\"domid\":3,\"state\":\"running\",\"health\":"
	"\"ok\",\"memory_kib\":147456,\"available_kib\":9000,\"answer_ms\":2,\"cpu_ms\":1234,\"restarts\":2,\"last_outage\":{\"reason\":\"hung\","
	"\"total_ms\":950,\"phases_ms\":{\"build\":210.5,\"boot\":600}}},{\"name\":\"we\\\"ird\\\\\",\"role\":\"guest\",\"domid\":32,\"state\":"
	"\"running\",\"health\":\"ok\",\"memory_kib\":98304,\"cpu_ms\":9,\"restarts\":0,\"devices\":[{\"id\":\"vif0\",\"kind\":\"vif\",\"read_bytes\":"
	"7,\"written_bytes\":8},{\"id\":\"xvda\",\"kind\":\"vbd\"}]}]}";

int main(int argc, char **argv)
{
	AUTO_JSON struct json *json = NULL;
	AUTO_FREE char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out || json_parse(status, strlen(status), &json, NULL) < 0)
		return 1;
	metrics_print(json, argc > 1 ? stdout : out);
	fclose(out);
	if (argc > 1)
		return 0;
	ok(strstr(text, "\natoll_up 1\n") != NULL, "that all services run is said");
	ok(strstr(text, "\natoll_domain_restarts_total{name=\"net0\"} 2\n") != NULL, "restarts are counted");
	ok(strstr(text, "atoll_domain_last_restart_phase_seconds{name=\"net0\",phase=\"build\"} 0.2105\n") != NULL, "phases are seconds");
	ok(strstr(text, "atoll_domain_id{name=\"we\\\"ird\\\\\"} 32\n") != NULL, "special characters are escaped");
	ok(strstr(text, "atoll_device_read_bytes_total{name=\"we\\\"ird\\\\\",device=\"vif0\"} 7\n") != NULL, "devices are told");
	ok(strstr(text, "device=\"xvda\"") == NULL, "but not those whose backend told nothing");
	return plan_done();
}
