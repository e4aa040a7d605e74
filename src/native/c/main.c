/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The process: reads batches of operations from stdin, has the drivers execute them, writes results to stdout.
 *
 * A frame is a header of two u32 (length of what follows, kind) and its payload, little endian. Requests:
 *   'S' schema        -> 'S' JSON
 *   'R' reset         -> 'R' nothing: the state after boot, by copying it back
 *   'O' mode, ops     -> 'O' results: per op s64 r, then by mode nothing, a u64 hash of the state, u32 count and the
 *                        state's words, u32 count and the u32 numbers of watched counters that moved, or the records
 *                        of follow.h; after an op that ended the kernel nothing more follows
 *   'C' function, args-> 'C' per call: u32 count, words
 *   'U'               -> 'U' JSON lines of UBSan's reports
 *   'G'               -> 'G' nothing: coverage counters are written
 *   'K' ranges        -> 'K' nothing: counters to watch, each range a u64 address and a u64 number of them
 *   'P' addresses     -> 'P' functions to probe, each a u64 address and a u64 number; of each, whether it can be
 * An operation that ends the kernel (BUG, oops, trap, deadlock, endless loop) is answered like any other, followed by
 * one frame 'E' that says how; the next request should be a reset. Warnings come as frames 'W'.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "native.h"
#include "ubsan.h"

#define ARENA_BYTES (64UL << 20)
#define SECONDS_PER_BATCH 20
#define MAX_FRAMES 24

extern char native_rw_start[], native_rw_end[];

static char *arena;
static unsigned long arena_used, arena_booted, arena_dirty;
static char *booted_rw, *booted_arena;

/* ---- memory ------------------------------------------------------------------------------------------------------ */

void *native_alloc(unsigned long size)
{
  char *at = arena + arena_used;

  size = (size + 63) & ~63UL;
  if (arena_used + size > ARENA_BYTES) native_end(NATIVE_NO_MEMORY, __FILE__, __LINE__, "the arena is used up");
  arena_used += size;
  if (arena_used > arena_dirty) arena_dirty = arena_used;
  return at;
}

static void take_snapshot(void)
{
  unsigned long rw = native_rw_end - native_rw_start;

  arena_booted = arena_used;
  booted_rw = malloc(rw);
  booted_arena = malloc(arena_booted);
  memcpy(booted_rw, native_rw_start, rw);
  memcpy(booted_arena, arena, arena_booted);
}

static void reset(void)
{
  memcpy(native_rw_start, booted_rw, native_rw_end - native_rw_start);
  memcpy(arena, booted_arena, arena_booted);
  memset(arena + arena_booted, 0, arena_dirty - arena_booted);
  arena_used = arena_dirty = arena_booted;
}

/* ---- output -------------------------------------------------------------------------------------------------------- */

struct buffer {
  char *at;
  unsigned long used, size;
};

static struct buffer out, notes;

static void put(struct buffer *b, const void *bytes, unsigned long n)
{
  if (b->used + n > b->size) {
    while (b->used + n > b->size) b->size = b->size ? 2 * b->size : 1 << 16;
    b->at = realloc(b->at, b->size);
    if (!b->at) _exit(99);
  }
  memcpy(b->at + b->used, bytes, n);
  b->used += n;
}

static void put32(struct buffer *b, unsigned int x) { put(b, &x, 4); }
static void put64(struct buffer *b, native_u64 x) { put(b, &x, 8); }

static void write_all(const char *p, unsigned long n)
{
  while (n) {
    long done = write(1, p, n);

    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) _exit(1);
    p += done, n -= done;
  }
}

static void frame(unsigned int kind, const void *bytes, unsigned int n)
{
  unsigned int header[2] = { n, kind };

  write_all((char *)header, sizeof(header));
  write_all(bytes, n);
}

/* ---- ends and warnings ----------------------------------------------------------------------------------------------- */

