/*
 * work_counter: a QEMU TCG plugin that counts the instructions of a guest.
 *
 *   -plugin work_counter.so,counts=PATH[,kernel=LOW-HIGH][,idle=LOW-HIGH][,guest_kernel=LOW-HIGH]
 *           [,interval_ms=100][,samples=36000]
 *
 * It counts, per virtual CPU, the instructions of the application and of the kernel (separated by address),
 * and the executions of some privileged instructions (recognised by their bytes). PATH is a mapped file that
 * anyone may read at any time: a header, one block of counters per virtual CPU, and a ring of samples that a
 * thread takes every interval_ms. kernel= and idle= may be given more than once; addresses are hexadecimal and
 * HIGH is inclusive. Without kernel= every instruction is counted as "unclassified".
 *
 * With guest_kernel= the machine is taken for a server that runs guests of its own. VMRUN enters such a guest, and
 * the instruction after VMRUN is the first of the server again: between the two, instructions are the guest's,
 * its kernel's within guest_kernel= and its application's elsewhere. That needs a callback for each translated
 * block, which costs about a third of the speed.
 *
 * The layout of PATH is read by module_utils/unilab/counting/mapped_file.py; change both together.
 *
 * QEMU's packages hold no header of the plugin interface, so the few prototypes stand here (interface facts of
 * docs/devel/tcg-plugins.rst). The interface has versions: 1 (QEMU 4.2 to 8.2) adds to an address that is fixed
 * when a block is translated, so one virtual CPU is counted inline and several are counted by callbacks. From
 * version 3 (QEMU 9.1) scoreboards count each virtual CPU inline. Version 2 (QEMU 9.0 only) is refused by QEMU.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* ---- QEMU's plugin interface ---- */
typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_scoreboard;
typedef struct {
    struct qemu_plugin_scoreboard *score;
    size_t offset;
} qemu_plugin_u64;
typedef struct {
    const char *target_name;
    struct { int min, cur; } version;
    bool system_emulation;
    struct { int smp_vcpus, max_vcpus; } system;
} qemu_info_t;
enum { INLINE_ADD_U64 = 0, CB_NO_REGS = 0 };
typedef void (*executed_cb)(unsigned int vcpu, void *data);

extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
extern void qemu_plugin_register_vcpu_tb_trans_cb(
    qemu_plugin_id_t, void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *));
extern void qemu_plugin_register_vcpu_init_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, unsigned int));
extern void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, void *), void *);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, executed_cb, int, void *);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, executed_cb, int, void *);
/* qemu_plugin_insn_data has one name and two types, by version; the others exist in one version only. */
static void (*tb_inline)(struct qemu_plugin_tb *, int, void *, uint64_t);
static void (*insn_inline)(struct qemu_plugin_insn *, int, void *, uint64_t);
static void (*tb_inline_per_vcpu)(struct qemu_plugin_tb *, int, qemu_plugin_u64, uint64_t);
static void (*insn_inline_per_vcpu)(struct qemu_plugin_insn *, int, qemu_plugin_u64, uint64_t);
static struct qemu_plugin_scoreboard *(*scoreboard_new)(size_t);
static void *(*scoreboard_find)(struct qemu_plugin_scoreboard *, unsigned int);

/* QEMU reads this before it calls qemu_plugin_install; a constructor sets it to a version that QEMU has. */
EXPORT int qemu_plugin_version = 1;

__attribute__((constructor)) static void choose_version(void)
{
    *(void **)&scoreboard_new = dlsym(RTLD_DEFAULT, "qemu_plugin_scoreboard_new");
    qemu_plugin_version = scoreboard_new ? 3 : 1;
}

