// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * `atoll save`, `restore`, `migrate` and `receive`: the guest's head goes through here, its memory goes from the builder to the
 * descriptor directly. Two hosts that move a guest speak lines after the stream:
 *
 *   sender:    head, stream               release its devices, "go"             destroy it, "gone"
 *   receiver:                   "ready"                           run, "done"                       take its name
 *
 * Until "go" is sent the sender goes on whatever happens. After it, it goes on only if the receiver says "failed"; if the receiver
 * says nothing more, the guest is kept suspended here, for a person to decide.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "cli/cli.h"
#include "config/savefile.h"

static int complain(const char *what, int error)
{
	fprintf(stderr, "atoll: %s: %s\n", what, strerror(error < 0 ? -error : error));
	return 1;
}

static int say(int fd, const char *word)
{
	char line[16];

	return write_full(fd, line, (size_t)snprintf(line, sizeof(line), "%s\n", word));
}

/* Reads a line, byte by byte: what follows may be another's. "" when there is none. */
static const char *hear(int fd, char line[16])
{
	size_t n = 0;

	while (n < 15 && read_full(fd, line + n, 1) == 0 && line[n] != '\n')
		n++;
	line[n] = '\0';
	return line;
}

static void on_progress(struct cli *cli, const char *event, const struct json *params)
{
	static int64_t last = -1;
	int64_t percent = json_get_int(params, "percent", 0);

	if (strcmp(event, "progress") || percent / 10 == last / 10 || !isatty(STDERR_FILENO))
		return;
	last = percent;
	fprintf(stderr, "\r%s: %lld %%%s", json_get_string(params, "name", "?"), (long long)percent, percent == 100 ? "\n" : "");
}

static int end_save(struct cli *cli, const char *name, const char *verdict)
{
	AUTO_JSON struct json *result = NULL;

	return cli_call(cli, "save.end", json_build("name=%s verdict=%s", name, verdict), &result);
}

/* Head and stream into FD; the guest is suspended when this returns 0. */
static int send_guest(struct cli *cli, const char *name, bool live, int fd)
{
	AUTO_JSON struct json *ready = NULL, *result = NULL;
	AUTO_BUF struct buf head = BUF_INIT(SAVE_HEAD_SIZE + SAVE_CONFIG_MAX);
	int r;

	cli->on_event = on_progress;
	if (cli_call(cli, "save", json_build("name=%s live?%d", name, live), &ready) != 0)
		return 1;
	r = savefile_write(json_get(ready, "config"), &head);
	if (r == 0)
		r = write_full(fd, head.data, head.len);
	if (r < 0)
		return complain("the head of the stream", r); /* atolld lets the guest go on when we leave */
	cli->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return cli_call(cli, "save.go", json_build("name=%s", name), &result);
}

/* What send_guest() began on the other side: reads the head, hands the rest over. RESULT is atolld's answer. */
static int take_guest(struct cli *cli, int fd, bool hold, struct json **result)
{
	unsigned char head[SAVE_HEAD_SIZE];
	char text[SAVE_CONFIG_MAX];
	struct json *config = NULL;
	int r = read_full(fd, head, sizeof(head));
	int len = r < 0 ? r : savefile_head(head);

	if (len == -EINVAL || len == -ENODATA)
		return fprintf(stderr, "atoll: this is no saved guest\n"), 1;
	if (len == -ENOTSUP)
		return fprintf(stderr, "atoll: it was saved in another version of the format; this atoll reads version %d\n", SAVE_VERSION), 1;
	r = len < 0 ? len : read_full(fd, text, (size_t)len);
	if (r == 0)
		r = savefile_config(text, (size_t)len, &config);
	if (r < 0)
		return complain("the saved guest's description", r);
	cli->on_event = on_progress;
	cli->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return cli_call(cli, "restore", json_build("config=%p hold?%d", config, hold), result);
}