static sigjmp_buf after_end;
static volatile int running;
static unsigned int operation;

static const char *const end_names[] = { "ok", "bug", "trap", "oops", "deadlock", "hang", "panic", "no-memory" };

static void put_quoted(struct buffer *b, const char *s)
{
  put(b, "\"", 1);
  for (; s && *s; s++) {
    char escaped[8];

    if (*s == '"' || *s == '\\') put(b, escaped, snprintf(escaped, sizeof(escaped), "\\%c", *s));
    else if (*s < ' ') put(b, escaped, snprintf(escaped, sizeof(escaped), "\\u%04x", *s));
    else put(b, s, 1);
  }
  put(b, "\"", 1);
}

static void put_text(struct buffer *b, const char *s) { put(b, s, strlen(s)); }

/* {"kind":..,"op":..,"file":..,"line":..,"what":..,"stack":["0x..",...]} */
static void describe(struct buffer *b, const char *kind, const char *file, int line, const char *what, void **stack, int depth)
{
  char text[64];
  int i;

  put_text(b, "{\"kind\":");
  put_quoted(b, kind);
  put(b, text, snprintf(text, sizeof(text), ",\"op\":%u,\"line\":%d,\"file\":", operation, line));
  put_quoted(b, file);
  put_text(b, ",\"what\":");
  put_quoted(b, what);
  put_text(b, ",\"stack\":[");
  for (i = 0; i < depth; i++) put(b, text, snprintf(text, sizeof(text), "%s\"%p\"", i ? "," : "", stack[i]));
  put_text(b, "]}");
}

void native_end(enum native_end kind, const char *file, int line, const char *what)
{
  static volatile int unwinding;
  void *stack[MAX_FRAMES];
  struct buffer b = { 0 };
  int depth = 0;

  /* A second fault from within the unwinder: then without stack. */
  if (!unwinding) {
    unwinding = 1;
    depth = backtrace(stack, MAX_FRAMES);
  }
  unwinding = 0;
  describe(&b, end_names[kind], file, line, what, stack, depth);
  put32(&notes, b.used);
  put32(&notes, 'E');
  put(&notes, b.at, b.used);
  free(b.at);
  if (!running) {
    write_all(notes.at, notes.used);
    _exit(97);
  }
  siglongjmp(after_end, 1);
}

void native_warn(const char *file, int line, const char *what)
{
  void *stack[MAX_FRAMES];
  struct buffer b = { 0 };

  describe(&b, "warn", file, line, what ? what : "WARN_ON", stack, backtrace(stack, MAX_FRAMES));
  put32(&notes, b.used);
  put32(&notes, 'W');
  put(&notes, b.at, b.used);
  free(b.at);
}

/* A trap is an address in a range that nothing is mapped to; called or read, the address says the name. */
static const char *trap_name(unsigned long address)
{
  unsigned long i = (address - NATIVE_TRAP_BASE) / NATIVE_TRAP_STEP;

  return address >= NATIVE_TRAP_BASE && i < (unsigned long)native_nr_traps ? native_trap_names[i] : NULL;
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
  unsigned long pc = ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
  unsigned long address = (unsigned long)info->si_addr;
  const char *name = trap_name(pc);
  char what[96];

  /* The unwinder reads the code at the program counter: after a call to nowhere it is the caller's that counts. */
  if (name || pc < 65536) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;

    registers[REG_RIP] = *(greg_t *)registers[REG_RSP];
    registers[REG_RSP] += 8;
  }
  if (!name) name = signal == SIGSEGV ? trap_name(address) : NULL;
  if (name) native_end(NATIVE_TRAP, "", 0, name);
  if (signal == SIGALRM) native_end(NATIVE_HANG, "", 0, "the operation does not come to an end");
  if (signal == SIGFPE) snprintf(what, sizeof(what), "division by zero or overflow at %#lx", pc);
  else if (signal == SIGSEGV && address < 65536) snprintf(what, sizeof(what), "NULL pointer dereference at offset %#lx, %#lx", address, pc);
  else snprintf(what, sizeof(what), "%s, address %#lx, at %#lx", strsignal(signal), address, pc);
  native_end(NATIVE_OOPS, "", 0, what);
}