/* ---- What is counted ---- */
#define COUNTERS(X)                                                                                              \
    X(APPLICATION, "application")                                                                                \
    X(KERNEL, "kernel")                                                                                          \
    X(IDLE, "idle")                 /* instructions in the ranges idle=, not in KERNEL */                        \
    X(UNCLASSIFIED, "unclassified") /* instructions, where no range of the kernel is known */                    \
    X(SYSTEM_CALLS, "system_calls")                                                                              \
    X(SYSTEM_RETURNS, "system_returns")                                                                          \
    X(INTERRUPT_RETURNS, "interrupt_returns")                                                                    \
    X(ADDRESS_SPACE_SWITCHES, "address_space_switches")                                                          \
    X(TLB_INVALIDATIONS, "tlb_invalidations")                                                                    \
    X(HALTS, "halts")                                                                                            \
    X(PORT_IO, "port_io")                                                                                        \
    X(MSR_WRITES, "msr_writes")                                                                                  \
    X(NESTED_ENTRIES, "nested_entries")                                                                          \
    X(GUEST_KERNEL, "guest_kernel") /* with guest_kernel=: of the guest that the machine runs */                 \
    X(GUEST_APPLICATION, "guest_application")
enum counter {
#define X(name, text) name,
    COUNTERS(X)
#undef X
    COUNTER_COUNT
};
#define X(name, text) text " "
static const char counter_names[] = COUNTERS(X);
#undef X

/* ---- The mapped file ---- */
enum { BLOCK_SLOTS = 64, HEADER_BYTES = 4096 };
struct block { /* 512 bytes: virtual CPUs share no cache line */
    uint64_t count[BLOCK_SLOTS];
} __attribute__((aligned(64)));
struct header {
    char magic[8]; /* "UNLWORK1" */
    uint32_t api_version, vcpus, counters, interval_ms, capacity, mode;
    uint64_t pid;
    uint64_t written; /* samples since the start; the newest is in slot (written - 1) % capacity */
    char names[512];  /* names of the counters in their order, each followed by a space */
    char ranges[1536]; /* "kernel=LOW-HIGH idle=LOW-HIGH " as given */
};
struct sample { /* followed by vcpus * counters values */
    int64_t realtime_ns;
    uint64_t monotonic_ns; /* halfway through the reading of the counters */
    uint64_t spread_ns;    /* how long the reading took */
    uint64_t reserved;
    uint64_t count[];
};
enum mode { INLINE_FIXED = 1, CALLBACKS = 2, INLINE_PER_VCPU = 3 };

static struct header *header;
static struct block *blocks;
static char *ring;
static size_t sample_bytes;
static enum mode mode;
static struct qemu_plugin_scoreboard *scoreboard;
static unsigned int vcpus_ready;

/* ---- Recognising instructions ---- */
struct range {
    uint64_t low, high;
};
enum { MAX_RANGES = 8 };
static struct range kernel_ranges[MAX_RANGES], idle_ranges[MAX_RANGES], guest_kernel_ranges[MAX_RANGES];
static int kernel_range_count, idle_range_count, guest_kernel_range_count;

static bool within(const struct range *ranges, int count, uint64_t address)
{
    for (int i = 0; i < count; i++)
        if (address >= ranges[i].low && address <= ranges[i].high)
            return true;
    return false;
}

static enum counter owner_of(uint64_t address)
{
    if (within(idle_ranges, idle_range_count, address))
        return IDLE;
    if (!kernel_range_count)
        return UNCLASSIFIED;
    return within(kernel_ranges, kernel_range_count, address) ? KERNEL : APPLICATION;
}

static bool is_prefix(uint8_t byte)
{
    switch (byte) {
    case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65: case 0x66: case 0x67:
    case 0xf0: case 0xf2: case 0xf3:
        return true;
    default:
        return (byte & 0xf0) == 0x40; /* REX */
    }
}

