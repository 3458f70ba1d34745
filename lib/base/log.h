/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Logging to standard error with the priority prefix that journald reads ("<4>text"). Without journald (a terminal) the prefix
 * is left out. The place that decides logs, once, with the thing's name: `d5: cannot map console ring: Permission denied`.
 */
#ifndef ATOLL_BASE_LOG_H
#define ATOLL_BASE_LOG_H

#include "base/util.h"

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* Messages above LEVEL are dropped; the default is INFO. */
void log_set_level(enum log_level level);

void log_message(enum log_level level, const char *fmt, ...) PRINTF(2, 3);

#define log_error(...) log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_message(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_message(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
