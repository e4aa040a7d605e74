/* SPDX-License-Identifier: GPL-2.0-only */
/* What the APICs call, and what is recorded of it: timers, requests, the vendor's module, guest memory. */
#include "drv_lapic.h"
#include <linux/sched/stat.h>

void native_log(enum lapic_call call, const struct kvm_vcpu *vcpu, u32 a, u32 b)
{
  struct native_logged *entry = &native_world.calls[native_world.nr_calls];

  if (native_world.nr_calls >= LAPIC_MAX_CALLS) native_end(NATIVE_HANG, "", 0, "more calls out of the APICs than there is room for");
  *entry = (struct native_logged){ call, vcpu ? vcpu->vcpu_idx : ~0u, a, b };
  native_world.nr_calls++;
}

static void native_log64(enum lapic_call call, const struct kvm_vcpu *vcpu, u64 x)
{
  native_log(call, vcpu, x, x >> 32);
}

/* ---- virt/kvm/kvm_main.c ---- */

void kvm_vcpu_kick(struct kvm_vcpu *vcpu)
{
  native_log(LAPIC_CALL_KICK, vcpu, 0, 0);
}

bool kvm_make_all_cpus_request(struct kvm *kvm, unsigned int req)
{
  int i;

  native_log(LAPIC_CALL_REQUEST_ALL, NULL, req & KVM_REQUEST_MASK, 0);
  for (i = 0; i < atomic_read(&kvm->online_vcpus); i++)
    if (!(req & KVM_REQUEST_NO_ACTION)) __kvm_make_request(req, native_vcpu(i));
  return false;
}

bool kvm_make_vcpus_request_mask(struct kvm *kvm, unsigned int req, unsigned long *vcpu_bitmap)
{
  int i;

  native_log(LAPIC_CALL_REQUEST_MASK, NULL, req & KVM_REQUEST_MASK, vcpu_bitmap[0]);
  for (i = 0; i < atomic_read(&kvm->online_vcpus); i++)
    if (vcpu_bitmap[0] >> i & 1) __kvm_make_request(req, native_vcpu(i));
  return false;
}

struct kvm_vcpu *kvm_get_running_vcpu(void)
{
  return native_world.running;
}

void vcpu_load(struct kvm_vcpu *vcpu)
{
}

void vcpu_put(struct kvm_vcpu *vcpu)
{
}

/* ---- guest memory: the words that PV features share with KVM, told apart by their cache ---- */

static struct kvm_vcpu *native_of_pv_eoi(struct gfn_to_hva_cache *ghc)
{
  int i;

  for (i = 0; i < native_world.nr; i++)
    if (ghc == &native_vcpu(i)->arch.pv_eoi.data) return native_vcpu(i);
  return NULL;
}

static struct kvm_vcpu *native_of_vapic(struct gfn_to_hva_cache *ghc)
{
  int i;

  for (i = 0; i < native_world.nr; i++)
    if (ghc == &native_vcpu(i)->arch.apic->vapic_cache) return native_vcpu(i);
  return NULL;
}

int kvm_gfn_to_hva_cache_init(struct kvm *kvm, struct gfn_to_hva_cache *ghc, gpa_t gpa, unsigned long len)
{
  ghc->gpa = gpa;
  ghc->len = len;
  return 0;
}

int kvm_read_guest_cached(struct kvm *kvm, struct gfn_to_hva_cache *ghc, void *data, unsigned long len)
{
  struct kvm_vcpu *vcpu = native_of_pv_eoi(ghc);

  if (vcpu) {
    native_log(LAPIC_CALL_PV_EOI_READ, vcpu, 0, 0);
    if (native_world.pv_eoi_fault[vcpu->vcpu_idx]) return -EFAULT;
    *(u8 *)data = native_world.pv_eoi[vcpu->vcpu_idx];
    return 0;
  }
  vcpu = native_of_vapic(ghc);
  if (!vcpu) return -EFAULT;
  memcpy(data, &native_world.vapic[vcpu->vcpu_idx], len);
  return 0;
}

int kvm_write_guest_cached(struct kvm *kvm, struct gfn_to_hva_cache *ghc, void *data, unsigned long len)
{
  struct kvm_vcpu *vcpu = native_of_pv_eoi(ghc);

  if (vcpu) {
    native_log(LAPIC_CALL_PV_EOI_WRITE, vcpu, *(u8 *)data, 0);
    if (native_world.pv_eoi_fault[vcpu->vcpu_idx]) return -EFAULT;
    native_world.pv_eoi[vcpu->vcpu_idx] = *(u8 *)data;
    return 0;
  }
  vcpu = native_of_vapic(ghc);
  if (!vcpu) return -EFAULT;
  memcpy(&native_world.vapic[vcpu->vcpu_idx], data, len);
  return 0;
}

/* ---- the vendor's module: posts to a descriptor with APICv, sets IRR without ---- */