int stream_save(struct cli *cli, const struct json *words)
{
	const char *name = json_get_string(words, "name", ""), *path = json_get_string(words, "file", "");
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return complain(path, errno);
	r = send_guest(cli, name, false, fd);
	if (r == 0 && fsync(fd) < 0) {
		r = complain(path, errno);
		end_save(cli, name, "resume");
	}
	if (r == 0)
		r = end_save(cli, name, json_get_bool(words, "checkpoint", false) ? "resume" : "destroy");
	if (r)
		unlink(path); /* half a guest is of no use */
	return r;
}

int stream_restore(struct cli *cli, const struct json *words)
{
	AUTO_JSON struct json *result = NULL;
	const char *path = json_get_string(words, "file", "");
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return complain(path, errno);
	r = take_guest(cli, fd, false, &result);
	if (r == 0)
		table_created(result, stdout);
	return r;
}

static int migrate(struct cli *cli, const char *name, int fd)
{
	char line[16] = "";

	if (send_guest(cli, name, true, fd) != 0)
		return 1;
	if (strcmp(hear(fd, line), "ready")) {
		fprintf(stderr, "atoll: %s: the other host does not take it; it goes on here\n", name);
		end_save(cli, name, "resume");
		return 1;
	}
	if (end_save(cli, name, "release") != 0)
		return 1;
	if (say(fd, "go") == 0 && !strcmp(hear(fd, line), "failed")) {
		fprintf(stderr, "atoll: %s: it cannot run there; it goes on here\n", name);
		end_save(cli, name, "resume");
		return 1;
	}
	if (strcmp(line, "done")) {
		fprintf(stderr, "atoll: %s: the other host did not say that it runs there; it is kept suspended here\n", name);
		end_save(cli, name, "keep");
		return 1;
	}
	if (end_save(cli, name, "destroy") != 0)
		return 1;
	return say(fd, "gone") < 0 ? 1 : 0;
}

int stream_migrate(struct cli *cli, const struct json *words)
{
	const char *name = json_get_string(words, "name", ""), *to = json_get_string(words, "to", NULL);
	int pair[2], r, status = 0;
	pid_t pid;

	if (!to)
		return USAGE;
	signal(SIGPIPE, SIG_IGN);
	if (!strncmp(to, "fd:", 3))
		return migrate(cli, name, atoi(to + 3));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return complain("socketpair", errno);
	pid = fork();
	if (pid == 0) {
		dup2(pair[1], STDIN_FILENO);
		dup2(pair[1], STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", to, (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	r = pid < 0 ? complain("fork", errno) : migrate(cli, name, pair[0]);
	close(pair[0]);
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (r == 0 && status)
		fprintf(stderr, "atoll: %s: it runs there, but `%s` ended with an error\n", name, to);
	return r;
}

int stream_receive(struct cli *cli, const struct json *words)
{
	AUTO_JSON struct json *held = NULL, *running = NULL, *renamed = NULL;
	char name[NAME_LEN_MAX + 1], line[16], to[NAME_LEN_MAX + 1], *suffix;

	signal(SIGPIPE, SIG_IGN);
	if (take_guest(cli, STDIN_FILENO, true, &held) != 0)
		return 1;
	snprintf(name, sizeof(name), "%s", json_get_string(held, "name", ""));
	if (say(STDOUT_FILENO, "ready") < 0 || strcmp(hear(STDIN_FILENO, line), "go")) {
		fprintf(stderr, "atoll: %s: the other host gave up\n", name);
		return 1; /* atolld takes the guest away when we leave */
	}
	if (cli_call(cli, "restore.go", json_build("name=%s", name), &running) != 0)
		return say(STDOUT_FILENO, "failed"), 1;
	if (say(STDOUT_FILENO, "done") < 0 || strcmp(hear(STDIN_FILENO, line), "gone")) {
		fprintf(stderr, "atoll: %s: it runs, but the other host did not say that it let go of it\n", name);
		return 1;
	}
	suffix = strstr(name, ".incoming");
	if (!suffix)
		return 0;
	snprintf(to, sizeof(to), "%.*s", (int)(suffix - name), name);
	return cli_call(cli, "rename", json_build("name=%s to=%s", name, to), &renamed);
}
