#include "guard.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/ioprio.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "the guard knows x86-64 and AArch64 only"
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the low half of an argument comes first");

/*
 * From 424 on, system calls have the same numbers everywhere. The library with which runtimes make filters knows those
 * up to its own day, and what it does not know no profile can allow. 449 is the last that libseccomp 2.5.4 knows, of
 * 2022.
 */
enum { FIRST_YOUNG = 450, FIRST_UNKNOWN = 471, X32_BIT = 0x40000000 };

/* More than the fixed part and one instruction for each young call need. */
enum { LENGTH_MAX = 128 };

struct guard {
    struct sock_filter code[LENGTH_MAX];
    unsigned short length;
};

static void add(struct guard *guard, struct sock_filter instruction) {
    guard->code[guard->length++] = instruction;
}

static void load(struct guard *guard, size_t offset) {
    add(guard, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset));
}

/* The kernel takes the low half of a pid for the whole, so the filter looks at no more. */
static void load_low(struct guard *guard, size_t argument) {
    load(guard, offsetof(struct seccomp_data, args) + argument * sizeof(__u64));
}

static void load_high(struct guard *guard, size_t argument) {
    load(guard, offsetof(struct seccomp_data, args) + argument * sizeof(__u64) + sizeof(__u32));
}

static void answer(struct guard *guard, unsigned result) {
    add(guard, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, result));
}

static void refuse(struct guard *guard, int error) {
    answer(guard, SECCOMP_RET_ERRNO | (unsigned)error);
}

/* Goes on with the next `count` instructions only if what was loaded is `value`. */
static void when_equal(struct guard *guard, unsigned value, unsigned char count) {
    add(guard, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count));
}

static void when_at_least(struct guard *guard, unsigned value, unsigned char count) {
    add(guard, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, value, 0, count));
}

/* A call whose first argument is the process. */
static void keep_from_first(struct guard *guard, long call) {
    when_equal(guard, (unsigned)call, 4);
    load_low(guard, 0);
    when_equal(guard, 1, 1);
    refuse(guard, EPERM);
    answer(guard, SECCOMP_RET_ALLOW);
}

/*
 * A call that names a process, a group of them, or all of a user's, as its first argument says. PID 1 has a group of
 * its own with its own number, which nobody else can enter; it has the program's user.
 */
static void keep_from_first_of(struct guard *guard, long call, unsigned user) {
    when_equal(guard, (unsigned)call, 6);
    load_low(guard, 0);
    /* To the refusal. */
    add(guard, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, user, 2, 0));
    load_low(guard, 1);
    when_equal(guard, 1, 1);
    refuse(guard, EPERM);
    answer(guard, SECCOMP_RET_ALLOW);
}

/* prlimit64: what the limits are may be asked, of PID 1 too; a third argument sets them. */
static void keep_limits_of_first(struct guard *guard) {
    when_equal(guard, SYS_prlimit64, 8);
    load_low(guard, 0);
    when_equal(guard, 1, 5);
    load_low(guard, 2);
    /* To the refusal, where there is something to set. */
    add(guard, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2));
    load_high(guard, 2);
    add(guard, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0));
    refuse(guard, EPERM);
    answer(guard, SECCOMP_RET_ALLOW);
}

/*
 * Whether the container's filter refuses a call. The arguments are ones that no call does anything with; those of the
 * young calls that are refused to everybody without privileges read as not there as well, which comes to the same.
 */
static bool is_refused(long call) {
    return syscall(call, -1L, -1L, -1L, -1L, -1L, -1L) == -1 && errno == EPERM;
}

bool guard_install(void) {
    struct guard guard = {.length = 0};

    /* Other entrances have other numbers; whether they are open is for the container's filter to say. */
    load(&guard, offsetof(struct seccomp_data, arch));
    add(&guard, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0));
    answer(&guard, SECCOMP_RET_ALLOW);
    load(&guard, offsetof(struct seccomp_data, nr));
    when_at_least(&guard, X32_BIT, 1);
    answer(&guard, SECCOMP_RET_ALLOW);

    /* Programs try the new call first, and fall back on the old one at this word only. */
    when_at_least(&guard, FIRST_UNKNOWN, 1);
    refuse(&guard, ENOSYS);
    for (long call = FIRST_YOUNG; call < FIRST_UNKNOWN; call++) {
        if (is_refused(call)) {
            when_equal(&guard, (unsigned)call, 1);
            refuse(&guard, ENOSYS);
        }
    }

    keep_from_first(&guard, SYS_sched_setscheduler);
    keep_from_first(&guard, SYS_sched_setparam);
    keep_from_first(&guard, SYS_sched_setattr);
    keep_from_first(&guard, SYS_sched_setaffinity);
    keep_limits_of_first(&guard);
    keep_from_first_of(&guard, SYS_setpriority, PRIO_USER);
    keep_from_first_of(&guard, SYS_ioprio_set, IOPRIO_WHO_USER);
    answer(&guard, SECCOMP_RET_ALLOW);

    const struct sock_fprog program = {.len = guard.length, .filter = guard.code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return false;
    }
    /* Without the flag some kernels slow the processor down in every process with a filter. What the container's own
     * asks for stays as it is. Kernels before 4.17 do not know it. */
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program) == 0 ||
           (errno == EINVAL && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
}