void __SCT__kvm_x86_deliver_interrupt(struct kvm_lapic *apic, int delivery_mode, int trig_mode, int vector)
{
  native_log(LAPIC_CALL_DELIVER_INTERRUPT, apic->vcpu, delivery_mode | vector, trig_mode);
  if (apic->apicv_active) {
    native_world.pir[apic->vcpu->vcpu_idx][vector >> 5] |= 1u << (vector & 31);
    return;
  }
  kvm_lapic_set_irr(vector, apic);
  kvm_make_request(KVM_REQ_EVENT, apic->vcpu);
  kvm_vcpu_kick(apic->vcpu);
}

int __SCT__kvm_x86_sync_pir_to_irr(struct kvm_vcpu *vcpu)
{
  int max_irr = -1;

  if (!(native_world.flags & LAPIC_POSTING)) return -1;
  native_log(LAPIC_CALL_SYNC_PIR_TO_IRR, vcpu, 0, 0);
  kvm_apic_update_irr(vcpu, native_world.pir[vcpu->vcpu_idx], &max_irr);
  return max_irr;
}

void __SCT__kvm_x86_hwapic_irr_update(struct kvm_vcpu *vcpu, int max_irr)
{
  native_log(LAPIC_CALL_HWAPIC_IRR_UPDATE, vcpu, max_irr, 0);
}

void __SCT__kvm_x86_hwapic_isr_update(struct kvm_vcpu *vcpu, int isr)
{
  native_log(LAPIC_CALL_HWAPIC_ISR_UPDATE, vcpu, isr, 0);
}

void __SCT__kvm_x86_update_cr8_intercept(struct kvm_vcpu *vcpu, int tpr, int irr)
{
  native_log(LAPIC_CALL_UPDATE_CR8_INTERCEPT, vcpu, tpr, irr);
}

void __SCT__kvm_x86_set_virtual_apic_mode(struct kvm_vcpu *vcpu)
{
  native_log(LAPIC_CALL_SET_VIRTUAL_APIC_MODE, vcpu, 0, 0);
}

void __SCT__kvm_x86_refresh_apicv_exec_ctrl(struct kvm_vcpu *vcpu)
{
  native_log(LAPIC_CALL_REFRESH_APICV, vcpu, 0, 0);
}

void __SCT__kvm_x86_apicv_pre_state_restore(struct kvm_vcpu *vcpu)
{
  native_log(LAPIC_CALL_APICV_PRE_RESTORE, vcpu, 0, 0);
  memset(native_world.pir[vcpu->vcpu_idx], 0, sizeof(native_world.pir[0]));
}

void __SCT__kvm_x86_apicv_post_state_restore(struct kvm_vcpu *vcpu)
{
  native_log(LAPIC_CALL_APICV_POST_RESTORE, vcpu, 0, 0);
}

/* Refuses a deadline 2^40 cycles away, as a preemption timer of 32 bits has to. */
int __SCT__kvm_x86_set_hv_timer(struct kvm_vcpu *vcpu, u64 deadline, bool *expired)
{
  u64 now = kvm_read_l1_tsc(vcpu, rdtsc());

  native_log64(LAPIC_CALL_SET_HV_TIMER, vcpu, deadline);
  if (deadline > now && (deadline - now) >> 40) return -ERANGE;
  *expired = deadline <= now;
  return 0;
}

void __SCT__kvm_x86_cancel_hv_timer(struct kvm_vcpu *vcpu)
{
  native_log(LAPIC_CALL_CANCEL_HV_TIMER, vcpu, 0, 0);
}

void __SCT__kvm_x86_vcpu_deliver_sipi_vector(struct kvm_vcpu *vcpu, u8 vector)
{
  native_log(LAPIC_CALL_DELIVER_SIPI, vcpu, vector, 0);
}

void __SCT__kvm_x86_vcpu_reset(struct kvm_vcpu *vcpu, bool init_event)
{
  native_log(LAPIC_CALL_VCPU_RESET, vcpu, init_event, 0);
}

int kvm_pic_read_irq(struct kvm *kvm)
{
  native_log(LAPIC_CALL_PIC_READ_IRQ, NULL, 0, 0);
  kvm->arch.vpic->output = 0;
  return native_world.pic_vector;
}

/* A module's way on after a WRMSR that it has done itself. */
int __SCT__kvm_x86_skip_emulated_instruction(struct kvm_vcpu *vcpu)
{
  return 1;
}

/* arch/x86/kernel/apic: the destination of a message, of 8 bits or of 32 */
u32 x86_msi_msg_get_destid(struct msi_msg *msg, bool extid)
{
  return (msg->address_lo >> 12 & 0xff) | (extid ? msg->address_hi & 0xffffff00 : 0);
}

/* ---- CPUID ---- */

u64 kvm_vcpu_reserved_gpa_bits_raw(struct kvm_vcpu *vcpu)
{
  return rsvd_bits(native_world.maxphyaddr, 63);
}

struct kvm_cpuid_entry2 *kvm_find_cpuid_entry_index(struct kvm_vcpu *vcpu, u32 function, u32 index)
{
  static struct kvm_cpuid_entry2 entry;