static void catch_faults(void)
{
  static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM };
  struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
  stack_t stack = { .ss_size = 1 << 18, .ss_sp = malloc(1 << 18) };
  void *frames[2];
  unsigned int i;

  /* loads the unwinder now, because a signal handler must not */
  backtrace(frames, 2);
  sigaltstack(&stack, NULL);
  for (i = 0; i < sizeof(signals) / sizeof(*signals); i++) sigaction(signals[i], &action, NULL);
}

/* ---- requests ---------------------------------------------------------------------------------------------------------- */

static native_u64 hash_words(const native_s64 *words, int n)
{
  native_u64 hash = 0xcbf29ce484222325ULL;
  int i;

  for (i = 0; i < n; i++) {
    hash = (hash ^ (native_u64)words[i]) * 0x9e3779b97f4a7c15ULL;
    hash ^= hash >> 29;
  }
  return hash;
}

enum { ONLY_RETURN, HASH, STATE, MORE_STATE, HASH_MORE, MOVED, FOLLOW };

static native_s64 words[NATIVE_MAX_WORDS];

#include "follow.h"

struct range {
  native_u64 address, n;
};

/* what 'K' names, as it was after the operation before */
static struct range *watched;
static unsigned int nr_watched, nr_counters;
static native_u64 *counters_before;

static void watch(const char *payload, unsigned int bytes)
{
  unsigned int i;

  nr_watched = bytes / sizeof(struct range);
  watched = realloc(watched, bytes + 1);
  memcpy(watched, payload, bytes);
  for (nr_counters = i = 0; i < nr_watched; i++) nr_counters += watched[i].n;
  counters_before = realloc(counters_before, nr_counters * sizeof(*counters_before) + 1);
  if (!watched || !counters_before) _exit(99);
}

/* Keeps the counters; with `tell`, answers which of them moved. */
static void put_moved(int tell)
{
  unsigned long at = out.used;
  unsigned int i, number = 0, moved = 0;
  native_u64 k;

  if (tell) put32(&out, 0);
  for (i = 0; i < nr_watched; i++) {
    const native_u64 *counters = (const native_u64 *)watched[i].address;

    for (k = 0; k < watched[i].n; k++, number++) {
      if (tell && counters[k] != counters_before[number]) put32(&out, number), moved++;
      counters_before[number] = counters[k];
    }
  }
  if (tell) memcpy(out.at + at, &moved, sizeof(moved));
}

static void put_state(unsigned int mode)
{
  int n;

  if (mode == ONLY_RETURN) return;
  if (mode == MOVED) {
    put_moved(1);
    return;
  }
  n = native_dump(words, mode == MORE_STATE || mode == HASH_MORE);
  if (mode == HASH || mode == HASH_MORE) {
    put64(&out, hash_words(words, n));
  } else {
    put32(&out, n);
    put(&out, words, n * sizeof(*words));
  }
}

static void limit_time(int seconds)
{
  struct itimerval limit = { .it_value = { .tv_sec = seconds } };

  setitimer(ITIMER_REAL, &limit, NULL);
}

