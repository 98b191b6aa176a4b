/*
 * Tries system calls by number, each in a child of its own, and prints one line for each: its name, a tab, and what
 * came of it: "ok", "errno N", "signal N" (a filter killed it) or "hangs".
 *
 * Every attempt is harmless wherever it gets through, also for root with all capabilities and no filter: where it can,
 * it brings arguments that the kernel refuses with something else than EPERM, so that the two can be told apart.
 *
 * "control" leaves out what makes an unfiltered kernel load modules: protocol families that nobody uses, and x32.
 *
 * Static, without anything of the image it runs in. Usage: syscalls denied|control|escapes|words|allowed|limits
 *
 * "limits" lowers each limit of a process by one, by every way there is.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* From 424 on, numbers are the same on every architecture; headers may be older than the kernel. */
enum {
    NR_PIDFD_SEND_SIGNAL = 424,
    NR_IO_URING_SETUP = 425,
    NR_IO_URING_ENTER = 426,
    NR_IO_URING_REGISTER = 427,
    NR_OPEN_TREE = 428,
    NR_MOVE_MOUNT = 429,
    NR_FSOPEN = 430,
    NR_FSCONFIG = 431,
    NR_FSMOUNT = 432,
    NR_FSPICK = 433,
    NR_PIDFD_OPEN = 434,
    NR_CLONE3 = 435,
    NR_CLOSE_RANGE = 436,
    NR_OPENAT2 = 437,
    NR_PIDFD_GETFD = 438,
    NR_PROCESS_MADVISE = 440,
    NR_MOUNT_SETATTR = 442,
    NR_QUOTACTL_FD = 443,
    NR_MEMFD_SECRET = 447,
    NR_PROCESS_MRELEASE = 448,
    NR_CACHESTAT = 451,
    NR_STATMOUNT = 457,
    NR_LISTMOUNT = 458,
    NR_LSM_GET_SELF_ATTR = 459,
    NR_LSM_SET_SELF_ATTR = 460,
    NR_LSM_LIST_MODULES = 461,
    NR_OPEN_TREE_ATTR = 467,
    NR_X32_BIT = 0x40000000,
};

/* An exit status that no errno has. */
enum { STATUS_OK = 0, STATUS_LIMIT = 255, DEADLINE_S = 3 };

static char memory[1 << 16];

typedef long attempt(const long *arguments);

static void report(const char *name, attempt *try, const long *arguments) {
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) {
        perror("fork");
        exit(1);
    }
    if (child == 0) {
        alarm(DEADLINE_S);
        long result = try(arguments);
        _exit(result == -1 ? (errno < STATUS_LIMIT ? errno : STATUS_LIMIT) : STATUS_OK);
    }
    int status;
    if (waitpid(child, &status, 0) != child) {
        perror("waitpid");
        exit(1);
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        printf("%s\thangs\n", name);
    else if (WIFSIGNALED(status))
        printf("%s\tsignal %d\n", name, WTERMSIG(status));
    else if (WEXITSTATUS(status) == STATUS_OK)
        printf("%s\tok\n", name);
    else
        printf("%s\terrno %d\n", name, WEXITSTATUS(status));
}

static long native(const long *a) {
    return syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
}

static void call(const char *name, long number, long a, long b, long c, long d, long e) {
    report(name, native, (const long[]){number, a, b, c, d, e, 0});
}

/* A child made by clone comes back here with 0, like its parent with a pid: both leave at once. */
static void spaces(const char *name, unsigned long flag) {
    char text[64];
    snprintf(text, sizeof text, "clone(%s)", name);
    call(text, SYS_clone, (long)(flag | SIGCHLD), 0, 0, 0, 0);
    snprintf(text, sizeof text, "unshare(%s)", name);
    call(text, SYS_unshare, (long)flag, 0, 0, 0, 0);
}

static void socket_of(const char *name, long family, long type, long protocol) {
    char text[64];
    snprintf(text, sizeof text, "socket(%s)", name);
    call(text, SYS_socket, family, type, protocol, 0, 0);
}

