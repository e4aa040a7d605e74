/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls held functions as it is told, and tells what they called, in order, with the state that had changed by then.
 *
 * Frames on standard input and output: u32 length, u32 kind, payload; all integers little-endian.
 *   S         the schema: a line for each field, held function and stand-in
 *   R         calls: u32 held, u32 svm, u32 number of fields to follow, their u32 numbers, u32 calls; each call:
 *             u32 cpu, u32 task, u32 arguments, s64 each, s64 of every field,
 *             u32 answers: { u32 stand-in, u32 n, s64 each },
 *             u32 writes: { u32 stand-in, u32 which call of it, u32 field, s64 value }
 *             answer: each call: u32 ending (0 returned, 1 trap, 2 BUG, 3 endless, 4 stack), s64 value, u32 warnings,
 *             u32 events: { u32 stand-in, u32 n, s64 each, u32 changes: { u32 field, s64 value } }, u32 changes at the end
 *   G         writes the counters for gcov
 */
typedef int extract_int;
extern long read(int, void *, unsigned long), write(int, const void *, unsigned long);
extern void *malloc(unsigned long), *realloc(void *, unsigned long), *memcpy(void *, const void *, unsigned long);
extern void *memset(void *, int, unsigned long);
extern void free(void *), _exit(int) __attribute__((__noreturn__));
extern int snprintf(char *, unsigned long, const char *, ...);
extern void extract_traps(void), *extract_landing(void);
extern int __sigsetjmp(void *, int) __attribute__((__returns_twice__));
extern void extract_leave(int) __attribute__((__noreturn__));
extern void extract_count(void);
extern int extract_running;

enum { MAX_CALLS = 400 };
enum { TRAP = 1, BUGGED = 2, ENDLESS = 3 };

static unsigned char *out;
static unsigned long out_length, out_size;
static const unsigned char *in;

static void put(const void *bytes, unsigned long n)
{
	if (out_length + n > out_size) {
		out_size = (out_length + n) * 2;
		out = realloc(out, out_size);
	}
	memcpy(out + out_length, bytes, n);
	out_length += n;
}
static void put32(u32 v) { put(&v, 4); }
static void put64(s64 v) { put(&v, 8); }
static u32 get32(void) { u32 v; memcpy(&v, in, 4); in += 4; return v; }
static s64 get64(void) { s64 v; memcpy(&v, in, 8); in += 8; return v; }

static void all(long (*move)(int, void *, unsigned long), int fd, void *bytes, unsigned long n)
{
	for (unsigned long done = 0; done < n;) {
		long r = move(fd, (char *)bytes + done, n - done);

		if (r <= 0)
			_exit(0);
		done += r;
	}
}
static long send(int fd, void *bytes, unsigned long n) { return write(fd, bytes, n); }

/* ---- one call ---- */

static u32 followed[NR_FIELDS + 1], nr_followed;
static s64 seen[NR_FIELDS + 1];
static const unsigned char *answers[NR_STAND_INS + 1];
static u32 nr_answers[NR_STAND_INS + 1], asked[NR_STAND_INS + 1], called[NR_STAND_INS + 1];
static const unsigned char *writes;
static u32 nr_writes, nr_events, nr_warnings;

static void put_changes(int everything)
{
	unsigned long at = out_length;
	u32 changes = 0, n = everything ? NR_FIELDS : nr_followed;

	put32(0);
	for (u32 i = 0; i < n; i++) {
		u32 field = everything ? i : followed[i];
		s64 now = get_field(field);

		if (now == seen[field])
			continue;
		seen[field] = now;
		put32(field);
		put64(now);
		changes++;
	}
	memcpy(out + at, &changes, 4);
}

static void extract_call(int id, int n, const long long *arguments)
{
	if (!extract_running)
		return;
	if (++nr_events > MAX_CALLS)
		extract_leave(ENDLESS);
	put32(id);
	put32(n);
	for (int i = 0; i < n; i++)
		put64(arguments[i]);
	put_changes(0);
	for (u32 i = 0; i < nr_writes; i++) {
		const unsigned char *w = writes + 20 * i;
		u32 which[3];
		s64 value;

		memcpy(which, w, 12);
		memcpy(&value, w + 12, 8);
		if (which[0] != (u32)id || which[1] != called[id])
			continue;
		set_field(which[2], value);
		seen[which[2]] = get_field(which[2]);
	}
	called[id]++;
}

static long long extract_answer(int id)
{
	s64 v = 0;

	if (nr_answers[id])
		memcpy(&v, answers[id] + 8 * (asked[id]++ % nr_answers[id]), 8);
	return v;
}

bool extract_warn(bool condition)
{
	nr_warnings += condition;
	return condition;
}
void extract_bug(void) { extract_leave(BUGGED); }