  memset(&entry, 0, sizeof(entry));
  entry.function = function;
  /* The entries come with KVM_SET_CPUID2, after the reset. */
  if (function == 1 && native_world.cpuid_flags[vcpu->vcpu_idx] & LAPIC_X2APIC) entry.ecx = 1 << 21;
  return &entry;
}

struct kvm_cpuid_entry2 *kvm_find_cpuid_entry(struct kvm_vcpu *vcpu, u32 function)
{
  return kvm_find_cpuid_entry_index(vcpu, function, 0);
}

/* ---- timers ---- */

ktime_t ktime_get(void)
{
  return native_now;
}

/* The vCPU whose timer it is. */
static struct kvm_vcpu *native_timer_owner(struct hrtimer *timer)
{
  return container_of(timer, struct kvm_lapic, lapic_timer.timer)->vcpu;
}

#ifdef NATIVE_HAVE_hrtimer_setup
void hrtimer_setup(struct hrtimer *timer, enum hrtimer_restart (*function)(struct hrtimer *), clockid_t clock,
                   enum hrtimer_mode mode)
{
  memset(timer, 0, sizeof(*timer));
  timer->function = function;
}
#else
void hrtimer_init(struct hrtimer *timer, clockid_t clock, enum hrtimer_mode mode)
{
  memset(timer, 0, sizeof(*timer));
}
#endif

void hrtimer_start_range_ns(struct hrtimer *timer, ktime_t at, u64 slack, const enum hrtimer_mode mode)
{
  native_log64(LAPIC_CALL_HRTIMER_START, native_timer_owner(timer), at);
  hrtimer_set_expires_range_ns(timer, at, slack);
  native_queued(timer) = 1;
}

int hrtimer_cancel(struct hrtimer *timer)
{
  int was = native_queued(timer);

  native_log(LAPIC_CALL_HRTIMER_CANCEL, native_timer_owner(timer), 0, 0);
  native_queued(timer) = 0;
  return was;
}

void __delay(unsigned long loops)
{
  native_log64(LAPIC_CALL_DELAY, native_world.running, loops);
}

/* ---- containers: the vCPUs by index ---- */

void *xa_load(struct xarray *xa, unsigned long index)
{
  return index < native_world.nr ? native_vcpu(index) : NULL;
}

void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter)
{
  return *index <= max ? xa_load(xa, *index) : NULL;
}

void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter)
{
  ++*index;
  return xa_find(xa, index, max, filter);
}

/* ---- locks: one thread runs everything, but one that is taken twice would hang ---- */

void mutex_lock(struct mutex *lock)
{
  if (atomic_long_xchg(&lock->owner, 1)) native_end(NATIVE_DEADLOCK, "", 0, "a mutex is taken that is already held");
}

void mutex_unlock(struct mutex *lock)
{
  atomic_long_set(&lock->owner, 0);
}

/* ---- memory: freed blocks go to a list of their size, and are cleared when they are used again ---- */

struct native_block {
  u64 size;
  struct native_block *next;
};

#define NATIVE_CLASSES 32
static struct native_block *native_free_blocks[NATIVE_CLASSES];
static void *native_to_free[64];
static int native_nr_to_free;

static void *native_take(unsigned long size)
{
  int class = fls64(size - 1);
  struct native_block *block = native_free_blocks[class];

  if (block) {
    native_free_blocks[class] = block->next;
    memset(block + 1, 0, size);
  } else {
    block = native_alloc(sizeof(*block) + (1UL << class));
  }
  block->size = class;
  return block + 1;
}

void *__kmalloc_noprof(size_t size, gfp_t flags) { return native_take(size); }
void *__kmalloc_cache_noprof(struct kmem_cache *cache, gfp_t flags, size_t size) { return native_take(size); }
void *__kvmalloc_node_noprof(DECL_BUCKET_PARAMS(size, b), gfp_t flags, int node) { return native_take(size); }
unsigned long get_zeroed_page_noprof(gfp_t gfp)
{
  return ALIGN((unsigned long)native_alloc(2 * PAGE_SIZE), PAGE_SIZE);
}

void kvfree(const void *p)
{
  struct native_block *block = (struct native_block *)p - 1;

  if (!p) return;
  block->next = native_free_blocks[block->size];
  native_free_blocks[block->size] = block;
}

void kfree(const void *p)
{
  kvfree(p);
}

void free_pages(unsigned long p, unsigned int order)
{
}

/* The grace period ends with the operation. */
void call_rcu(struct rcu_head *head, rcu_callback_t function)
{
  head->func = function;
  if (native_nr_to_free < ARRAY_SIZE(native_to_free)) native_to_free[native_nr_to_free++] = head;
}

void native_after_op(void)
{
  while (native_nr_to_free) {
    struct rcu_head *head = native_to_free[--native_nr_to_free];

    head->func(head);
  }
}

/* ---- the rest of the kernel ---- */

DEFINE_PER_CPU(struct pcpu_hot, pcpu_hot);
bool static_key_initialized = true;
struct cpuinfo_x86 boot_cpu_data;
unsigned int tsc_khz;
