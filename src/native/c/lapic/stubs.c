/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the APICs call in the rest of the kernel that need not do anything here. Without the kernel's headers, because
 * signatures differ by version and the linker does not look at them. Everything not listed becomes a trap with its name.
 */
#include "native.h"

extern unsigned long native_warns;

/* locks that one thread cannot lose */
int __srcu_read_lock(void *srcu) { return 0; }
void __srcu_read_unlock(void *srcu, int index) { }
void __mutex_init(void *lock, const char *name, void *key) { }
void __init_rwsem(void *lock, const char *name, void *key) { }
void down_read(void *lock) { }
void up_read(void *lock) { }
void down_write(void *lock) { }
void up_write(void *lock) { }
int __cond_resched(void) { return 0; }

/* the vCPU's other halves */
void kvm_update_dr0123(void *vcpu) { }
void kvm_update_dr7(void *vcpu) { }
void kvm_set_rflags(void *vcpu, unsigned long rflags) { }
unsigned long kvm_get_rflags(void *vcpu) { return 2; }
void kvm_clear_async_pf_completion_queue(void *vcpu) { }
void kvm_gpc_deactivate(void *gpc) { }
void kvm_mmu_reset_context(void *vcpu) { }
void kvm_update_cpuid_runtime(void *vcpu) { }
void __kvm_migrate_pit_timer(void *vcpu) { }
void kvm_zap_gfn_range(void *kvm, unsigned long from, unsigned long to) { }
unsigned long long kvm_pmu_eventsel[64];
void kvm_pmu_trigger_event(void *vcpu, unsigned long event) { }
long __static_call_return0(void) { return 0; }

/* buses, notifiers, the IOAPIC's delayed work */
int kvm_io_bus_register_dev(void *kvm, int bus, unsigned long address, int len, void *dev) { return 0; }
int kvm_io_bus_unregister_dev(void *kvm, int bus, void *dev) { return 0; }
void kvm_notify_acked_irq(void *kvm, unsigned int chip, unsigned int pin) { }
_Bool kvm_notify_irqfd_resampler(void *kvm, unsigned int chip, unsigned int pin) { return 0; }
int kvm_irq_map_chip_pin(void *kvm, unsigned int chip, unsigned int pin) { return pin; }
_Bool kvm_irq_has_notifier(void *kvm, unsigned int chip, unsigned int pin) { return 0; }
void kvm_fire_mask_notifiers(void *kvm, unsigned int chip, unsigned int pin, _Bool mask) { }
void init_timer_key(void *timer, void *function, unsigned int flags, const char *name, void *key) { }
void delayed_work_timer_fn(void *timer) { }
_Bool cancel_delayed_work_sync(void *work) { return 0; }
_Bool queue_delayed_work_on(int cpu, void *queue, void *work, unsigned long delay) { return 1; }
_Bool queue_work_on(int cpu, void *queue, void *work) { return 1; }
void *system_percpu_wq, *system_wq, *system_long_wq;

/* only their addresses are used */
void *kmalloc_caches[1024];
int ___ratelimit(void *state, const char *function) { return 0; }
int _printk(const char *what, ...) { return 0; }

/* The sum of two times, or the largest time when it does not fit. */
long long ktime_add_safe(long long a, long long b)
{
  long long sum;

  return __builtin_add_overflow(a, b, &sum) || sum < 0 ? 9223372036LL * 1000000000 : sum;
}
void __ndelay(unsigned long ns) { }

/* ---- complaints ---- */

void warn_slowpath_fmt(const char *file, int line, unsigned int taint, const char *what, ...)
{
  native_warns++;
  native_warn(file, line, what);
}
void __warn_printk(const char *what, ...) { native_warn("", 0, what); }
void panic(const char *what, ...) { native_end(NATIVE_PANIC, "", 0, what); }
void native_bug(const char *file, int line, const char *function) { native_end(NATIVE_BUG, file, line, function); }
