/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * arch/x86/kvm/lapic.c of the tree, and the driver: a VM of vCPUs that are nothing but local APICs.
 *
 * The tree's file comes first, so that the driver sees what is static in it. Nothing runs a guest: an operation is an
 * access that a guest or userspace makes, a timer that fires, a step of the entry. Calls out of the APICs stand in
 * shims.c.
 */
#include "arch/x86/kvm/lapic.c"
#include "drv_lapic.h"

native_u64 native_now;
unsigned long native_warns, native_irqs_on = 1;
struct native_world native_world;

struct kvm_vcpu *native_vcpu(int i)
{
  return i >= 0 && i < native_world.nr ? native_world.vcpu[i] : NULL;
}

native_s64 native_set_vtime(const struct native_op *op)
{
  return NATIVE_BAD_OP;
}

int native_call(unsigned int function, const native_s64 *args, native_s64 *results)
{
  return 0;
}

void native_boot(int cpus)
{
  native_now = NSEC_PER_SEC;
}

unsigned long long native_clock_tsc(void)
{
  return native_now * native_world.tsc_khz / 1000000;
}

/* ---- making it ---- */

/* KVM_SET_CPUID2, as far as an APIC hears of it. */
static void native_set_cpuid(struct kvm_vcpu *vcpu, unsigned int flags)
{
  native_world.cpuid_flags[vcpu->vcpu_idx] = flags;
  vcpu->arch.is_amd_compatible = !(flags & LAPIC_INTEL);
  if (flags & LAPIC_TSC_DEADLINE) vcpu->arch.apic->lapic_timer.timer_mode_mask = 3 << 17;
  else vcpu->arch.apic->lapic_timer.timer_mode_mask = 1 << 17;
  kvm_apic_set_version(vcpu);
}

/* The part of kvm_vm_ioctl_create_vcpu() and kvm_arch_vcpu_create() that concerns the APIC. */
static native_s64 native_add_vcpu(u32 id)
{
  struct kvm *kvm = native_world.kvm;
  int idx = native_world.nr;
  struct kvm_vcpu *vcpu;

  if (idx >= LAPIC_MAX_VCPUS) return NATIVE_BAD_OP;
  vcpu = native_alloc(sizeof(*vcpu));
  native_world.vcpu[idx] = vcpu;
  vcpu->kvm = kvm;
  vcpu->run = native_alloc(sizeof(*vcpu->run));
  vcpu->vcpu_id = id;
  vcpu->vcpu_idx = idx;
  vcpu->cpu = -1;
  vcpu->arch.mp_state = kvm_vcpu_is_reset_bsp(vcpu) ? KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_UNINITIALIZED;
  vcpu->arch.regs_avail = ~0;
  vcpu->arch.regs_dirty = ~0;
  kvm_create_lapic(vcpu);
  vcpu->arch.pending_external_vector = -1;
  lapic_set_tsc_khz(vcpu, native_world.tsc_khz);
  kvm_vcpu_reset(vcpu, false);
  native_world.nr++;
  atomic_inc(&kvm->online_vcpus);
  if (native_world.flags & LAPIC_CMCI) {
    vcpu->arch.mcg_cap |= MCG_CMCI_P;
    kvm_apic_after_set_mcg_cap(vcpu);
  }
  native_set_cpuid(vcpu, native_world.flags);
  if (native_world.flags & LAPIC_RUNNING) vcpu->arch.mp_state = KVM_MP_STATE_RUNNABLE;
  return idx;
}

static struct kvm_irq_routing_table *native_routes(void)
{
  struct kvm_irq_routing_table *table = native_alloc(sizeof(*table) + 24 * sizeof(struct hlist_head));

  table->nr_rt_entries = 24;
  return table;
}

