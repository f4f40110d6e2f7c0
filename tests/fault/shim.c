// Does to a program what kills, full disks, broken disks and wandering clocks do, at a moment of one's choosing.
//
// Loaded by LD_PRELOAD. A seccomp filter traps every system call that changes a file (SIGSYS), whoever makes it: the C
// library, Rust's, or a crate with system calls of its own. The handler looks whether it concerns a file below
// FAULT_BELOW, numbers it, does as FAULT_RULE says, notes it in FAULT_LOG, and makes the call itself, from the one place
// which the filter lets pass. Runs of the graph are numbered too, so that a kill can fall into one.
//
//   kill N                  ends the process by SIGKILL in place of call N: after the one before
//   torn N B                lets write N write B bytes of what it was to write, and kills
//   short N                 lets write N write half of what it was to write, which a system may do
//   error N M E OPS         calls N to M of OPS (`fsync,write`, or `any`) fail with errno E
//   room B                  a disk with room for B bytes more
//
// FAULT_CLOCK=N,S sets the clock by S seconds when it is looked at the Nth time; with FAULT_STILL=S it stands still at S
// seconds since 1970; with FAULT_TIMES=S all files seem to have changed then, and never since.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

// The one place from which trapped calls pass: the filter knows the address behind its instruction.
long raw_call(long number, long a, long b, long c, long d, long e, long f);
extern const char raw_call_end[];

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
__asm__(".text\n.type raw_call, @function\nraw_call:\n"
        "mov %rdi, %rax\nmov %rsi, %rdi\nmov %rdx, %rsi\nmov %rcx, %rdx\n"
        "mov %r8, %r10\nmov %r9, %r8\nmov 8(%rsp), %r9\nsyscall\n"
        "raw_call_end:\nret\n");
#define NUMBER(c) (c)->uc_mcontext.gregs[REG_RAX]
#define RESULT(c) (c)->uc_mcontext.gregs[REG_RAX]
static const int REGISTERS[] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};
#define ARGUMENT(c, i) (c)->uc_mcontext.gregs[REGISTERS[i]]
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
__asm__(".text\n.type raw_call, %function\nraw_call:\n"
        "mov x8, x0\nmov x0, x1\nmov x1, x2\nmov x2, x3\nmov x3, x4\nmov x4, x5\nmov x5, x6\nsvc #0\n"
        "raw_call_end:\nret\n");
#define NUMBER(c) (c)->uc_mcontext.regs[8]
#define RESULT(c) (c)->uc_mcontext.regs[0]
#define ARGUMENT(c, i) (c)->uc_mcontext.regs[i]
#else
#error "this shim knows x86-64 and aarch64"
#endif

static char below[PATH_MAX];
static size_t below_length;
static int log_fd = -1;
static char rule[16];
static long first, last, amount;
static char faulty[200];
static long long room = -1;
static long clock_at, clock_by, clock_looks;
static long still = -1, times = -1;
static long counter, matching;
static int busy;

static void die(const char *what) {
    perror(what);
    _exit(99);
}

static void lock(void) {
    while (__atomic_exchange_n(&busy, 1, __ATOMIC_ACQUIRE)) sched_yield();
}

static void unlock(void) { __atomic_store_n(&busy, 0, __ATOMIC_RELEASE); }

static void kill_now(void) {
    raw_call(SYS_kill, getpid(), SIGKILL, 0, 0, 0, 0);
    for (;;) pause();
}

static int is(const char *name) { return strcmp(rule, name) == 0; }

// One line: number, operation, result, path, second path.
static void note(long number, const char *op, long result, const char *path, const char *other) {
    char line[2 * PATH_MAX + 100];
    int length = snprintf(line, sizeof line, "%ld\t%s\t%ld\t%s\t%s\n", number, op, result, path, other);
    raw_call(SYS_write, log_fd, (long)line, length, 0, 0, 0);
}

static int is_below(const char *path) {
    return strncmp(path, below, below_length) == 0 && (path[below_length] == '/' || path[below_length] == 0);
}

