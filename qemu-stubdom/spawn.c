// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Starting QEMU. It runs as a user without rights: what it may open are Xen's devices, whose hypercalls the hypervisor allows for
 * its own guest only, the guest's disks and the serial line. It cannot gain rights, and the system calls by which processes
 * have gained them elsewhere are refused. There is no other program that it could start.
 */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#define DISK_WAIT_MS 10000
#define DISK_POLL_MS 20
#define FILES_MAX 256

static int give(const char *path)
{
	return chown(path, QEMU_UID, QEMU_UID) < 0 ? -errno : 0;
}

static int give_disk(const char *vdev)
{
	uint64_t deadline = now_ms() + DISK_WAIT_MS;
	struct stat st;
	char path[32];

	snprintf(path, sizeof(path), "/dev/%s", vdev);
	while (stat(path, &st) < 0 || !S_ISBLK(st.st_mode)) {
		if (now_ms() > deadline)
			return -ENODEV;
		nanosleep(&(struct timespec){.tv_nsec = DISK_POLL_MS * 1000000L}, NULL);
	}
	return give(path);
}

int spawn_prepare(const struct machine *m, char *why, size_t size)
{
	static const char *const devices[] = {"/dev/xen/privcmd", "/dev/xen/hypercall", "/dev/xen/evtchn", "/dev/xen/gntdev",
					      "/dev/xen/gntalloc", "/dev/xen/xenbus", QEMU_SERIAL};
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		r = give(devices[i]);
		if (r < 0 && r != -ENOENT) /* QEMU says itself what it misses */
			return snprintf(why, size, "%s: %s", devices[i], strerror(-r)), r;
	}
	for (unsigned i = 0; i < m->disk_count; i++) {
		r = give_disk(m->disks[i].vdev);
		if (r < 0)
			return snprintf(why, size, "disk %s: %s", m->disks[i].vdev, strerror(-r)), r;
	}
	return 0;
}

int spawn_tap(const char *name)
{
	AUTO_CLOSE int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};

	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return ioctl(fd, TUNSETIFF, &ifr) < 0 ? -errno : TAKE_FD(fd);
}

/* --- in the child --- */

#define REFUSE(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
		     BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

/* A list of what is refused, since libraries use what they like of the rest; being no root refuses most of these as well. */
static int confine(void)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), /* x32 */
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		REFUSE(fork), REFUSE(vfork), REFUSE(ptrace), REFUSE(process_vm_readv), REFUSE(process_vm_writev),
		REFUSE(mount), REFUSE(umount2), REFUSE(pivot_root), REFUSE(chroot), REFUSE(unshare), REFUSE(setns),
		REFUSE(init_module), REFUSE(finit_module), REFUSE(delete_module), REFUSE(kexec_load), REFUSE(reboot),
		REFUSE(bpf), REFUSE(perf_event_open), REFUSE(userfaultfd), REFUSE(add_key), REFUSE(keyctl), REFUSE(request_key),
		REFUSE(io_uring_setup), REFUSE(setuid), REFUSE(setgid), REFUSE(setreuid), REFUSE(setregid), REFUSE(setresuid),
		REFUSE(setresgid), REFUSE(setgroups), REFUSE(personality), REFUSE(swapon), REFUSE(swapoff), REFUSE(acct),
		REFUSE(open_by_handle_at), REFUSE(iopl), REFUSE(ioperm), REFUSE(modify_ldt),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = ARRAY_SIZE(code), .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}

static int drop_rights(void)
{
	const struct rlimit no_core = {0, 0}, files = {FILES_MAX, FILES_MAX};

	if (setrlimit(RLIMIT_CORE, &no_core) < 0 || setrlimit(RLIMIT_NOFILE, &files) < 0)
		return -errno;
	if (setgroups(0, NULL) < 0 || setresgid(QEMU_UID, QEMU_UID, QEMU_UID) < 0 || setresuid(QEMU_UID, QEMU_UID, QEMU_UID) < 0)
		return -errno;
	return confine();
}

static void run(const struct arguments *a, const int *fds, unsigned count)
{
	char *const environment[] = {"PATH=/bin", NULL};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL); /* ours are blocked for the loop */
	for (unsigned i = 0; i < count; i++)
		fcntl(fds[i], F_SETFD, 0);
	if (drop_rights() == 0)
		execve(a->list[0], a->list, environment);
	dprintf(STDERR_FILENO, "%s: %s\n", a->list[0], strerror(errno));
	_exit(127);
}

int spawn_qemu(const struct arguments *a, const int *fds, unsigned count)
{
	pid_t pid = fork();
	int fd;

	if (pid == 0)
		run(a, fds, count);
	fd = pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	return fd < 0 ? -errno : fd;
}