/* Two-byte opcodes; op points behind 0F. Encodings: AMD64 Architecture Programmer's Manual, volume 3. */
static int kind_of_0f(const uint8_t *op, size_t size)
{
    uint8_t modrm = size > 1 ? op[1] : 0;
    switch (size ? op[0] : 0xff) {
    case 0x05: case 0x34:
        return SYSTEM_CALLS; /* SYSCALL, SYSENTER */
    case 0x07: case 0x35:
        return SYSTEM_RETURNS; /* SYSRET, SYSEXIT */
    case 0x22:
        return (modrm >> 3 & 7) == 3 ? ADDRESS_SPACE_SWITCHES : -1; /* MOV to CR3 */
    case 0x30:
        return MSR_WRITES;
    case 0x38:
        return size > 1 && op[1] == 0x82 ? TLB_INVALIDATIONS : -1; /* INVPCID */
    case 0x01:
        break;
    default:
        return -1;
    }
    if (size < 2)
        return -1;
    switch (modrm) {
    case 0xc9:
        return HALTS; /* MWAIT */
    case 0xd8: case 0xc2: case 0xc3:
        return NESTED_ENTRIES; /* VMRUN, VMLAUNCH, VMRESUME */
    case 0xdf:
        return TLB_INVALIDATIONS; /* INVLPGA */
    }
    return modrm >> 6 != 3 && (modrm >> 3 & 7) == 7 ? TLB_INVALIDATIONS : -1; /* INVLPG */
}

/* The counter of a privileged instruction, -1 for all others. */
static int kind_of(const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (at < size && is_prefix(bytes[at]))
        at++;
    if (at == size)
        return -1;
    uint8_t op = bytes[at];
    if (op == 0x0f)
        return kind_of_0f(bytes + at + 1, size - at - 1);
    if (op == 0xcf)
        return INTERRUPT_RETURNS; /* IRET, IRETQ */
    if (op == 0xf4)
        return HALTS;
    if (op == 0xcd)
        return at + 1 < size && bytes[at + 1] == 0x80 ? SYSTEM_CALLS : -1; /* INT 80h */
    if ((op >= 0xe4 && op <= 0xe7) || (op >= 0xec && op <= 0xef) || (op >= 0x6c && op <= 0x6f))
        return PORT_IO;
    return -1;
}

static size_t bytes_of(const struct qemu_plugin_insn *insn, uint8_t *bytes, size_t room)
{
    static void *insn_data;
    if (!insn_data)
        insn_data = dlsym(RTLD_DEFAULT, "qemu_plugin_insn_data");
    size_t size = qemu_plugin_insn_size(insn);
    if (size > room)
        size = room;
    if (qemu_plugin_version >= 3)
        return ((size_t(*)(const struct qemu_plugin_insn *, void *, size_t))insn_data)(insn, bytes, size);
    memcpy(bytes, ((const void *(*)(const struct qemu_plugin_insn *))insn_data)(insn), size);
    return size;
}

/* ---- Counting ---- */
/* What a callback adds, in its data pointer: the counter in the low byte, the number above it. */
static void executed(unsigned int vcpu, void *data)
{
    uintptr_t what = (uintptr_t)data;
    if (vcpu < header->vcpus)
        blocks[vcpu].count[what & 0xff] += what >> 8;
}

static void *callback_data(enum counter counter, size_t number)
{
    return (void *)((uintptr_t)number << 8 | counter);
}

/*
 * A server with guests. Per virtual CPU: the address after the VMRUN that entered the guest, 0 while the server
 * itself runs. A block's callback has in its data pointer: the address (46 bits are enough to recognise it), the
 * number of instructions, whose counter they raise in a guest, and whose in the server.
 */
enum { ADDRESS_BITS = 46, NUMBER_BITS = 10, COUNTER_BITS = 4, MAX_VCPUS = 256 };
_Static_assert(COUNTER_COUNT <= 1 << COUNTER_BITS, "a counter has COUNTER_BITS");
_Static_assert(ADDRESS_BITS + NUMBER_BITS + 2 * COUNTER_BITS == 64, "they fill a pointer");
static uint64_t resumes_at[MAX_VCPUS];

static uint64_t address_key(uint64_t address)
{
    return address & ((1ull << ADDRESS_BITS) - 1);
}

