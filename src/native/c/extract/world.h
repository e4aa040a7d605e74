/* SPDX-License-Identifier: GPL-2.0-only */
/* The objects that held functions work on: one VM, its vCPUs, tasks; numbers stand for pointers, -1 for NULL. */
enum { NR_VCPUS = 6, NR_TASKS = 8 };

struct row { const char *name; char kind; int size; };
struct held_row { const char *name; long long (*call)(const long long *); char kind; int size; };

#define KIND(t) (__builtin_types_compatible_p(t, bool) ? 'b' : (t)-1 > (t)0 ? 'u' : 's')
#define FIELD_KIND(x) KIND(__typeof__(((void)0, (x)))), sizeof(__typeof__(((void)0, (x))))

static struct kvm extract_vm;
static struct task_struct extract_tasks[NR_TASKS];
/* of each task, the vCPU whose notifier is registered */
static int extract_notifiers[NR_TASKS];
static struct pid extract_pids[NR_TASKS];
static long extract_opaque[512];
static long extract_scratch[8][512];
static struct cpumask extract_kick_mask;
static int extract_svm;
static char extract_steal[NR_VCPUS][64] __attribute__((__aligned__(64)));
static int x2apic_mode;
/* answers of what the model keeps as state and C computes from what is not cut out */
static long long extract_given[4][NR_VCPUS];
int extract_cpu;
unsigned long extract_jiffies;
struct task_struct *extract_current;

#ifdef EXTRACT_X86
static struct vcpu_vmx extract_vmx[NR_VCPUS];
static struct vcpu_svm extract_amd[NR_VCPUS];
static struct vmcb extract_vmcb[NR_VCPUS];
static struct kvm_lapic extract_lapic[2][NR_VCPUS];
static struct kvm_run extract_run[NR_VCPUS];
#define V(i) (extract_svm ? &extract_amd[i].vcpu : &extract_vmx[i].vcpu)
#define VMX(i) (extract_vmx[i])
#define SVM(i) (extract_amd[i])
#else
static struct kvm_vcpu extract_vcpus[NR_VCPUS];
static struct kvm_run extract_run[NR_VCPUS];
#ifdef EXTRACT_S390
static struct kvm_s390_sie_block extract_sie[NR_VCPUS];
#endif
#define V(i) (&extract_vcpus[i])
#endif
#define K (&extract_vm)

static struct kvm_vcpu *extract_vcpu(long long id) { return id < 0 || id >= NR_VCPUS ? NULL : V(id); }
static long long extract_vcpu_id(const struct kvm_vcpu *v)
{
	for (int i = 0; i < NR_VCPUS; i++)
		if (v == V(i))
			return i;
	return -1;
}
static inline struct kvm *extract_kvm(long long id) { return id < 0 ? NULL : &extract_vm; }
static inline long long extract_kvm_id(const struct kvm *k) { return k == &extract_vm ? 0 : -1; }
static inline struct task_struct *extract_task(long long id) { return id < 0 || id >= NR_TASKS ? NULL : &extract_tasks[id]; }
static inline long long extract_task_id(const struct task_struct *t) { return t ? t - extract_tasks : -1; }
static inline struct pid *extract_pid(long long id) { return id < 0 || id >= NR_TASKS ? NULL : &extract_pids[id]; }
static inline long long extract_pid_id(const struct pid *p) { return p ? p - extract_pids : -1; }
static inline struct preempt_notifier *extract_notifier(long long id) { return &V(id)->preempt_notifier; }
static inline long long extract_notifier_id(const struct preempt_notifier *n)
{
	for (int i = 0; i < NR_VCPUS; i++)
		if (n == &V(i)->preempt_notifier)
			return i;
	return -1;
}
static inline struct rcuwait *extract_wait(long long id) { return &V(id)->wait; }
static inline long long extract_wait_id(const struct rcuwait *w)
{
	for (int i = 0; i < NR_VCPUS; i++)
		if (w == &V(i)->wait)
			return i;
	return -1;
}
#ifdef EXTRACT_X86
static inline struct kvm_lapic *extract_apic(long long id) { return V(id)->arch.apic; }
static inline long long extract_apic_id(const struct kvm_lapic *a) { return extract_vcpu_id(a->vcpu); }
static inline struct pi_desc *extract_pi(long long id) { return &VMX(id).pi_desc; }
static inline long long extract_pi_id(const struct pi_desc *p)
{
	for (int i = 0; i < NR_VCPUS; i++)
		if (p == &VMX(i).pi_desc)
			return i;
	return -1;
}
#endif

static void extract_call(int id, int n, const long long *arguments);
static long long extract_answer(int id);

static void extract_reset(int svm);
