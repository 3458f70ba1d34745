/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Round trips of single requests. */
#ifndef STORE_LOAD_RTT_H
#define STORE_LOAD_RTT_H

/* Makes COUNT requests of each kind, one after the other, in DIR, and prints a line for each kind. Returns the exit status. */
int rtt(const char *dir, unsigned count);

/* Reads PATH now and then and for ever, one request at a time, and prints a line about once a second. */
int probe(const char *path);

#endif