static void executed_on_server(unsigned int vcpu, void *data)
{
    uint64_t what = (uintptr_t)data;
    if (vcpu >= header->vcpus)
        return;
    if (resumes_at[vcpu] && resumes_at[vcpu] == what >> (64 - ADDRESS_BITS))
        resumes_at[vcpu] = 0;
    int counter = (resumes_at[vcpu] ? what >> COUNTER_BITS : what) & ((1 << COUNTER_BITS) - 1);
    blocks[vcpu].count[counter] += what >> 2 * COUNTER_BITS & ((1 << NUMBER_BITS) - 1);
}

static void entered_guest(unsigned int vcpu, void *data)
{
    if (vcpu >= header->vcpus)
        return;
    blocks[vcpu].count[NESTED_ENTRIES]++;
    resumes_at[vcpu] = (uintptr_t)data;
}

static void count_block_of_server(struct qemu_plugin_tb *tb, size_t number)
{
    uint64_t address = qemu_plugin_tb_vaddr(tb);
    bool in_kernel = within(guest_kernel_ranges, guest_kernel_range_count, address);
    uint64_t what = address_key(address) << NUMBER_BITS | number;
    what = what << COUNTER_BITS | (in_kernel ? GUEST_KERNEL : GUEST_APPLICATION);
    what = what << COUNTER_BITS | owner_of(address);
    qemu_plugin_register_vcpu_tb_exec_cb(tb, executed_on_server, CB_NO_REGS, (void *)(uintptr_t)what);
}

static void count_entry(struct qemu_plugin_insn *insn)
{
    uint64_t after = address_key(qemu_plugin_insn_vaddr(insn) + qemu_plugin_insn_size(insn));
    qemu_plugin_register_vcpu_insn_exec_cb(insn, entered_guest, CB_NO_REGS, (void *)(uintptr_t)after);
}

static void count_block(struct qemu_plugin_tb *tb, enum counter counter, size_t number)
{
    qemu_plugin_u64 entry = {scoreboard, counter * sizeof(uint64_t)};
    if (mode == INLINE_PER_VCPU)
        tb_inline_per_vcpu(tb, INLINE_ADD_U64, entry, number);
    else if (mode == INLINE_FIXED)
        tb_inline(tb, INLINE_ADD_U64, &blocks[0].count[counter], number);
    else
        qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, CB_NO_REGS, callback_data(counter, number));
}

static void count_instruction(struct qemu_plugin_insn *insn, enum counter counter)
{
    qemu_plugin_u64 entry = {scoreboard, counter * sizeof(uint64_t)};
    if (mode == INLINE_PER_VCPU)
        insn_inline_per_vcpu(insn, INLINE_ADD_U64, entry, 1);
    else if (mode == INLINE_FIXED)
        insn_inline(insn, INLINE_ADD_U64, &blocks[0].count[counter], 1);
    else
        qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, CB_NO_REGS, callback_data(counter, 1));
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    size_t number = qemu_plugin_tb_n_insns(tb);
    if (guest_kernel_range_count)
        count_block_of_server(tb, number);
    else
        count_block(tb, owner_of(qemu_plugin_tb_vaddr(tb)), number);
    for (size_t i = 0; i < number; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint8_t bytes[16];
        int kind = kind_of(bytes, bytes_of(insn, bytes, sizeof bytes));
        if (kind == NESTED_ENTRIES && guest_kernel_range_count)
            count_entry(insn);
        else if (kind >= 0)
            count_instruction(insn, kind);
    }
}

/* ---- Sampling ---- */
static int64_t now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void read_counts(uint64_t *into)
{
    for (uint32_t vcpu = 0; vcpu < header->vcpus; vcpu++, into += COUNTER_COUNT) {
        if (mode == INLINE_PER_VCPU) /* the blocks of the file are then copies */
            memcpy(blocks[vcpu].count, scoreboard_find(scoreboard, vcpu), sizeof(uint64_t) * COUNTER_COUNT);
        memcpy(into, blocks[vcpu].count, sizeof(uint64_t) * COUNTER_COUNT);
    }
}