static void run_ops(const char *payload, unsigned int bytes)
{
  unsigned int mode = *(unsigned int *)payload, n = (bytes - 8) / sizeof(struct native_op);
  unsigned char probing = mode == FOLLOW && ((unsigned int *)payload)[1];
  const struct native_op *ops = (const struct native_op *)(payload + 8);
  /* length of the answer after the last operation that came to its end */
  static volatile unsigned long complete;

  complete = 0;
  if (sigsetjmp(after_end, 1)) {
    out.used = complete;
  } else {
    follows = mode == FOLLOW;
    running = 1;
    limit_time(SECONDS_PER_BATCH);
    if (mode == MOVED) put_moved(0);
    for (operation = 0; operation < n; operation++) {
      native_s64 r;

      ubsan_operation = operation;
      if (mode == FOLLOW) {
        put_followed(&ops[operation], probing);
        complete = out.used;
        continue;
      }
      r = native_exec(&ops[operation]);
      put64(&out, r);
      put_state(mode);
      complete = out.used;
    }
  }
  limit_time(0);
  running = follows = native_probing = 0;
}

static void run_calls(const char *payload, unsigned int bytes)
{
  unsigned int function = *(unsigned int *)payload, each = *(unsigned int *)(payload + 4), i, n;

  n = each ? (bytes - 8) / (8 * each) : 0;
  if (!sigsetjmp(after_end, 1)) {
    running = 1;
    limit_time(SECONDS_PER_BATCH);
    for (operation = i = 0; i < n; operation = ++i) {
      native_s64 results[32];
      int count = native_call(function, (const native_s64 *)(payload + 8) + (unsigned long)i * each, results);

      put32(&out, count);
      put(&out, results, count * sizeof(*results));
    }
  }
  limit_time(0);
  running = 0;
}

static void put_ubsan(void)
{
  char text[256];
  int i;

  for (i = 0; i < ubsan_nr_reports; i++) {
    struct ubsan_report *r = &ubsan_reports[i];

    put_text(&out, "{\"file\":");
    put_quoted(&out, r->file);
    put_text(&out, ",\"kind\":");
    put_quoted(&out, r->kind);
    put_text(&out, ",\"type\":");
    put_quoted(&out, r->type);
    put(&out, text, snprintf(text, sizeof(text), ",\"line\":%u,\"column\":%u,\"count\":%lu,\"left\":\"%lld\",\"right\":\"%lld\",\"op\":%lu}\n",
                             r->line, r->column, r->count, r->left, r->right, r->operation));
  }
  ubsan_nr_reports = 0;
}

/* only in a build with coverage */
extern void __gcov_dump(void) __attribute__((weak));
extern void __gcov_reset(void) __attribute__((weak));

static int read_all(char *p, unsigned long n)
{
  while (n) {
    long done = read(0, p, n);

    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return 0;
    p += done, n -= done;
  }
  return 1;
}

static void serve(unsigned int kind, const char *payload, unsigned int bytes)
{
  switch (kind) {
  case 'S':
    put_text(&out, native_schema());
    break;
  case 'R':
    reset();
    forget_followed();
    break;
  case 'O':
    run_ops(payload, bytes);
    break;
  case 'C':
    run_calls(payload, bytes);
    break;
  case 'U':
    put_ubsan();
    break;
  case 'K':
    watch(payload, bytes);
    break;
  case 'P':
    set_probes(payload, bytes);
    break;
  case 'G':
    if (__gcov_dump) __gcov_dump();
    if (__gcov_reset) __gcov_reset();
    break;
  }
}

int main(int argc, char **argv)
{
  int cpus = argc > 1 ? atoi(argv[1]) : 1;
  unsigned int header[2];
  char *payload = NULL;

  if (cpus < 1 || cpus > NATIVE_MAX_CPUS) return 2;
  arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (arena == MAP_FAILED) return 99;
  catch_faults();
  native_boot(cpus);
  take_snapshot();
  while (read_all((char *)header, sizeof(header))) {
    payload = realloc(payload, header[0] + 1);
    if (!payload || !read_all(payload, header[0])) break;
    out.used = notes.used = 0;
    serve(header[1], payload, header[0]);
    if (notes.used) write_all(notes.at, notes.used);
    frame(header[1], out.at, out.used);
  }
  /* without exit handlers: coverage is written when it is asked for, and the place may be gone by now */
  _exit(0);
}
