#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Figures: for people as a screen, for Prometheus as text (needs the guests of 20). `./run test` gives the text to a real parser.
cd "$(dirname "$(realpath "$0")")" || exit 1
. ./lib.sh
. ./guest-lib.sh

PORT=9899
scrape() {
	exec 3<>/dev/tcp/127.0.0.1/$PORT || return
	printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3
	cat <&3 >/run/scraped
	exec 3>&-
	grep -q '^HTTP/1.0 200 OK' /run/scraped && grep -q '^atoll_up 1$' /run/scraped
}
# The last value of a family for NAME.
value() { sed -n "s/^$1{name=\"$2\".*} //p" /run/metrics | tail -n 1; }
above() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'; }

ok "figures are printed" sh -c 'sleep 3; atoll metrics >/run/metrics'
echo "@@file metrics.txt $(base64 -w0 /run/metrics)"
ok "net0's processor time is among them" above "$(value atoll_domain_cpu_seconds_total net0)" 0
ok "so is what alpha's disk moved" above "$(value atoll_device_written_bytes_total alpha)" 10000
ok "the socket is there from the boot" systemctl is-active atoll-metrics.socket
mkdir -p /run/systemd/system/atoll-metrics.socket.d
printf '[Socket]\nListenStream=127.0.0.1:%s\n' $PORT >/run/systemd/system/atoll-metrics.socket.d/tcp.conf
systemctl daemon-reload
ok "a scraper's port can be added" systemctl restart atoll-metrics.socket
ok "it gets them over HTTP" scrape
rm -r /run/systemd/system/atoll-metrics.socket.d
systemctl daemon-reload
systemctl restart atoll-metrics.socket

ok "the screen comes and leaves" sh -c '(sleep 8; printf c; sleep 2; printf q) |
	timeout 30 script -q -e -c "stty rows 24 cols 80; exec atoll top" /run/top.screen'
echo "@@file top.screen $(base64 -w0 /run/top.screen)"
for word in store console net0 disk0 alpha beta 'all services run' 'q) leaves'; do
	ok "it shows $word" grep -q -a "$word" /run/top.screen
done
rm -f /run/metrics /run/scraped /run/top.screen