static void try_namespaces(void) {
    spaces("NEWNS", CLONE_NEWNS);
    spaces("NEWCGROUP", CLONE_NEWCGROUP);
    spaces("NEWUTS", CLONE_NEWUTS);
    spaces("NEWIPC", CLONE_NEWIPC);
    spaces("NEWUSER", CLONE_NEWUSER);
    spaces("NEWPID", CLONE_NEWPID);
    spaces("NEWNET", CLONE_NEWNET);
    call("unshare(NEWTIME)", SYS_unshare, 0x80, 0, 0, 0, 0);
    call("unshare(FILES)", SYS_unshare, CLONE_FILES, 0, 0, 0, 0);
    call("clone3", NR_CLONE3, (long)memory, 0, 0, 0, 0);
    call("setns", SYS_setns, -1, 0, 0, 0, 0);
    call("sethostname", SYS_sethostname, (long)memory, 65536, 0, 0, 0);
    call("setdomainname", SYS_setdomainname, (long)memory, 65536, 0, 0, 0);
}

static void try_mounts(void) {
    long nowhere = (long)"/nonexistent";
    call("mount", SYS_mount, nowhere, nowhere, 0, 0, 0);
    call("umount2", SYS_umount2, nowhere, 0, 0, 0, 0);
    call("pivot_root", SYS_pivot_root, nowhere, nowhere, 0, 0, 0);
    call("chroot", SYS_chroot, nowhere, 0, 0, 0, 0);
    call("open_tree", NR_OPEN_TREE, -1, nowhere, 0, 0, 0);
    call("open_tree_attr", NR_OPEN_TREE_ATTR, -1, nowhere, 0, 0, 0);
    call("move_mount", NR_MOVE_MOUNT, -1, nowhere, -1, nowhere, 0);
    call("fsopen", NR_FSOPEN, nowhere, 0, 0, 0, 0);
    call("fsconfig", NR_FSCONFIG, -1, 0, 0, 0, 0);
    call("fsmount", NR_FSMOUNT, -1, 0, 0, 0, 0);
    call("fspick", NR_FSPICK, -1, nowhere, 0, 0, 0);
    call("mount_setattr", NR_MOUNT_SETATTR, -1, nowhere, 0, (long)memory, 32);
    call("statmount", NR_STATMOUNT, 0, 0, 0, 0, 0);
    call("listmount", NR_LISTMOUNT, 0, 0, 0, 0, 0);
    call("swapon", SYS_swapon, nowhere, 0, 0, 0, 0);
    call("swapoff", SYS_swapoff, nowhere, 0, 0, 0, 0);
    call("quotactl", SYS_quotactl, -1, nowhere, 0, 0, 0);
    call("quotactl_fd", NR_QUOTACTL_FD, -1, 0, 0, 0, 0);
    call("acct", SYS_acct, nowhere, 0, 0, 0, 0);
    call("mknodat(device)", SYS_mknodat, AT_FDCWD, (long)"/nonexistent/d", S_IFCHR | 0600, (long)makedev(1, 3), 0);
    call("mknodat(whiteout)", SYS_mknodat, AT_FDCWD, (long)"/nonexistent/w", S_IFCHR, 0, 0);
    call("mknodat(block)", SYS_mknodat, AT_FDCWD, (long)"/nonexistent/b", S_IFBLK | 0600, (long)makedev(8, 0), 0);
    call("name_to_handle_at", SYS_name_to_handle_at, AT_FDCWD, nowhere, (long)memory, (long)memory, 0);
    call("open_by_handle_at", SYS_open_by_handle_at, -1, (long)memory, 0, 0, 0);
    call("fanotify_init", SYS_fanotify_init, -1, 0, 0, 0, 0);
    call("fanotify_mark", SYS_fanotify_mark, -1, 0, 0, -1, 0);
    call("cachestat", NR_CACHESTAT, -1, 0, 0, 0, 0);
}

