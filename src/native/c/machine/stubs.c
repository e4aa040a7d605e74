/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What KVM calls in the rest of the kernel that need not do anything here, beside the scheduler's stubs. Without the
 * kernel's headers, because signatures differ by version. Everything not listed becomes a trap with its name.
 */
#include "native.h"

int __srcu_read_lock(void *srcu) { return 0; }
void __srcu_read_unlock(void *srcu, int index) { }
void __mutex_init(void *lock, const char *name, void *key) { }
void __init_rwsem(void *lock, const char *name, void *key) { }
void down_read(void *lock) { }
void up_read(void *lock) { }
void down_write(void *lock) { }
void up_write(void *lock) { }
int __cond_resched(void) { return 0; }
void __might_resched(const char *file, int line, unsigned int offsets) { }
void calculate_sigpending(void) { }
void synchronize_rcu(void) { }
void enter_lazy_tlb(void *mm, void *task) { }

/* the vCPU's other halves: memory, FPU, PMU, debug registers, clocks, Hyper-V */
void kvm_update_dr0123(void *vcpu) { }
void kvm_update_dr7(void *vcpu) { }
void kvm_set_rflags(void *vcpu, unsigned long rflags) { }
unsigned long kvm_get_rflags(void *vcpu) { return 2; }
void kvm_clear_async_pf_completion_queue(void *vcpu) { }
void kvm_check_async_pf_completion(void *vcpu) { }
_Bool kvm_dirty_ring_check_request(void *vcpu) { return 0; }
void kvm_gpc_init(void *gpc, void *kvm) { }
void kvm_gpc_deactivate(void *gpc) { }
void kvm_mmu_reset_context(void *vcpu) { }
void kvm_update_cpuid_runtime(void *vcpu) { }
void kvm_zap_gfn_range(void *kvm, unsigned long from, unsigned long to) { }
int kvm_mmu_post_init_vm(void *kvm) { return 0; }
unsigned long long kvm_pmu_eventsel[64];
void kvm_pmu_trigger_event(void *vcpu, unsigned long event) { }
void kvm_sigset_activate(void *vcpu) { }
void kvm_sigset_deactivate(void *vcpu) { }
int fpu_swap_kvm_fpstate(void *fpu, _Bool enter) { return 0; }
long __static_call_return0(void) { return 0; }
void __kvm_migrate_pit_timer(void *vcpu) { }
void kvm_vcpu_reload_apic_access_page(void *vcpu) { }

/* buses, notifiers, delayed work */
int kvm_io_bus_register_dev(void *kvm, int bus, unsigned long address, int len, void *dev) { return 0; }
int kvm_io_bus_unregister_dev(void *kvm, int bus, void *dev) { return 0; }
void kvm_notify_acked_irq(void *kvm, unsigned int chip, unsigned int pin) { }
_Bool kvm_notify_irqfd_resampler(void *kvm, unsigned int chip, unsigned int pin) { return 0; }
_Bool kvm_irq_has_notifier(void *kvm, unsigned int chip, unsigned int pin) { return 0; }
void kvm_fire_mask_notifiers(void *kvm, unsigned int chip, unsigned int pin, _Bool mask) { }
void init_timer_key(void *timer, void *function, unsigned int flags, const char *name, void *key) { }
_Bool cancel_delayed_work_sync(void *work) { return 0; }
_Bool queue_delayed_work_on(int cpu, void *queue, void *work, unsigned long delay) { return 1; }
void *system_percpu_wq, *system_wq, *system_long_wq;
void kvfree(const void *p) { }

/* the host's CPU */
int check_tsc_unstable(void) { return 0; }
void arch_scale_freq_tick(void) { }
unsigned long arch_scale_cpu_capacity(int cpu) { return 1024; }
void perf_event_task_tick(void) { }
char perf_sched_events[64], perf_swevent_enabled[256];
void __ndelay(unsigned long ns) { }
void __delay(unsigned long loops) { }
int _printk(const char *what, ...) { return 0; }
void __warn_printk(const char *what, ...) { native_warn("", 0, what); }