/* a: kHz of the TSC; b: id of the first vCPU, step between ids << 16, MAXPHYADDR << 32; id: how many */
static native_s64 native_create(const struct native_op *op)
{
  struct kvm *kvm;
  int i;

  if (native_world.kvm || op->id > LAPIC_MAX_VCPUS) return NATIVE_BAD_OP;
  kvm = native_world.kvm = native_alloc(sizeof(*kvm));
  native_world.flags = op->flags;
  native_world.tsc_khz = op->a;
  native_world.maxphyaddr = (u64)op->b >> 32;
  lapic_boot(op->flags, op->a);
  lapic_timer_advance = !!(op->flags & LAPIC_ADVANCE_TIMER);
  mutex_init(&kvm->lock);
  mutex_init(&kvm->arch.apic_map_lock);
  init_rwsem(&kvm->arch.apicv_update_lock);
  kvm->arch.bsp_vcpu_id = op->b & 0xffff;
  kvm->arch.apic_bus_cycle_ns = APIC_BUS_CYCLE_NS_DEFAULT;
  kvm->arch.nr_reserved_ioapic_pins = 24;
  kvm->arch.irqchip_mode = op->flags & LAPIC_SPLIT_IRQCHIP ? KVM_IRQCHIP_SPLIT : KVM_IRQCHIP_KERNEL;
  kvm->arch.x2apic_format = !!(op->flags & LAPIC_X2APIC_FORMAT);
  kvm->arch.x2apic_broadcast_quirk_disabled = !!(op->flags & LAPIC_NO_BROADCAST_QUIRK);
  kvm->arch.mwait_in_guest = !!(op->flags & LAPIC_MWAIT_IN_GUEST);
  kvm->arch.hlt_in_guest = !!(op->flags & LAPIC_HLT_IN_GUEST);
  if (op->flags & LAPIC_NO_LINT0_QUIRK) kvm->arch.disabled_quirks |= KVM_X86_QUIRK_LINT0_REENABLED;
  if (op->flags & LAPIC_NO_HOLE_QUIRK) kvm->arch.disabled_quirks |= KVM_X86_QUIRK_LAPIC_MMIO_HOLE;
  kvm->arch.apicv_inhibit_reasons =
    1UL << (op->flags & LAPIC_APICV ? APICV_INHIBIT_REASON_ABSENT : APICV_INHIBIT_REASON_DISABLED);
  RCU_INIT_POINTER(kvm->irq_routing, native_routes());
  if (!(op->flags & LAPIC_SPLIT_IRQCHIP)) {
    kvm->arch.vpic = native_alloc(sizeof(*kvm->arch.vpic));
    kvm_ioapic_init(kvm);
  }
  kvm_clear_apicv_inhibit(kvm, APICV_INHIBIT_REASON_ABSENT);
  for (i = 0; i < op->id; i++) native_add_vcpu((op->b & 0xffff) + i * (op->b >> 16 & 0xffff));
  return native_world.nr;
}

/* ---- timers: armed, cancelled, fired by FIRE alone ---- */

static native_s64 native_fire(struct kvm_vcpu *vcpu)
{
  struct hrtimer *timer = &vcpu->arch.apic->lapic_timer.timer;

  if (!native_queued(timer) || hrtimer_get_expires(timer) > native_now) return 0;
  native_queued(timer) = 0;
  if (timer->function(timer) == HRTIMER_RESTART) native_queued(timer) = 1;
  return 1;
}

/* ---- messages ---- */

static struct kvm_kernel_irq_routing_entry native_msi(const struct native_op *op)
{
  struct kvm_kernel_irq_routing_entry e = {
    .type = KVM_IRQ_ROUTING_MSI,
    .msi = { .address_lo = op->a, .address_hi = (u64)op->a >> 32, .data = op->b },
  };

  return e;
}