static void try_processes(void) {
    long self = getpid();
    call("ptrace(TRACEME)", SYS_ptrace, 0, 0, 0, 0, 0);
    call("ptrace(ATTACH)", SYS_ptrace, 16, 0x7fffffff, 0, 0, 0);
    call("ptrace(SEIZE)", SYS_ptrace, 0x4206, 0x7fffffff, 0, 0, 0);
    call("process_vm_readv", SYS_process_vm_readv, self, 0, 0, 0, 0);
    call("process_vm_writev", SYS_process_vm_writev, self, 0, 0, 0, 0);
    call("process_madvise", NR_PROCESS_MADVISE, -1, 0, 0, 0, 0);
    call("process_mrelease", NR_PROCESS_MRELEASE, -1, 0, 0, 0, 0);
    call("kcmp", SYS_kcmp, self, self, 99, 0, 0);
    call("pidfd_getfd", NR_PIDFD_GETFD, -1, 0, 0, 0, 0);
    call("get_robust_list", SYS_get_robust_list, 0, (long)memory, (long)(memory + 64), 0, 0);
    call("migrate_pages", SYS_migrate_pages, 0, 0, 0, 0, 0);
    call("move_pages", SYS_move_pages, 0, 0, 0, 0, 0);
    call("mbind", SYS_mbind, 1, 0, 0, 0, 0);
    call("set_mempolicy", SYS_set_mempolicy, 99, 0, 0, 0, 0);
    call("get_mempolicy", SYS_get_mempolicy, 0, 0, 0, 0, 99);
    call("personality(ADDR_NO_RANDOMIZE)", SYS_personality, 0x0040000, 0, 0, 0, 0);
    call("personality(READ_IMPLIES_EXEC)", SYS_personality, 0x0400000, 0, 0, 0, 0);
    call("personality(UNAME26)", SYS_personality, 0x0020000, 0, 0, 0, 0);
    call("personality(PER_LINUX32)", SYS_personality, 8, 0, 0, 0, 0);
    call("personality(high bits)", SYS_personality, (long)(1UL << 32 | 0x0040000), 0, 0, 0, 0);
}

static void try_kernel(void) {
    long nowhere = (long)"/nonexistent";
    call("keyctl", SYS_keyctl, 9999, 0, 0, 0, 0);
    call("add_key", SYS_add_key, 0, 0, 0, 0, 0);
    call("request_key", SYS_request_key, 0, 0, 0, 0, 0);
    call("bpf", SYS_bpf, 9999, (long)memory, 128, 0, 0);
    call("perf_event_open", SYS_perf_event_open, 0, 0, -1, -1, 0);
    call("userfaultfd", SYS_userfaultfd, -1, 0, 0, 0, 0);
    call("io_uring_setup", NR_IO_URING_SETUP, 0, 0, 0, 0, 0);
    call("io_uring_enter", NR_IO_URING_ENTER, -1, 0, 0, 0, 0);
    call("io_uring_register", NR_IO_URING_REGISTER, -1, 0, 0, 0, 0);
    call("io_setup", SYS_io_setup, 0, 0, 0, 0, 0);
    call("memfd_secret", NR_MEMFD_SECRET, -1, 0, 0, 0, 0);
    call("vmsplice", SYS_vmsplice, -1, 0, 0, 0, 0);
    call("remap_file_pages", SYS_remap_file_pages, 1, 0, 0, 0, 0);
    call("init_module", SYS_init_module, 0, 0, 0, 0, 0);
    call("finit_module", SYS_finit_module, -1, nowhere, 0, 0, 0);
    call("delete_module", SYS_delete_module, nowhere, 0, 0, 0, 0);
    call("kexec_load", SYS_kexec_load, 0, 9999, 0, -1, 0);
    call("reboot", SYS_reboot, 0, 0, 0, 0, 0);
    call("syslog", SYS_syslog, 99, 0, 0, 0, 0);
    call("lookup_dcookie", SYS_lookup_dcookie, 0, 0, 0, 0, 0);
    call("vhangup in a session of its own", SYS_vhangup, 0, 0, 0, 0, 0);
    call("settimeofday", SYS_settimeofday, 1, 0, 0, 0, 0);
    call("clock_settime", SYS_clock_settime, 0, 1, 0, 0, 0);
    call("adjtimex", SYS_adjtimex, 1, 0, 0, 0, 0);
    call("clock_adjtime", SYS_clock_adjtime, 0, 1, 0, 0, 0);
    call("lsm_get_self_attr", NR_LSM_GET_SELF_ATTR, 0, 0, 0, 0, 0);
    call("lsm_set_self_attr", NR_LSM_SET_SELF_ATTR, 0, 0, 0, 0, 0);
    call("lsm_list_modules", NR_LSM_LIST_MODULES, 0, 0, 0, 0, 0);
#ifdef __x86_64__
    call("kexec_file_load", SYS_kexec_file_load, -1, -1, 0, 0, -1);
    call("ioperm", SYS_ioperm, -1, 1, 1, 0, 0);
    call("iopl", SYS_iopl, 99, 0, 0, 0, 0);
    call("modify_ldt", SYS_modify_ldt, 0, 0, 0, 0, 0);
    call("uselib", SYS_uselib, nowhere, 0, 0, 0, 0);
    call("ustat", SYS_ustat, -1, (long)memory, 0, 0, 0);
    call("sysfs", SYS_sysfs, 3, 0, 0, 0, 0);
#endif
}