/* The thread may be preempted while it reads; a short reading is looked for a few times. */
static void take_sample(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    struct sample *slot = (void *)(ring + header->written % header->capacity * sample_bytes);
    for (int attempt = 0; attempt < 5; attempt++) {
        int64_t before_ns = now_ns(CLOCK_MONOTONIC), realtime_ns = now_ns(CLOCK_REALTIME);
        read_counts(slot->count);
        int64_t after_ns = now_ns(CLOCK_MONOTONIC);
        slot->spread_ns = after_ns - before_ns;
        slot->monotonic_ns = before_ns + (after_ns - before_ns) / 2;
        slot->realtime_ns = realtime_ns + (after_ns - before_ns) / 2;
        if (slot->spread_ns < 1000000)
            break;
    }
    __atomic_store_n(&header->written, header->written + 1, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&lock);
}

static void *sampler(void *unused)
{
    (void)unused;
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (;;) {
        if (__atomic_load_n(&vcpus_ready, __ATOMIC_ACQUIRE) >= header->vcpus)
            take_sample();
        next.tv_nsec += (long)header->interval_ms % 1000 * 1000000;
        next.tv_sec += header->interval_ms / 1000 + next.tv_nsec / 1000000000;
        next.tv_nsec %= 1000000000;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
    return NULL;
}

static void vcpu_initialised(qemu_plugin_id_t id, unsigned int vcpu)
{
    (void)id, (void)vcpu;
    __atomic_add_fetch(&vcpus_ready, 1, __ATOMIC_RELEASE);
}

static void exiting(qemu_plugin_id_t id, void *unused)
{
    (void)id, (void)unused;
    if (__atomic_load_n(&vcpus_ready, __ATOMIC_ACQUIRE) >= header->vcpus)
        take_sample();
}

/* Signals go to QEMU's own threads. */
static int start_sampler(void)
{
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, NULL, sampler, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!error) {
        pthread_setname_np(thread, "work_counter");
        pthread_detach(thread);
    }
    return error;
}

/* ---- Starting ---- */
struct options {
    const char *counts;
    unsigned long interval_ms, samples;
};