/* a: vector, delivery mode << 8 as in ICR, level << 32, hint << 33; b: dest_id, dest mode << 32, shorthand << 36, trigger << 56 */
static struct kvm_lapic_irq native_irq(const struct native_op *op)
{
  struct kvm_lapic_irq irq = {
    .vector = op->a & 0xff,
    .delivery_mode = op->a & 0x700,
    .level = op->a >> 32 & 1,
    .msi_redir_hint = op->a >> 33 & 1,
    .dest_id = op->b,
    .dest_mode = op->b >> 32 & 1 ? APIC_DEST_LOGICAL : APIC_DEST_PHYSICAL,
    .shorthand = (op->b >> 36 & 3) << 18,
    .trig_mode = op->b >> 56 & 1 ? APIC_INT_LEVELTRIG : 0,
  };

  return irq;
}

static native_s64 native_single(const struct native_op *op)
{
  struct kvm_kernel_irq_routing_entry e = native_msi(op);
  struct kvm_vcpu *dest = NULL;
  struct kvm_lapic_irq irq;

  kvm_set_msi_irq(native_world.kvm, &e, &irq);
  if (!kvm_intr_is_single_vcpu(native_world.kvm, &irq, &dest)) return -1;
  return dest ? dest->vcpu_idx : -1;
}

static native_s64 native_dest_vcpus(const struct native_op *op)
{
  struct kvm_lapic_irq irq = native_irq(op);
  unsigned long bitmap[BITS_TO_LONGS(KVM_MAX_VCPUS)] = {};

  kvm_bitmap_or_dest_vcpus(native_world.kvm, &irq, bitmap);
  return bitmap[0];
}

static native_s64 native_route(const struct native_op *op)
{
  struct kvm_irq_routing_table *table = rcu_dereference_raw(native_world.kvm->irq_routing);
  struct kvm_kernel_irq_routing_entry *e = native_alloc(sizeof(*e));

  if (op->id < 0 || op->id >= 24) return NATIVE_BAD_OP;
  *e = native_msi(op);
  e->gsi = op->id;
  INIT_HLIST_HEAD(&table->map[op->id]);
  hlist_add_head(&e->link, &table->map[op->id]);
  kvm_arch_post_irq_routing_update(native_world.kvm);
  return 0;
}

/* ---- guests' accesses ---- */

static native_s64 native_mmio(struct kvm_vcpu *vcpu, struct kvm_io_device *dev, const struct native_op *op, bool write)
{
  /* longer than any access that comes through */
  u64 data = write ? (u32)op->b : ~0ULL;
  int r;

  if (write) return kvm_iodevice_write(vcpu, dev, op->a, op->id, &data);
  r = kvm_iodevice_read(vcpu, dev, op->a, op->id, &data);
  native_world.data = (u32)data;
  return r;
}

static native_s64 native_msr(struct kvm_vcpu *vcpu, const struct native_op *op, bool write)
{
  struct msr_data msr = { .host_initiated = op->flags & 1, .index = op->id, .data = write ? op->a : 0 };
  int r = write ? kvm_set_msr_common(vcpu, &msr) : kvm_get_msr_common(vcpu, &msr);

  if (!write && !r) native_world.data = msr.data;
  return r;
}

static native_s64 native_state(struct kvm_vcpu *vcpu, bool set)
{
  struct kvm_lapic_state *s = (void *)native_world.staged;

  return set ? kvm_apic_set_state(vcpu, s) : kvm_apic_get_state(vcpu, s);
}

static native_s64 native_reg_read(struct kvm_vcpu *vcpu, const struct native_op *op)
{
  u64 data = 0;
  int r = kvm_hv_vapic_msr_read(vcpu, op->id, &data);

  if (!r) native_world.data = data;
  return r;
}

static native_s64 native_sync_pir(struct kvm_vcpu *vcpu)
{
  int max_irr = -1;
  bool updated = kvm_apic_update_irr(vcpu, native_world.pir[vcpu->vcpu_idx], &max_irr);

  return max_irr * 2 + updated;
}

static native_s64 native_pv_ipi(const struct native_op *op)
{
  return kvm_pv_send_ipi(native_world.kvm, op->a, op->b, op->id, op->flags & 0x7fffffff, op->flags >> 31);
}

