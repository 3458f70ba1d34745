#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads metrics from standard input with Prometheus' own parser; says in TAP what it found."""
import sys

from prometheus_client.parser import text_string_to_metric_families

families = {f.name: f for f in text_string_to_metric_families(sys.stdin.read())}
samples = [s for f in families.values() for s in f.samples]
count = 0


def ok(condition, sentence):
    global count
    count += 1
    print(f"{'ok' if condition else 'not ok'} {count} - {sentence}")


ok(len(samples) > 10, f"a real parser takes all of it: {len(families)} families, {len(samples)} samples")
ok(all(f.type in ("gauge", "counter") and f.documentation for f in families.values()), "each family has a type and a help text")
ok(all(s.name.startswith("atoll_") for s in samples), "all names have our prefix")
ok(len({(s.name, tuple(sorted(s.labels.items()))) for s in samples}) == len(samples), "no sample comes twice")
ok(any(s.name == "atoll_domain_restarts_total" and s.labels == {"name": "net0"} for s in samples), "net0's restarts are among them")
ok(all(f.samples for f in families.values() if f.name in ("atoll_up", "atoll_domain_cpu_seconds")), "so are the host and processor times")
print(f"1..{count}")