static void extract_reset(int svm)
{
	extract_svm = svm;
	memset(&extract_vm, 0, sizeof(extract_vm));
	memset(extract_scratch, 0, sizeof(extract_scratch));
	memset(&extract_kick_mask, 0, sizeof(extract_kick_mask));
	memset(extract_tasks, 0, sizeof(extract_tasks));
#ifdef EXTRACT_X86
	memset(extract_vmx, 0, sizeof(extract_vmx));
	memset(extract_amd, 0, sizeof(extract_amd));
	memset(extract_vmcb, 0, sizeof(extract_vmcb));
	memset(extract_lapic, 0, sizeof(extract_lapic));
#else
	memset(extract_vcpus, 0, sizeof(extract_vcpus));
#ifdef EXTRACT_S390
	memset(extract_sie, 0, sizeof(extract_sie));
#endif
#endif
	memset(extract_run, 0, sizeof(extract_run));
	for (int i = 0; i < NR_TASKS; i++)
		extract_pids[i].task = &extract_tasks[i];
	atomic_set(&K->online_vcpus, NR_VCPUS);
	for (int i = 0; i < NR_VCPUS; i++) {
		struct kvm_vcpu *v = V(i);

		v->kvm = K;
		v->vcpu_id = i;
		v->vcpu_idx = i;
		v->run = &extract_run[i];
		K->vcpu_array.slot[i] = v;
#ifdef EXTRACT_X86
		extract_amd[i].vmcb = &extract_vmcb[i];
		extract_lapic[svm][i].vcpu = v;
		v->arch.apic = &extract_lapic[svm][i];
#endif
#ifdef EXTRACT_S390
		v->arch.sie_block = &extract_sie[i];
#endif
		set_constants(i);
	}
}

static void one(const struct held_row *h)
{
	s64 arguments[16] = { 0 };
	unsigned long head, count_at;
	s64 value = 0;
	u32 n, ending;

	extract_cpu = get32();
	extract_current = extract_task((int)get32());
	n = get32();
	for (u32 i = 0; i < n; i++)
		arguments[i] = get64();
	for (u32 i = 0; i < NR_FIELDS; i++)
		set_field(i, get64());
	for (u32 i = 0; i < NR_FIELDS; i++)
		seen[i] = get_field(i);
	memset(nr_answers, 0, sizeof(nr_answers));
	memset(asked, 0, sizeof(asked));
	memset(called, 0, sizeof(called));
	for (n = get32(); n; n--) {
		u32 id = get32();

		nr_answers[id] = get32();
		answers[id] = in;
		in += 8 * nr_answers[id];
	}
	nr_writes = get32();
	writes = in;
	in += 20 * nr_writes;

	head = out_length;
	put32(0);
	put64(0);
	put32(0);
	count_at = out_length;
	put32(0);
	nr_events = nr_warnings = 0;
	ending = __sigsetjmp(extract_landing(), 1);
	extract_running = 1;
	if (!ending)
		value = h->call(arguments);
	extract_running = 0;
	if (nr_events > MAX_CALLS)
		nr_events = MAX_CALLS;
	put_changes(1);
	memcpy(out + head, &ending, 4);
	memcpy(out + head + 4, &value, 8);
	memcpy(out + head + 12, &nr_warnings, 4);
	memcpy(out + count_at, &nr_events, 4);
}

static void run(void)
{
	const struct held_row *h = &held[get32()];
	int svm = get32();
	u32 n;

	nr_followed = get32();
	for (u32 i = 0; i < nr_followed; i++)
		followed[i] = get32();
	for (n = get32(); n; n--) {
		extract_reset(svm);
		one(h);
	}
}

static void schema(void)
{
	char line[256];

	for (int i = 0; i < NR_FIELDS; i++)
		put(line, snprintf(line, sizeof(line), "field %s %c %d\n", fields[i].name, fields[i].kind, fields[i].size));
	for (int i = 0; i < NR_HELD; i++)
		put(line, snprintf(line, sizeof(line), "held %s %c %d\n", held[i].name, held[i].kind, held[i].size));
	for (int i = 0; i < NR_STAND_INS; i++)
		put(line, snprintf(line, sizeof(line), "calls %s %c %d\n", stand_ins[i].name, stand_ins[i].kind, stand_ins[i].size));
}

extract_int main(void)
{
	extract_traps();
	for (;;) {
		u32 header[2];
		unsigned char *payload;

		all(read, 0, header, sizeof(header));
		payload = malloc(header[0] + 1);
		all(read, 0, payload, header[0]);
		in = payload;
		out_length = 0;
		if (header[1] == 'S')
			schema();
		else if (header[1] == 'R')
			run();
		else if (header[1] == 'G')
			extract_count();
		free(payload);
		header[0] = out_length;
		all(send, 1, header, sizeof(header));
		all(send, 1, out, out_length);
	}
}