/* KVM_SET_MP_STATE without loading the vCPU. */
static native_s64 native_mp_state(struct kvm_vcpu *vcpu, const struct native_op *op, bool set)
{
  struct kvm_mp_state s = { .mp_state = op->a };
  int r = set ? kvm_arch_vcpu_ioctl_set_mpstate(vcpu, &s) : kvm_arch_vcpu_ioctl_get_mpstate(vcpu, &s);

  return set || r < 0 ? r : (native_s64)s.mp_state;
}

/* What belongs to the VM, or to none of its vCPUs. */
static native_s64 native_vm_op(const struct native_op *op)
{
  struct kvm *kvm = native_world.kvm;
  struct kvm_kernel_irq_routing_entry e;
  struct kvm_lapic_irq irq;

  switch (op->op) {
  case LAPIC_ADD_VCPU:
    return native_add_vcpu(op->a);
  case LAPIC_ADVANCE:
    native_now += op->a;
    return 0;
  case LAPIC_STAGE:
    if (op->id < 0 || op->id > 255) return NATIVE_BAD_OP;
    native_world.staged[op->id] = op->a;
    return 0;
  case LAPIC_MSI:
    e = native_msi(op);
    return kvm_set_msi(&e, kvm, 0, !(op->flags & 1), false);
  case LAPIC_MSI_INATOMIC:
    e = native_msi(op);
    return kvm_arch_set_irq_inatomic(&e, kvm, 0, 1, false);
  case LAPIC_SINGLE_VCPU:
    return native_single(op);
  case LAPIC_DEST_VCPUS:
    return native_dest_vcpus(op);
  case LAPIC_DELIVER:
    irq = native_irq(op);
    return kvm_irq_delivery_to_apic(kvm, native_vcpu(op->cpu) ? native_vcpu(op->cpu)->arch.apic : NULL, &irq, NULL);
  case LAPIC_PV_IPI:
    return native_pv_ipi(op);
  case LAPIC_INHIBIT:
    kvm_set_or_clear_apicv_inhibit(kvm, op->id, op->a);
    return 0;
  case LAPIC_ROUTE:
    return native_route(op);
  case LAPIC_QUIRKS:
    kvm->arch.disabled_quirks = op->a;
    return 0;
  case LAPIC_PARAM:
    if (op->id == 3) kvm->arch.x2apic_format = op->a;
    else if (op->id == 4) kvm->arch.apic_bus_cycle_ns = op->a;
    else lapic_set_param(op->id, op->a);
    return 0;
  case LAPIC_IOAPIC_READ:
  case LAPIC_IOAPIC_WRITE:
    if (!kvm->arch.vioapic) return NATIVE_BAD_OP;
    return native_mmio(native_vcpu(0), &kvm->arch.vioapic->dev, op, op->op == LAPIC_IOAPIC_WRITE);
  case LAPIC_IOAPIC_IRQ:
    if (!kvm->arch.vioapic) return NATIVE_BAD_OP;
    return kvm_ioapic_set_irq(kvm->arch.vioapic, op->id, op->flags >> 1, op->a, op->flags & 1);
  case LAPIC_MATCH:
    return kvm_apic_match_dest(native_vcpu(op->cpu), native_vcpu(op->id) ? native_vcpu(op->id)->arch.apic : NULL,
                               (op->flags & 3) << 18, op->a, op->flags & 4 ? APIC_DEST_LOGICAL : APIC_DEST_PHYSICAL);
  }
  return NATIVE_BAD_OP;
}

