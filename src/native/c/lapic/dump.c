/* SPDX-License-Identifier: GPL-2.0-only */
/* The state after an operation, as u32 words; src/conform/apic/state.ts writes the model's in the same order. */
#include "drv_lapic.h"

static u32 *out;

static void put(u32 x) { *out++ = x; }
static void put64(u64 x)
{
  put(x);
  put(x >> 32);
}

static u32 index_of(struct kvm_lapic *apic) { return apic ? apic->vcpu->vcpu_idx : ~0u; }

static void put_lapic(struct kvm_lapic *apic)
{
  struct kvm_timer *t = &apic->lapic_timer;

  put64(apic->base_address);
  put64(t->period);
  put64(t->target_expiration);
  put(t->timer_mode);
  put(t->timer_mode_mask);
  put64(t->tscdeadline);
  put64(t->expired_tscdeadline);
  put(t->timer_advance_ns);
  put(atomic_read(&t->pending));
  put(t->hv_timer_in_use);
  put(native_queued(&t->timer));
  put64(native_queued(&t->timer) ? hrtimer_get_expires(&t->timer) : 0);
  put(apic->divide_count);
  put(apic->apicv_active);
  put(apic->sw_enabled);
  put(apic->irr_pending);
  put(apic->lvt0_in_nmi_mode);
  put(apic->isr_count);
  put(apic->highest_isr_cache);
  put64(apic->vapic_addr);
  put(apic->pending_events);
  put(apic->sipi_vector);
  put(apic->nr_lvt_entries);
  memcpy(out, apic->regs, 1024);
  out += 256;
}

static void put_vcpu(struct kvm_vcpu *vcpu)
{
  struct native_world *w = &native_world;
  int i = vcpu->vcpu_idx;

  put64(vcpu->requests);
  put64(vcpu->arch.apic_base);
  put(vcpu->arch.apic_arb_prio);
  put(vcpu->arch.apic_attention);
  put(vcpu->arch.mp_state);
  put(vcpu->arch.pv.pv_unhalted);
  put(atomic_read(&vcpu->arch.nmi_queued));
  put(vcpu->arch.nmi_pending);
  put(vcpu->arch.hflags);
  put(vcpu->arch.pending_ioapic_eoi);
  put(vcpu->arch.pending_external_vector);
  put64(vcpu->arch.pv_eoi.msr_val);
  put(w->pv_eoi[i]);
  put(w->vapic[i]);
  put(vcpu->arch.virtual_tsc_mult);
  put(vcpu->arch.virtual_tsc_shift);
  memcpy(out, vcpu->arch.ioapic_handled_vectors, 32);
  out += 8;
  memcpy(out, w->pir[i], 32);
  out += 8;
  put_lapic(vcpu->arch.apic);
}

static void put_ioapic(struct kvm_ioapic *ioapic)
{
  int i;

  put(ioapic->ioregsel);
  put(ioapic->id);
  put(ioapic->irr);
  put(ioapic->irr_delivered);
  put(ioapic->rtc_status.pending_eoi);
  put(ioapic->rtc_status.dest_map.map[0]);
  for (i = 0; i < IOAPIC_NUM_PINS; i++) {
    put64(ioapic->redirtbl[i].bits);
    put(ioapic->irq_states[i]);
    put(ioapic->irq_eoi[i]);
  }
}

/* Of the logical tables the one that the mode says; nobody reads them otherwise. */
static void put_map(struct kvm_apic_map *map)
{
  u32 *count, i;

  put(!!map);
  if (!map) return;
  put(map->logical_mode);
  put(map->max_apic_id);
  if (map->logical_mode == KVM_APIC_MODE_XAPIC_CLUSTER)
    for (i = 0; i < 64; i++) put(index_of(map->xapic_cluster_map[i / 4][i % 4]));
  else if (map->logical_mode == KVM_APIC_MODE_XAPIC_FLAT)
    for (i = 0; i < 8; i++) put(index_of(map->xapic_flat_map[i]));
  count = out++;
  for (i = 0; i <= map->max_apic_id; i++)
    if (map->phys_map[i]) put(i << 8 | index_of(map->phys_map[i]));
  *count = out - count - 1;
}

int native_dump(native_s64 *words, int extended)
{
  struct native_world *w = &native_world;
  struct kvm *kvm = w->kvm;
  u32 *start = (u32 *)words;
  int i;

  out = start;
  put(w->nr);
  put(w->nr_calls);
  memcpy(out, w->calls, w->nr_calls * sizeof(*w->calls));
  out += 4 * w->nr_calls;
  put(!!native_warns);
  put64(w->data);
  if (kvm) {
    put(atomic_read(&kvm->arch.vapics_in_nmi_mode));
    put(kvm->arch.apicv_inhibit_reasons);
    put(kvm->arch.disabled_lapic_found);
    put(atomic_read(&kvm->arch.apic_map_dirty));
    for (i = 0; i < w->nr; i++) put_vcpu(w->vcpu[i]);
    put(!!kvm->arch.vioapic);
    if (kvm->arch.vioapic) put_ioapic(kvm->arch.vioapic);
    put_map(rcu_dereference_raw(kvm->arch.apic_map));
    memcpy(out, w->staged, sizeof(w->staged));
    out += 256;
  }
  if ((out - start) & 1) put(0);
  return (out - start) / 2;
}

#define NAME(name) "\"" #name "\","
const char *native_schema(void)
{
  return "{\"ops\":[" LAPIC_OPS(NAME) "null],\"calls\":[" LAPIC_CALLS(NAME) "null]}";
}