enum { UNIX = 1, INET = 2, INET6 = 10, NETLINK = 16, FAMILIES = 64 };
enum { STREAM = 1, DGRAM = 2, RAW = 3, SEQPACKET = 5, PACKET = 10 };

static void try_sockets(void) {
    socket_of("AF_PACKET, all protocols", 17, RAW, 0x0300);
    socket_of("AF_INET, raw", INET, RAW, 255);
    socket_of("AF_INET, raw ICMP", INET, RAW, 1);
    socket_of("AF_INET, raw, close on exec", INET, RAW | SOCK_CLOEXEC, 1);
    socket_of("AF_INET, SOCK_PACKET", INET, PACKET, 0x0300);
    socket_of("AF_INET, ICMP datagrams", INET, DGRAM, 1);
    socket_of("AF_INET6, raw", INET6, RAW, 58);
    socket_of("AF_INET6, ICMP datagrams", INET6, DGRAM, 58);
}

static void word(const char *name, long number, const long *socket) {
    int made[2] = {-1, -1};
    const long result = syscall(number, socket[0], socket[1], socket[2], made);
    const int error = errno;
    printf("%s %ld %ld %ld\t", name, socket[0], socket[1], socket[2]);
    if (result < 0) {
        printf("errno %d\n", error);
        return;
    }
    puts("ok");
    close(number == SYS_socket ? (int)result : made[0]);
    close(made[1]);
}

/* Every kind that there is or could be, each by its numbers: family, type, protocol. Too many for a child each. */
static void try_words(void) {
    static const long protocols[] = {0,  1,  2,  3,  4,  5,  6,   7,   9,   12,  15, 16,
                                     17, 18, 20, 31, 33, 58, 115, 132, 136, 255, 262};
    for (long family = 0; family < 72; family++) {
        for (long type = 0; type <= PACKET; type++) {
            for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
                const long socket[] = {family, type, protocols[i]};
                word("socket", SYS_socket, socket);
                word("socketpair", SYS_socketpair, socket);
            }
        }
    }
}

static void try_rare_sockets(void) {
    char text[64];
    for (long family = 0; family < FAMILIES; family++) {
        if (family == UNIX || family == INET || family == INET6 || family == NETLINK)
            continue;
        for (long type = STREAM; type <= SEQPACKET; type++) {
            snprintf(text, sizeof text, "family %ld, type %ld", family, type);
            socket_of(text, family, type, 0);
        }
    }
    socket_of("AF_ALG", 38, SEQPACKET, 0);
    socket_of("AF_ALG, high bits", (long)(1UL << 32 | 38), SEQPACKET, 0);
    socket_of("AF_VSOCK, high bits", (long)(1UL << 32 | 40), STREAM, 0);
    socket_of("AF_INET, SCTP", INET, STREAM, 132);
    socket_of("AF_INET, MPTCP", INET, STREAM, 262);
    socket_of("AF_INET, L2TP", INET, DGRAM, 115);
    socket_of("AF_INET, UDP-Lite", INET, DGRAM, 136);
    /* NETLINK_SOCK_DIAG, XFRM, AUDIT, FIB_LOOKUP, NETFILTER, KOBJECT_UEVENT, GENERIC, CRYPTO */
    static const long buses[] = {4, 6, 9, 10, 12, 15, 16, 21};
    for (size_t i = 0; i < sizeof buses / sizeof *buses; i++) {
        snprintf(text, sizeof text, "AF_NETLINK, bus %ld", buses[i]);
        socket_of(text, NETLINK, RAW, buses[i]);
    }
    call("socketpair(AF_TIPC)", SYS_socketpair, 30, STREAM, 0, (long)memory, 0);
}