__attribute__((format(printf, 1, 2))) static int refuse(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("work_counter: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return -1;
}

static int read_range(const char *text, const char *value, struct range *ranges, int *count)
{
    char *end;
    errno = 0;
    struct range range = {.low = strtoull(value, &end, 16)};
    if (errno || end == value || *end != '-' || *count == MAX_RANGES || strlen(text) > 60)
        return refuse("'%s' is no range LOW-HIGH, or there are more than %d", text, MAX_RANGES);
    const char *high = end + 1;
    range.high = strtoull(high, &end, 16);
    if (errno || end == high || *end || range.high < range.low)
        return refuse("'%s' is no range LOW-HIGH", text);
    ranges[(*count)++] = range;
    return 0;
}

static int read_number(const char *text, const char *value, unsigned long low, unsigned long high, unsigned long *into)
{
    char *end;
    *into = strtoul(value, &end, 10);
    if (end == value || *end || *into < low || *into > high)
        return refuse("'%s' must be a number from %lu to %lu", text, low, high);
    return 0;
}

static int read_option(struct options *options, const char *text)
{
    const char *value = strchr(text, '=');
    size_t length = value ? (size_t)(value++ - text) : 0;
#define IS(name) (length == strlen(name) && !strncmp(text, name, length))
    if (IS("counts"))
        return options->counts = value, 0;
    if (IS("kernel"))
        return read_range(text, value, kernel_ranges, &kernel_range_count);
    if (IS("idle"))
        return read_range(text, value, idle_ranges, &idle_range_count);
    if (IS("guest_kernel"))
        return read_range(text, value, guest_kernel_ranges, &guest_kernel_range_count);
    if (IS("interval_ms"))
        return read_number(text, value, 1, 10000, &options->interval_ms);
    if (IS("samples"))
        return read_number(text, value, 2, 10000000, &options->samples);
#undef IS
    return refuse("unknown option '%s'", text);
}

static int map_file(const struct options *options, unsigned int vcpus)
{
    sample_bytes = sizeof(struct sample) + sizeof(uint64_t) * COUNTER_COUNT * vcpus;
    size_t ring_at = HEADER_BYTES + sizeof(struct block) * vcpus;
    size_t size = ring_at + sample_bytes * options->samples;
    int file = open(options->counts, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0 || ftruncate(file, (off_t)size))
        return refuse("%s: %s", options->counts, strerror(errno));
    char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (map == MAP_FAILED)
        return refuse("%s: %s", options->counts, strerror(errno));
    header = (void *)map;
    blocks = (void *)(map + HEADER_BYTES);
    ring = map + ring_at;
    header->vcpus = vcpus;
    header->counters = COUNTER_COUNT;
    header->interval_ms = options->interval_ms;
    header->capacity = options->samples;
    header->pid = getpid();
    memcpy(header->names, counter_names, sizeof counter_names);
    return 0;
}

static int choose_mode(unsigned int vcpus, int api_version)
{
    header->api_version = api_version;
    if (guest_kernel_range_count) {
        header->mode = mode = CALLBACKS;
        return vcpus <= MAX_VCPUS ? 0 : refuse("a server with guests may have %d virtual CPUs", MAX_VCPUS);
    }
    if (qemu_plugin_version == 1) {
        *(void **)&tb_inline = dlsym(RTLD_DEFAULT, "qemu_plugin_register_vcpu_tb_exec_inline");
        *(void **)&insn_inline = dlsym(RTLD_DEFAULT, "qemu_plugin_register_vcpu_insn_exec_inline");
        header->mode = mode = vcpus == 1 ? INLINE_FIXED : CALLBACKS;
        return tb_inline && insn_inline ? 0 : refuse("QEMU lacks the inline functions of API version 1");
    }
    *(void **)&tb_inline_per_vcpu = dlsym(RTLD_DEFAULT, "qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu");
    *(void **)&insn_inline_per_vcpu = dlsym(RTLD_DEFAULT, "qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu");
    *(void **)&scoreboard_find = dlsym(RTLD_DEFAULT, "qemu_plugin_scoreboard_find");
    if (!tb_inline_per_vcpu || !insn_inline_per_vcpu || !scoreboard_find)
        return refuse("QEMU's plugin API version %d lacks the inline functions per vCPU of version 3", api_version);
    header->mode = mode = INLINE_PER_VCPU;
    scoreboard = scoreboard_new(sizeof(struct block));
    return 0;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    struct options options = {.interval_ms = 100, .samples = 36000};
    if (!info->system_emulation || strcmp(info->target_name, "x86_64"))
        return refuse("only machines of x86_64 are counted, not %s", info->target_name);
    for (int i = 0; i < argc; i++)
        if (read_option(&options, argv[i]))
            return -1;
    if (!options.counts)
        return refuse("option counts=PATH is missing");
    if (map_file(&options, info->system.smp_vcpus) || choose_mode(info->system.smp_vcpus, info->version.cur))
        return -1;
    for (int i = 0; i < argc; i++) /* at most 3 * MAX_RANGES of 60 bytes and a space: all fit */
        if (strstr(argv[i], "kernel=") || !strncmp(argv[i], "idle=", 5))
            strcat(strcat(header->ranges, argv[i]), " ");
    memcpy(header->magic, "UNLWORK1", sizeof header->magic);
    qemu_plugin_register_vcpu_init_cb(id, vcpu_initialised);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, exiting, NULL);
    return start_sampler() ? refuse("cannot start the sampling thread") : 0;
}