// Where a descriptor points; false if that is no file below the folder.
static int path_of_fd(long fd, char *path) {
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%ld", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return length > 0 && is_below(path);
}

// The program is given absolute paths, so a relative one is not below the folder.
static int path_of(const char *name, char *path) {
    snprintf(path, PATH_MAX, "%s", name ? name : "");
    return is_below(path);
}

enum kind { OTHER, WRITE, CREATE };

struct call {
    const char *op;
    enum kind kind;
    long number, *argument;
    char path[PATH_MAX], other[PATH_MAX];
};

static long make(struct call *call) {
    long *a = call->argument;
    return raw_call(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

// Writes no more than `most` bytes of what the call was to write.
static long write_some(struct call *call, long most) {
    long *a = call->argument;
    if (call->number == SYS_writev || call->number == SYS_pwritev) {
        struct iovec one = *(struct iovec *)a[1];
        one.iov_len = one.iov_len < (size_t)most ? one.iov_len : (size_t)most;
        return raw_call(call->number, a[0], (long)&one, 1, a[3], a[4], a[5]);
    }
    return raw_call(call->number, a[0], a[1], a[2] < most ? a[2] : most, a[3], a[4], a[5]);
}

static long bytes_of(struct call *call) {
    long *a = call->argument, total = 0;
    if (call->number != SYS_writev && call->number != SYS_pwritev) return a[2];
    for (long i = 0; i < a[2]; i++) total += ((struct iovec *)a[1])[i].iov_len;
    return total;
}

// Whether the rule is to make such a call fail.
static int fails(const char *op) {
    const char *found = strstr(faulty, op);
    return strcmp(faulty, "any") == 0 || (found && strchr(",", found[strlen(op)]) && (found == faulty || found[-1] == ','));
}

static long in_room(struct call *call) {
    if (call->kind == OTHER) return make(call);
    if (room == 0) return -ENOSPC;
    if (call->kind == CREATE) return make(call);
    long written = write_some(call, room < LONG_MAX ? (long)room : LONG_MAX);
    if (written > 0) room -= written;
    return written;
}

// Numbers a call on a file below the folder, and does as the rule says.
static long carry_out(struct call *call) {
    lock();
    long number = ++counter, result;
    if (is("kill") && number == first) kill_now();
    // Whether it is among those that the rule is about, and their turn has come.
    int hit = (is("error") ? fails(call->op) : call->kind == WRITE) && ++matching >= first;
    if (is("torn") && hit) {
        note(number, call->op, write_some(call, last), call->path, "");
        kill_now();
    }
    if (is("short") && hit && matching == first) {
        result = write_some(call, (bytes_of(call) + 1) / 2);
    } else if (is("error") && hit && matching <= last) {
        result = -amount;
    } else if (is("room")) {
        result = in_room(call);
    } else {
        result = make(call);
    }
    note(number, call->op, result, call->path, call->other);
    unlock();
    return result;
}

// Sorts a trapped call by what it does; what is not about the folder just happens.
static long handle(long number, long *a) {
    struct call call = {.number = number, .argument = a, .kind = OTHER};
    int ours = 0;
    switch (number) {
    case SYS_write: case SYS_pwrite64: case SYS_writev: case SYS_pwritev:
        call.op = "write", call.kind = WRITE, ours = path_of_fd(a[0], call.path);
        break;
    case SYS_openat:
        call.op = "create", call.kind = CREATE;
        ours = (a[2] & (O_CREAT | O_TRUNC)) && path_of((char *)a[1], call.path);
        break;
    case SYS_fsync: case SYS_fdatasync:
        call.op = "fsync", ours = path_of_fd(a[0], call.path);
        break;
    case SYS_mkdirat:
        call.op = "mkdir", call.kind = CREATE, ours = path_of((char *)a[1], call.path);
        break;
    case SYS_unlinkat:
        call.op = a[2] & AT_REMOVEDIR ? "rmdir" : "unlink", ours = path_of((char *)a[1], call.path);
        break;
    case SYS_renameat2:
        call.op = "rename", ours = path_of((char *)a[1], call.path) | path_of((char *)a[3], call.other);
        break;
    case SYS_fchmod:
        call.op = "chmod", ours = path_of_fd(a[0], call.path);
        break;
#ifdef __x86_64__
    case SYS_open: case SYS_creat:
        call.op = "create", call.kind = CREATE;
        ours = (number == SYS_creat || (a[1] & (O_CREAT | O_TRUNC))) && path_of((char *)a[0], call.path);
        break;
    case SYS_mkdir:
        call.op = "mkdir", call.kind = CREATE, ours = path_of((char *)a[0], call.path);
        break;
    case SYS_unlink: case SYS_rmdir:
        call.op = number == SYS_rmdir ? "rmdir" : "unlink", ours = path_of((char *)a[0], call.path);
        break;
    case SYS_rename:
        call.op = "rename", ours = path_of((char *)a[0], call.path) | path_of((char *)a[1], call.other);
        break;
    case SYS_link: case SYS_symlink:
        call.op = "link", ours = path_of((char *)a[1], call.path);
        break;
    case SYS_chmod:
        call.op = "chmod", ours = path_of((char *)a[0], call.path);
        break;
#endif
    case SYS_renameat:
        call.op = "rename", ours = path_of((char *)a[1], call.path) | path_of((char *)a[3], call.other);
        break;
    case SYS_linkat: case SYS_symlinkat:
        call.op = "link", ours = path_of((char *)a[number == SYS_linkat ? 3 : 2], call.path);
        break;
    case SYS_fchmodat:
        call.op = "chmod", ours = path_of((char *)a[1], call.path);
        break;
    case SYS_truncate:
        call.op = "truncate", ours = path_of((char *)a[0], call.path);
        break;
    case SYS_ftruncate: case SYS_fallocate:
        call.op = number == SYS_ftruncate ? "truncate" : "allocate", ours = path_of_fd(a[0], call.path);
        break;
    case SYS_sendfile:
        call.op = "copy", ours = path_of_fd(a[0], call.path);
        break;
    case SYS_copy_file_range: case SYS_splice:
        call.op = "copy", ours = path_of_fd(a[2], call.path);
        break;
    }
    if (ours) return carry_out(&call);
    long result = make(&call);
    if (number == SYS_statx && result == 0 && times >= 0) {
        struct statx *found = (struct statx *)a[4];
        found->stx_mtime = found->stx_ctime = (struct statx_timestamp){.tv_sec = times};
    }
    return result;
}

static const int WATCHED[] = {
    SYS_write, SYS_pwrite64, SYS_writev, SYS_pwritev, SYS_openat, SYS_fsync, SYS_fdatasync, SYS_mkdirat, SYS_unlinkat,
    SYS_renameat, SYS_renameat2, SYS_fchmod, SYS_fchmodat, SYS_linkat, SYS_symlinkat, SYS_truncate, SYS_ftruncate,
    SYS_fallocate, SYS_sendfile, SYS_copy_file_range, SYS_splice, SYS_statx,
#ifdef __x86_64__
    SYS_open, SYS_creat, SYS_mkdir, SYS_unlink, SYS_rmdir, SYS_rename, SYS_link, SYS_symlink, SYS_chmod,
#endif
};

static void trapped(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)info;
    ucontext_t *at = context;
    int before = errno;
    long arguments[6];
    for (int i = 0; i < 6; i++) arguments[i] = ARGUMENT(at, i);
    long result = handle(NUMBER(at), arguments);
    RESULT(at) = result;
    errno = before;
}

// Jumps count instructions to leave out.
#define LOAD(at) ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at))
#define IF(value, skip) ((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, skip, 0))
#define UNLESS(value, skip) ((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip))
#define RETURN(what) ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what))

static void watch_calls(void) {
    enum { COUNT = sizeof WATCHED / sizeof *WATCHED };
    uint64_t pass = (uintptr_t)raw_call_end;
    unsigned pointer = offsetof(struct seccomp_data, instruction_pointer);
    struct sock_filter filter[COUNT + 11], *next = filter;
    *next++ = LOAD(offsetof(struct seccomp_data, arch));
    *next++ = UNLESS(ARCH, COUNT + 1);
    *next++ = LOAD(offsetof(struct seccomp_data, nr));
    for (int i = 0; i < COUNT; i++) *next++ = IF(WATCHED[i], COUNT - i);
    *next++ = RETURN(SECCOMP_RET_ALLOW);
    *next++ = LOAD(pointer);
    *next++ = UNLESS((uint32_t)pass, 3);
    *next++ = LOAD(pointer + 4);
    *next++ = UNLESS((uint32_t)(pass >> 32), 1);
    *next++ = RETURN(SECCOMP_RET_ALLOW);
    *next++ = RETURN(SECCOMP_RET_TRAP);
    struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO | SA_NODEFER};
    struct sock_fprog program = {.len = next - filter, .filter = filter};
    if (sigaction(SIGSYS, &action, NULL)) die("fault shim: sigaction");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) die("fault shim: no_new_privs");
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) die("fault shim: seccomp");
}