#ifdef __x86_64__
/* The i386 entrance: other numbers, other arguments, and a socketcall that hides them in memory. */
static long by_int80(const long *a) {
    long result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(a[0]), "b"(a[1]), "c"(a[2]), "d"(a[3]), "S"(a[4]), "D"(a[5])
                     : "memory", "r8", "r9", "r10", "r11");
    if (result >= 0 || result < -4095)
        return result;
    errno = (int)-result;
    return -1;
}

static void int80(const char *name, long number, long a, long b, long c) {
    char text[64];
    snprintf(text, sizeof text, "int80 %s", name);
    report(text, by_int80, (const long[]){number, a, b, c, 0, 0});
}

static void try_int80(void) {
    /* Pointers of the i386 entrance have 32 bits. */
    unsigned *low = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (low == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    low[0] = INET;
    low[1] = RAW;
    low[2] = 1;
    int80("getpid", 20, 0, 0, 0);
    int80("socketcall(socket, raw)", 102, 1, (long)low, 0);
    int80("socket(raw)", 359, INET, RAW, 1);
    int80("socket(AF_UNIX)", 359, 1, 1, 0);
    int80("ptrace(TRACEME)", 26, 0, 0, 0);
    int80("unshare(FILES)", 310, CLONE_FILES, 0, 0);
    int80("keyctl", 288, 9999, 0, 0);
    int80("bpf", 357, 9999, 0, 0);
    int80("personality(ADDR_NO_RANDOMIZE)", 136, 0x0040000, 0, 0);
}

static void try_x32(void) {
    /* Each number there is: 512 to 547 are the ones that only x32 has. */
    for (long number = 0; number < 548; number++) {
        char text[32];
        snprintf(text, sizeof text, "x32 %ld", number);
        call(text, NR_X32_BIT | number, -1, -1, -1, -1, -1);
    }
}
#else
static void try_int80(void) {}
static void try_x32(void) {}
#endif

/* What an unfiltered kernel may be asked as well. */
static void try_control(void) {
    try_namespaces();
    try_mounts();
    try_processes();
    try_kernel();
    try_sockets();
    try_int80();
}

/* The tenth of "denied" that a hostile program would begin with; for runs in a sandbox with half a processor. */
static void try_escapes(void) {
    try_control();
    socket_of("AF_ALG", 38, SEQPACKET, 0);
    socket_of("AF_VSOCK", 40, STREAM, 0);
    socket_of("AF_KEY", 15, RAW, 2);
    socket_of("AF_XDP", 44, RAW, 0);
    socket_of("AF_BLUETOOTH", 31, SEQPACKET, 0);
    socket_of("AF_NETLINK, NETFILTER", NETLINK, RAW, 12);
#ifdef __x86_64__
    call("x32 getpid", NR_X32_BIT | 39, 0, 0, 0, 0, 0);
    call("x32 socket(AF_ALG)", NR_X32_BIT | 41, 38, SEQPACKET, 0, 0, 0);
    call("x32 unshare(FILES)", NR_X32_BIT | 272, CLONE_FILES, 0, 0, 0, 0);
    call("x32 ptrace(TRACEME)", NR_X32_BIT | 521, 0, 0, 0, 0, 0);
#endif
}

static void try_denied(void) {
    try_control();
    try_rare_sockets();
    try_x32();
}

/*
 * Sets a soft limit of the caller to one below what it is, by the old call or the new, as glibc never would.
 * 0 when it took effect, EALREADY when the call succeeded and did nothing.
 */
static long lower_limit(const long *a) {
    struct rlimit before, after;
    if (getrlimit((int)(a[1] & 0xffff), &before) != 0)
        return -1;
    struct rlimit lower = {before.rlim_cur - 1, before.rlim_max};
    const long done =
        a[0] == SYS_setrlimit ? syscall(SYS_setrlimit, a[1], &lower) : syscall(SYS_prlimit64, 0, a[1], &lower, &after);
    if (done != 0 || getrlimit((int)(a[1] & 0xffff), &after) != 0)
        return -1;
    if (after.rlim_cur == lower.rlim_cur)
        return 0;
    errno = EALREADY;
    return -1;
}

static void try_limits(void) {
    for (long limit = 0; limit < RLIM_NLIMITS; limit++) {
        char text[64];
        snprintf(text, sizeof text, "setrlimit(%ld)", limit);
        report(text, lower_limit, (const long[]){SYS_setrlimit, limit});
        snprintf(text, sizeof text, "prlimit64(%ld)", limit);
        report(text, lower_limit, (const long[]){SYS_prlimit64, limit});
        snprintf(text, sizeof text, "setrlimit(%ld, high bits)", limit);
        report(text, lower_limit, (const long[]){SYS_setrlimit, (long)(1UL << 32 | (unsigned long)limit)});
        snprintf(text, sizeof text, "prlimit64(%ld, high bits)", limit);
        report(text, lower_limit, (const long[]){SYS_prlimit64, (long)(1UL << 32 | (unsigned long)limit)});
    }
}

/* What a strict filter breaks most easily, in what a program without an interpreter can do. */
static void try_allowed(void) {
    call("personality(query)", SYS_personality, 0xffffffff, 0, 0, 0, 0);
    call("personality(PER_LINUX)", SYS_personality, 0, 0, 0, 0, 0);
    call("clone as fork", SYS_clone, SIGCHLD, 0, 0, 0, 0);
    call("memfd_create", SYS_memfd_create, (long)"m", 0, 0, 0, 0);
    call("mlock", SYS_mlock, (long)memory, 4096, 0, 0, 0);
    call("munlockall", SYS_munlockall, 0, 0, 0, 0, 0);
    call("inotify_init1", SYS_inotify_init1, 0, 0, 0, 0, 0);
    call("eventfd2", SYS_eventfd2, 0, 0, 0, 0, 0);
    call("epoll_create1", SYS_epoll_create1, 0, 0, 0, 0, 0);
    call("timerfd_create", SYS_timerfd_create, 1, 0, 0, 0, 0);
    call("shmget", SYS_shmget, 0, 4096, 01600, 0, 0);
    call("semget", SYS_semget, 0, 1, 01600, 0, 0);
    call("prlimit64(self)", SYS_prlimit64, 0, 7, 0, (long)memory, 0);
    call("pidfd_open", NR_PIDFD_OPEN, getpid(), 0, 0, 0, 0);
    call("close_range", NR_CLOSE_RANGE, 1000, 2000, 0, 0, 0);
    call("mknodat(fifo)", SYS_mknodat, AT_FDCWD, (long)"/tmp/probe-fifo", S_IFIFO | 0600, 0, 0);
    call("mknodat(file)", SYS_mknodat, AT_FDCWD, (long)"/tmp/probe-file", S_IFREG | 0600, 0, 0);
    call("prctl(no dumps)", SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
    call("sync", SYS_sync, 0, 0, 0, 0, 0);
    call("syncfs", SYS_syncfs, 0, 0, 0, 0, 0);
    socket_of("AF_UNIX", 1, 1, 0);
    call("socketpair(AF_UNIX)", SYS_socketpair, 1, 1, 0, (long)memory, 0);
    socket_of("AF_INET, TCP", 2, 1, 6);
    socket_of("AF_INET, stream, close on exec, not blocking", 2, 1 | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socket_of("AF_INET, UDP", 2, 2, 17);
    socket_of("AF_INET6, stream", 10, 1, 0);
    socket_of("AF_INET6, datagrams", 10, 2, 0);
    socket_of("AF_NETLINK, route", 16, 3, 0);
}

int main(int argc, char **argv) {
    /* The session of its own keeps vhangup away from every terminal. */
    if (getpid() != getsid(0))
        setsid();
    if (argc == 2 && strcmp(argv[1], "denied") == 0)
        try_denied();
    else if (argc == 2 && strcmp(argv[1], "control") == 0)
        try_control();
    else if (argc == 2 && strcmp(argv[1], "allowed") == 0)
        try_allowed();
    else if (argc == 2 && strcmp(argv[1], "escapes") == 0)
        try_escapes();
    else if (argc == 2 && strcmp(argv[1], "words") == 0)
        try_words();
    else if (argc == 2 && strcmp(argv[1], "limits") == 0)
        try_limits();
    else
        return 2;
    puts("end\tok");
    return 0;
}
