/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Following a run: part of main.c. An operation is answered with records in the order in which things happened, u32 numbers
 * unless said otherwise:
 *   1 enter    function, CPU, six values     2 leave    function, CPU, whether it has only stopped, one value
 *   3 note     what, a, b                    0 end      s64 r
 * A value is what it points to (native_value), and s64. Behind 0, 1 and 2 stands the state, as far as it has changed since the
 * record before: words in all, words that follow, and of each its index and s64.
 *
 * Functions are probed where they are compiled with -pg -mfentry: __fentry__() is called first thing in each, and puts an address of
 * ours in the place of the caller's. One that stops in the middle (its task sleeps, or is in its guest) is left there; when it
 * returns in earnest nothing is told.
 */
#define MAX_PROBES 4096
#define MAX_OPEN 1024

static unsigned char follows;
unsigned char native_probing;
static native_s64 before_words[NATIVE_MAX_WORDS];
static int nr_before;

struct probe {
  native_u64 address;
  unsigned int number;
};
static struct probe probes[MAX_PROBES];

struct open_call {
  native_u64 *slot;
  native_u64 caller;
  unsigned int number;
  int told;
};
static struct open_call open_calls[MAX_OPEN];
static int nr_open;

/* only in a build of the whole machine */
extern int native_cpu __attribute__((weak));
extern void *native_current __attribute__((weak));
int native_value_is(native_u64 value, int which[2]) __attribute__((weak));
int native_same_stack(const void *a, const void *b) __attribute__((weak));
extern char native_probe_return[] __attribute__((weak));

static void forget_followed(void)
{
  nr_before = nr_open = 0;
}

static struct probe *probe_at(native_u64 address)
{
  unsigned int i = (address * 0x9e3779b97f4a7c15ULL) >> 52;

  while (probes[i].address && probes[i].address != address) i = (i + 1) % MAX_PROBES;
  return &probes[i];
}

static void set_probes(const char *payload, unsigned int bytes)
{
  const native_u64 *at = (const native_u64 *)payload;
  unsigned int i, n = bytes / 16;

  memset(probes, 0, sizeof(probes));
  /* 0xe8: it begins with a call, of __fentry__() */
  for (i = 0; i < n; i++) put32(&out, *(unsigned char *)at[2 * i] == 0xe8);
  for (i = 0; i < n && i < MAX_PROBES / 2; i++) *probe_at(at[2 * i]) = (struct probe){ at[2 * i], at[2 * i + 1] };
}

static void put_changes(void)
{
  int cpu = native_cpu, n, i;
  void *current = native_current;
  unsigned long at;
  unsigned int changed = 0;

  n = native_dump(words, 1);
  native_cpu = cpu;
  native_current = current;
  put32(&out, n);
  at = out.used;
  put32(&out, 0);
  for (i = 0; i < n; i++) {
    if (n == nr_before && words[i] == before_words[i]) continue;
    put32(&out, i);
    put64(&out, words[i]);
    before_words[i] = words[i];
    changed++;
  }
  nr_before = n;
  memcpy(out.at + at, &changed, sizeof(changed));
}

static void put_value(native_u64 value)
{
  int which[2] = { 0, 0 };

  put32(&out, native_value_is(value, which));
  put32(&out, which[0]);
  put32(&out, which[1]);
  put64(&out, value);
}

static void put_leave(unsigned int number, int stopped, native_u64 result)
{
  put32(&out, 2);
  put32(&out, number);
  put32(&out, native_cpu);
  put32(&out, stopped);
  put_value(result);
  put_changes();
}

/* `at`: where the function goes on; `args`: rdi, rsi, rdx, rcx, r8, r9; `slot`: where it will return from */
void native_probe_enter(native_u64 at, const native_u64 *args, native_u64 *slot)
{
  struct probe *probe = probe_at(at - 5);
  int i;

  if (!probe->address || nr_open == MAX_OPEN) return;
  native_probing = 0;
  open_calls[nr_open++] = (struct open_call){ slot, *slot, probe->number, 0 };
  *slot = (native_u64)native_probe_return;
  put32(&out, 1);
  put32(&out, probe->number);
  put32(&out, native_cpu);
  for (i = 0; i < 6; i++) put_value(args[i]);
  put_changes();
  native_probing = 1;
}

/* Where the function that was probed goes back to. */
native_u64 native_probe_leave(native_u64 result, native_u64 *slot)
{
  native_u64 caller = 0;
  int i;

  for (i = nr_open - 1; i >= 0 && open_calls[i].slot != slot; i--)
    ;
  if (i < 0) _exit(98);
  caller = open_calls[i].caller;
  if (!open_calls[i].told && native_probing) {
    native_probing = 0;
    put_leave(open_calls[i].number, 0, result);
    native_probing = 1;
  }
  memmove(open_calls + i, open_calls + i + 1, (--nr_open - i) * sizeof(*open_calls));
  return caller;
}

/* What runs on this stack goes no further for now. */
void native_probe_stops(void)
{
  int i;

  if (!native_probing) return;
  native_probing = 0;
  for (i = nr_open - 1; i >= 0; i--) {
    if (open_calls[i].told || !native_same_stack(open_calls[i].slot, &i)) continue;
    open_calls[i].told = 1;
    put_leave(open_calls[i].number, 1, 0);
  }
  native_probing = 1;
}

/* Something that no function says by itself. */
void native_note(unsigned int what, unsigned int a, unsigned int b)
{
  if (!follows) return;
  put32(&out, 3);
  put32(&out, what);
  put32(&out, a);
  put32(&out, b);
}

static void put_followed(const struct native_op *op, unsigned char probing)
{
  native_s64 r;

  native_probing = probing;
  r = native_exec(op);
  native_probing = 0;
  put32(&out, 0);
  put64(&out, r);
  put_changes();
}