__attribute__((constructor)) static void start(void) {
    const char *folder = getenv("FAULT_BELOW"), *log = getenv("FAULT_LOG"), *what = getenv("FAULT_RULE");
    const char *clock = getenv("FAULT_CLOCK"), *stop = getenv("FAULT_STILL"), *changed = getenv("FAULT_TIMES");
    if (!folder || !log) return;
    below_length = snprintf(below, sizeof below, "%s", folder);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    // Out of the way of the program's own descriptors.
    log_fd = fcntl(fd, F_DUPFD_CLOEXEC, 200);
    if (log_fd < 0) die("fault shim: log");
    close(fd);
    if (what) {
        sscanf(what, "%15s %ld %ld %ld %199s", rule, &first, &last, &amount, faulty);
        if (is("room")) room = first;
    }
    if (clock) sscanf(clock, "%ld,%ld", &clock_at, &clock_by);
    if (stop) still = atol(stop);
    if (changed) times = atol(changed);
    watch_calls();
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    long result = raw_call(SYS_clock_gettime, clock, (long)time, 0, 0, 0, 0);
    if (result < 0) {
        errno = -result;
        return -1;
    }
    if (clock == CLOCK_REALTIME && clock_by && __atomic_add_fetch(&clock_looks, 1, __ATOMIC_RELAXED) >= clock_at)
        time->tv_sec += clock_by;
    if (clock == CLOCK_REALTIME && still >= 0) *time = (struct timespec){.tv_sec = still};
    return 0;
}