/* The driver's own part of a vCPU's surroundings. */
static native_s64 native_around(struct kvm_vcpu *vcpu, const struct native_op *op)
{
  struct native_world *w = &native_world;

  switch (op->op) {
  case LAPIC_FIRE:
    return native_fire(vcpu);
  case LAPIC_PV_EOI_MEMORY:
    w->pv_eoi[op->cpu] = op->a;
    w->pv_eoi_fault[op->cpu] = op->flags & 1;
    return 0;
  case LAPIC_VAPIC_MEMORY:
    w->vapic[op->cpu] = op->a;
    return 0;
  case LAPIC_POST:
    w->pir[op->cpu][op->a >> 5 & 7] |= 1u << (op->a & 31);
    return 0;
  case LAPIC_MODE:
    vcpu->mode = op->a;
    vcpu->wants_to_run = op->id & 1;
    return 0;
  case LAPIC_SMM:
    if (op->a) vcpu->arch.hflags |= HF_SMM_MASK;
    else vcpu->arch.hflags &= ~HF_SMM_MASK;
    return 0;
  case LAPIC_CPUID:
    native_set_cpuid(vcpu, op->flags);
    return 0;
  case LAPIC_TSC_OFFSET:
    vcpu->arch.l1_tsc_offset = vcpu->arch.tsc_offset = op->a;
    return 0;
  case LAPIC_EXTINT:
    if (w->kvm->arch.vpic) {
      w->kvm->arch.vpic->output = op->a >= 0;
      w->pic_vector = op->a;
    } else {
      vcpu->arch.pending_external_vector = op->a;
    }
    return 0;
  case LAPIC_TAKE_REQUESTS:
    vcpu->requests &= ~op->a;
    return 0;
  case LAPIC_MCG:
    vcpu->arch.mcg_cap = op->a ? vcpu->arch.mcg_cap | MCG_CMCI_P : vcpu->arch.mcg_cap & ~MCG_CMCI_P;
    kvm_apic_after_set_mcg_cap(vcpu);
    return 0;
  case LAPIC_NMI:
    if (op->a) kvm_inject_nmi(vcpu);
    else lapic_process_nmi(vcpu);
    return 0;
  case LAPIC_REPORT_TPR:
    vcpu->arch.tpr_access_reporting = op->a;
    return 0;
  }
  return NATIVE_BAD_OP;
}

static native_s64 native_timer_op(struct kvm_vcpu *vcpu, const struct native_op *op)
{
  switch (op->op) {
  case LAPIC_PENDING_TIMER:
    return kvm_cpu_has_pending_timer(vcpu);
  case LAPIC_INJECT_TIMER:
    kvm_inject_pending_timer_irqs(vcpu);
    return 0;
  case LAPIC_HV_EXPIRED:
    kvm_lapic_expired_hv_timer(vcpu);
    return 0;
  case LAPIC_TO_HV_TIMER:
    kvm_lapic_switch_to_hv_timer(vcpu);
    return 0;
  case LAPIC_TO_SW_TIMER:
    kvm_lapic_switch_to_sw_timer(vcpu);
    return kvm_lapic_hv_timer_in_use(vcpu);
  case LAPIC_RESTART_HV_TIMER:
    if (!kvm_lapic_hv_timer_in_use(vcpu)) return NATIVE_IDLE;
    kvm_lapic_restart_hv_timer(vcpu);
    return 0;
  case LAPIC_MIGRATE:
    __kvm_migrate_timers(vcpu);
    return 0;
  case LAPIC_WAIT_EXPIRE:
    kvm_wait_lapic_expire(vcpu);
    return 0;
  }
  return native_around(vcpu, op);
}

