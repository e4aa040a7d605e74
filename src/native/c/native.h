/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the process around (main.c, libc's world) and the drivers inside (drv_*.c, the kernel's world) say to each
 * other. Only plain C types: the two worlds share no headers.
 */
#ifndef NATIVE_H
#define NATIVE_H

typedef long long native_s64;
typedef unsigned long long native_u64;

/* One operation, as it comes over the pipe: 32 bytes, little endian. */
struct native_op {
  unsigned int op;
  int cpu;
  int id;
  unsigned int flags;
  native_s64 a;
  native_s64 b;
};

/* One line a number: the numbers are the protocol, the names are the vectors' format. */
#define NATIVE_OPS(X)                                                                                              \
  X(BASE_SLICE)                                                                                                    \
  X(GROUP)                                                                                                         \
  X(SHARES)                                                                                                        \
  X(FORK)                                                                                                          \
  X(ADVANCE)                                                                                                       \
  X(TICK)                                                                                                          \
  X(SCHEDULE)                                                                                                      \
  X(RESCHED)                                                                                                       \
  X(BLOCK)                                                                                                         \
  X(WAKE)                                                                                                          \
  X(YIELD)                                                                                                         \
  X(YIELD_TO)                                                                                                      \
  X(NICE)                                                                                                          \
  X(SETATTR)                                                                                                       \
  X(MOVE)                                                                                                          \
  X(YIELD_RAW)                                                                                                     \
  X(YIELD_TO_RAW)                                                                                                  \
  X(FEATURE)                                                                                                       \
  X(VTIME)                                                                                                         \
  X(AFFINITY)                                                                                                      \
  X(SERVER_TIMER)                                                                                                  \
  X(GROUP_IDLE)                                                                                                    \
  X(LLC)                                                                                                           \
  X(SETSCHED)                                                                                                      \
  X(RR_SLICE)                                                                                                      \
  X(CPU_DOWN)                                                                                                      \
  X(CPU_UP)                                                                                                        \
  X(SYSCTL)                                                                                                        \
  NATIVE_MACHINE_OPS(X)
/* Operations of the whole machine (machine/); no other driver has them. */
#ifdef NATIVE_MACHINE
#define NATIVE_MACHINE_OPS(X)                                                                                      \
  X(VM) X(INTR) X(PAUSE) X(HLT) X(ICR) X(GUEST_EOI) X(CPL) X(IF) X(POLL_END) X(HYPERCALL) X(KNOB) X(WRMSR) X(PASS) X(STORE)
#else
#define NATIVE_MACHINE_OPS(X)
#endif
#define NATIVE_OP_ENUM(name) NATIVE_##name,
enum native_op_code { NATIVE_OPS(NATIVE_OP_ENUM) NATIVE_NR_OPS };

#define NATIVE_MAX_CPUS 8
#define NATIVE_MAX_TASKS 256
#define NATIVE_MAX_GROUPS 64
#define NATIVE_MAX_WORDS                                                                                           \
  (8 + NATIVE_MAX_CPUS * (128 + NATIVE_MAX_GROUPS * 64) + NATIVE_MAX_GROUPS * 8 + NATIVE_MAX_TASKS * 56 + 8192)

/* Harness errors, in the place of a return value. */
#define NATIVE_NO_TASK (-3)
#define NATIVE_IDLE (-16)
#define NATIVE_BAD_OP (-22)

/* What kind of end an operation came to. */
enum native_end { NATIVE_OK, NATIVE_BUG, NATIVE_TRAP, NATIVE_OOPS, NATIVE_DEADLOCK, NATIVE_HANG, NATIVE_PANIC, NATIVE_NO_MEMORY };

/* drv_core.c */
void native_boot(int cpus);
native_s64 native_exec(const struct native_op *op);
extern native_u64 native_now;
extern unsigned long native_warns;

/* drv_fair.c */
int native_dump(native_s64 *words, int extended);
int native_call(unsigned int function, const native_s64 *args, native_s64 *results);
const char *native_schema(void);
native_s64 native_set_sysctl(unsigned int which, native_s64 value);
native_s64 native_set_vtime(const struct native_op *op);

/* main.c */
void native_end(enum native_end kind, const char *file, int line, const char *what) __attribute__((noreturn));
void *native_alloc(unsigned long size);
void native_warn(const char *file, int line, const char *what);
/* names of what the link left undefined, in the order of their addresses; written by the build */
extern const char *const native_trap_names[];
extern const int native_nr_traps;
#define NATIVE_TRAP_BASE 0x70000000UL
#define NATIVE_TRAP_STEP 0x4000UL
#endif