// Runs of the graph: `Run` has been entry 9 of ONNX Runtime's table since its first version.

typedef void *run_function(void *, const void *, const char *const *, const void *const *, size_t, const char *const *,
                           size_t, void **);
static run_function *real_run;

static void count_run(const char *op) {
    lock();
    long number = ++counter;
    if (is("kill") && number == first) kill_now();
    note(number, op, 0, "", "");
    unlock();
}

static void *run(void *session, const void *options, const char *const *inputs, const void *const *values, size_t n,
                 const char *const *outputs, size_t m, void **results) {
    count_run("run");
    void *status = real_run(session, options, inputs, values, n, outputs, m, results);
    count_run("ran");
    return status;
}

void *dlopen(const char *file, int mode) {
    void *(*real)(const char *, int) = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
    void *library = real(file, mode);
    if (!library || !file || log_fd < 0 || !strstr(file, "onnxruntime")) return library;
    struct base { void **(*api)(uint32_t); } *(*base)(void) = (struct base *(*)(void))dlsym(library, "OrtGetApiBase");
    if (!base) return library;
    // The program may load, close and load it again, which makes the table anew.
    void **api = base()->api(1);
    if (api[9] == (void *)run) return library;
    uintptr_t page = sysconf(_SC_PAGESIZE), from = (uintptr_t)(api + 9) / page * page;
    if (mprotect((void *)from, 2 * page, PROT_READ | PROT_WRITE)) die("fault shim: mprotect");
    real_run = (run_function *)api[9];
    api[9] = (void *)run;
    return library;
}