static native_s64 native_vcpu_op(struct kvm_vcpu *vcpu, const struct native_op *op)
{
  switch (op->op) {
  case LAPIC_MMIO_READ:
  case LAPIC_MMIO_WRITE:
    return native_mmio(vcpu, &vcpu->arch.apic->dev, op, op->op == LAPIC_MMIO_WRITE);
  case LAPIC_RDMSR:
  case LAPIC_WRMSR:
    return native_msr(vcpu, op, op->op == LAPIC_WRMSR);
  case LAPIC_FASTPATH:
    return lapic_fastpath(vcpu, op->id, op->a);
  case LAPIC_SET_CR8:
    kvm_lapic_set_tpr(vcpu, op->a);
    return 0;
  case LAPIC_GET_CR8:
    return kvm_lapic_get_cr8(vcpu);
  case LAPIC_GET_INTERRUPT:
    return kvm_cpu_get_interrupt(vcpu);
  case LAPIC_HAS_INTERRUPT:
    return kvm_cpu_has_interrupt(vcpu);
  case LAPIC_HAS_INJECTABLE:
    return kvm_cpu_has_injectable_intr(vcpu);
  case LAPIC_APIC_HAS:
    return kvm_apic_has_interrupt(vcpu);
  case LAPIC_ACCEPT_PIC:
    return kvm_apic_accept_pic_intr(vcpu);
  case LAPIC_EOI:
    kvm_lapic_set_eoi(vcpu);
    return 0;
  case LAPIC_EOI_ACCELERATED:
    kvm_apic_set_eoi_accelerated(vcpu, op->a);
    return 0;
  case LAPIC_NODECODE:
    kvm_apic_write_nodecode(vcpu, op->id);
    return 0;
  case LAPIC_HV_WRITE:
    return kvm_hv_vapic_msr_write(vcpu, op->id, op->a);
  case LAPIC_HV_READ:
    return native_reg_read(vcpu, op);
  case LAPIC_GET_STATE:
  case LAPIC_SET_STATE:
    return native_state(vcpu, op->op == LAPIC_SET_STATE);
  case LAPIC_EVENTS:
    return kvm_apic_accept_events(vcpu);
  case LAPIC_GET_MP_STATE:
  case LAPIC_SET_MP_STATE:
    return native_mp_state(vcpu, op, op->op == LAPIC_SET_MP_STATE);
  case LAPIC_LOCAL:
    return kvm_apic_local_deliver(vcpu->arch.apic, op->id);
  case LAPIC_NMI_WATCHDOG:
    kvm_apic_nmi_wd_deliver(vcpu);
    return 0;
  case LAPIC_VAPIC_ADDR:
    return kvm_lapic_set_vapic_addr(vcpu, op->a);
  case LAPIC_SYNC_FROM:
    kvm_lapic_sync_from_vapic(vcpu);
    return 0;
  case LAPIC_SYNC_TO:
    kvm_lapic_sync_to_vapic(vcpu);
    return 0;
  case LAPIC_UPDATE_APICV:
    __kvm_vcpu_update_apicv(vcpu);
    return 0;
  case LAPIC_SYNC_PIR:
    return native_sync_pir(vcpu);
  case LAPIC_CLEAR_IRR:
    kvm_apic_clear_irr(vcpu, op->a & 0xff);
    return 0;
  case LAPIC_SCAN_IOAPIC:
    lapic_scan_ioapic(vcpu);
    return 0;
  case LAPIC_RESET:
    kvm_lapic_reset(vcpu, op->a);
    return 0;
  case LAPIC_UPDATE_PPR:
    kvm_apic_update_ppr(vcpu);
    return 0;
  case LAPIC_COMPARE:
    return native_vcpu(op->id) ? kvm_apic_compare_prio(vcpu, native_vcpu(op->id)) : NATIVE_BAD_OP;
  case LAPIC_FREE:
    /* what is freed stays readable until it is used again; nothing may follow */
    kvm_free_lapic(vcpu);
    return 0;
  }
  return native_timer_op(vcpu, op);
}

native_s64 native_exec(const struct native_op *op)
{
  struct kvm_vcpu *vcpu;
  native_s64 r;

  native_world.nr_calls = 0;
  native_world.data = 0;
  if (op->op == LAPIC_CREATE) return native_create(op);
  if (!native_world.kvm) return NATIVE_BAD_OP;
  vcpu = native_vcpu(op->cpu);
  native_world.running = vcpu;
  r = native_vm_op(op);
  if (r == NATIVE_BAD_OP && vcpu) r = native_vcpu_op(vcpu, op);
  native_after_op();
  return r;
}
