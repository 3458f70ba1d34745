// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Fuzz target: files that people and other hosts bring. The first byte chooses: a guest in xl's form or JSON, the host's
 * description, the head of a saved guest. A guest that is read has to read back the same from its JSON form.
 */
#include <stdlib.h>
#include <string.h>

#include "config/guest.h"
#include "config/host.h"
#include "config/savefile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_guest(const char *text, size_t len)
{
	struct guest_config config, again;
	AUTO_JSON struct json *json = NULL;
	char why[300];

	if (guest_config_parse(text, len, &config, why, sizeof(why)) < 0)
		return;
	config.warning[0] = '\0';
	memset(config.warning, 0, sizeof(config.warning));
	json = guest_config_to_json(&config);
	if (!json || guest_config_from_json(json, &again, why, sizeof(why)) < 0 || strcmp(config.name, again.name) ||
	    config.device_count != again.device_count || config.memory_mib != again.memory_mib ||
	    memcmp(config.cpus, again.cpus, sizeof(config.cpus)))
		abort();
}

static void try_host(const char *text, size_t len)
{
	struct host_config config;
	char why[300];

	host_config_parse(text, len, &config, why, sizeof(why));
	host_config_fini(&config);
}

static void try_save(const char *text, size_t len)
{
	AUTO_JSON struct json *json = NULL;
	struct guest_config config;
	char why[300];
	int n;

	if (len < SAVE_HEAD_SIZE)
		return;
	n = savefile_head((const unsigned char *)text);
	if (n > SAVE_CONFIG_MAX)
		abort();
	if (n < 0 || (size_t)n > len - SAVE_HEAD_SIZE)
		return;
	if (savefile_config(text + SAVE_HEAD_SIZE, (size_t)n, &json) == 0)
		guest_config_from_json(json, &config, why, sizeof(why));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = size ? malloc(size) : NULL; /* its own size, so that a byte too far is seen */

	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	switch (data[0] % 3) {
	case 0: try_guest(text, size - 1); break;
	case 1: try_host(text, size - 1); break;
	default: try_save(text, size - 1);
	}
	return 0;
}
