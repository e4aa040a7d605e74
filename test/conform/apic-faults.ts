// SPDX-License-Identifier: GPL-2.0-only
/** Faults to plant in the local APIC's mirrored functions: the mistakes one makes when mirroring lapic.c. */
import type { kvm, kvm_lapic_irq, kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import type { dest_lapics, int_out, kvm_apic_map, kvm_lapic } from '../../src/lapic/lapic.js';
import { add, or, s64, s64_add, u64, ZERO } from '../../src/lib/types.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';
import { called, type Fault, fault, missing, result } from './faults.js';

const ONE = u64(1);
const apicOf = (args: readonly unknown[]): kvm_lapic => args[0] as kvm_lapic;

/** Done, and then something else with the APIC that is the first argument. */
const and = (name: Parameters<typeof fault>[0], what: string, more: (k: vmlinux_x86, args: never[]) => void): Fault =>
  fault(
    name,
    what,
    (right) =>
      function (this: vmlinux_x86, ...args: unknown[]) {
        const r = right.apply(this, args);
        more(this, args as never[]);
        return r;
      },
  );

export const apicFaults: readonly Fault[] = [
  // Registers
  called('kvm_apic_set_ldr', 'keeps the low bits', ([apic, id]) => [apic, (id as number) | 1]),
  called('kvm_apic_set_dfr', 'clears the reserved bits', ([apic, val]) => [apic, (val as number) & 0xf000_0000]),
  called('apic_set_spiv', 'drops bit 9', ([apic, val]) => [apic, (val as number) & ~0x200]),
  called('apic_set_tpr', 'drops the sub-class', ([apic, tpr]) => [apic, (tpr as number) & 0xf0]),
  result('kvm_apic_calc_nr_lvt_entries', 'one too many', (n: number) => n + 1),
  result('kvm_lapic_readable_reg_mask', 'reads EOI', (mask: u64) => or(mask, u64(1 << 0xb))),
  result('get_lvt_index', 'LVTERR is no LVT', (i: number) => (i === 5 ? -1 : i)),
  result('kvm_apic_calc_x2apic_ldr', 'cluster of 8', (ldr: number) => (ldr & 0xff ? ldr : ldr << 1) >>> 0),
  missing('kvm_apic_set_version'),
  missing('apic_manage_nmi_watchdog'),
  // The map
  called('kvm_recalculate_phys_map', 'never tells a mismatch', ([map, vcpu]) => [map, vcpu, { value: false }]),
  missing('kvm_recalculate_logical_map'),
  and('kvm_recalculate_apic_map', 'leaves it dirty', (_, [kvm]) => {
    (kvm as kvm).arch.apic_map_dirty = 1;
  }),
  fault(
    'kvm_apic_map_get_logical_dest',
    'x2APIC clusters overlap',
    (right) =>
      function (this: vmlinux_x86, map: kvm_apic_map, id: number, out: dest_lapics) {
        const r = right.call(this, map, id, out);
        if (map.logical_mode === 3 && out.base > 0) out.base -= 1;
        return r;
      },
  ),
  result('kvm_apic_is_broadcast_dest', 'never', () => false),
  result('kvm_apic_broadcast', 'never', () => false),
  result('kvm_apic_match_physical_addr', 'the other way round', (r: boolean) => !r),
  called('kvm_apic_mda', 'takes a message for an IPI', ([vcpu, id, , target]) => [vcpu, id, target, target]),
  // Delivery
  result('kvm_vector_to_index', 'the first', () => 0),
  result('kvm_apic_compare_prio', 'backwards', (n: number) => -n),
  missing('kvm_apic_disabled_lapic_found'),
  called('__apic_accept_irq', 'edge as level', ([apic, mode, vector, level, , map]) => [
    apic,
    mode,
    vector,
    level,
    1,
    map,
  ]),
  and('__apic_accept_irq', 'keeps no SIPI vector', (_, args) => {
    apicOf(args).sipi_vector = 0;
  }),
  called('kvm_irq_delivery_to_apic', 'forgets the hint', ([kvm, src, irq, map]) => [
    kvm,
    src,
    { ...(irq as kvm_lapic_irq), msi_redir_hint: false },
    map,
  ]),
  result('kvm_pv_send_ipi', 'one too many', (n: number) => n + 1),
  called('__pv_send_ipi', 'one id too high', ([bitmap, map, irq, min]) => [bitmap, map, irq, (min as number) + 1]),
  called('kvm_set_msi_irq', 'ignores the high half', ([kvm, e, irq]) => [
    kvm,
    { ...(e as object), address_hi: 0 },
    irq,
  ]),
  result('kvm_intr_is_single_vcpu', 'nobody', () => -1),
  missing('kvm_bitmap_or_dest_vcpus'),
  // IRR, ISR, PPR
  result('find_highest_vector', 'off by one below 32', (v: number) => (v >= 0 && v < 32 ? v - 1 : v)),
  result('count_vectors', 'never more than one', (n: number) => Math.min(n, 1)),
  result('__apic_update_ppr', 'never fell', () => false),
  result('apic_has_interrupt_for_ppr', 'ignores PPR', (v: number) => (v === -1 ? -1 : v & ~1)),
  and('apic_clear_irr', 'hint stays', (_, args) => {
    (args[1] as kvm_lapic).irr_pending = true;
  }),
  and('apic_set_isr', 'caches nothing', (_, args) => {
    (args[1] as kvm_lapic).highest_isr_cache = -1;
  }),
  and('apic_clear_isr', 'count stays', (_, args) => {
    (args[1] as kvm_lapic).isr_count++;
  }),
  result('__kvm_apic_update_irr', 'always news', () => true),
  missing('kvm_ioapic_send_eoi'),
  result('kvm_ioapic_handles_vector', 'none', () => false),
  missing('kvm_lapic_update_cr8_intercept'),
  // PV
  missing('pv_eoi_set_pending'),
  result('pv_eoi_test_and_clr_pending', 'the other way round', (r: boolean) => !r),
  missing('apic_sync_pv_eoi_to_guest'),
  result('kvm_lapic_set_pv_eoi', 'any address', () => 0),
  missing('kvm_lapic_sync_from_vapic'),
  // Timer
  and('update_divide_count', 'divides by 2 at least', (_, args) => {
    apicOf(args).divide_count = Math.max(2, apicOf(args).divide_count);
  }),
  missing('limit_periodic_timer_frequency'),
  missing('cancel_apic_timer'),
  and('apic_update_lvtt', 'keeps the deadline', (_, args) => {
    if (apicOf(args).lapic_timer.tscdeadline === ZERO) apicOf(args).lapic_timer.tscdeadline = ONE;
  }),
  and('set_target_expiration', 'a ns late', (_, args) => {
    const t = apicOf(args).lapic_timer;
    t.target_expiration = s64_add(t.target_expiration, s64(1));
  }),
  called('update_target_expiration', 'forgets the old divisor', ([apic]) => [apic, 1]),
  missing('advance_periodic_target_expiration'),
  result('tmict_to_ns', 'in 32 bits', (ns: u64) => u64(Number(BigInt(ns as never) & 0xffff_ffffn))),
  result('apic_get_tmcct', 'never 0', (n: number) => n | 1),
  and('kvm_apic_inject_pending_timer_irqs', 'keeps the deadline', (_, args) => {
    apicOf(args).lapic_timer.tscdeadline = ONE;
  }),
  missing('adjust_lapic_timer_advance'),
  called('apic_timer_expired', 'always from the timer', ([apic]) => [apic, true]),
  result('start_hv_timer', 'always refuses', () => false),
  missing('__kvm_migrate_apic_timer'),
  result('nsec_to_cycles', 'one too many', (n: u64) => add(n, ONE)),
  result('lapic_timer_int_injected', 'always', () => true),
  // Modes, reset, state
  called('__kvm_apic_set_base', 'keeps the address', ([vcpu, value]) => [
    vcpu,
    u64((BigInt(value as never) & 0xfffn) | 0xfee0_0000n),
  ]),
  result('kvm_apic_set_base', 'never refused', () => 0),
  and('kvm_lapic_reset', 'keeps TMICT', (_, [vcpu]) => {
    (vcpu as kvm_vcpu).arch.apic.regs[0x380 >> 2] = 1;
  }),
  and('kvm_apic_update_apicv', 'hint cleared', (_, [vcpu]) => {
    (vcpu as kvm_vcpu).arch.apic.irr_pending = false;
  }),
  missing('kvm_apic_state_fixup', 0),
  and('kvm_apic_set_state', 'keeps the priority', (_, [vcpu]) => {
    (vcpu as kvm_vcpu).arch.apic_arb_prio = 1;
  }),
  result('kvm_apic_accept_pic_intr', 'never', () => 0),
  and('kvm_apic_accept_events', 'keeps the SIPI', (_, [vcpu]) => {
    (vcpu as kvm_vcpu).arch.apic.pending_events |= 2;
  }),
  fault(
    'kvm_lapic_reg_read',
    'no alignment',
    (right) =>
      function (this: vmlinux_x86, apic: kvm_lapic, offset: number, len: number, data: int_out) {
        return right.call(this, apic, offset & ~3, len, data);
      },
  ),
  called('kvm_lapic_reg_write', 'ICR2 in full', ([apic, reg, val]) => [
    apic,
    reg,
    reg === (0xf0 as never) ? (val as number) & ~0x1000 : val,
  ]),
  called('kvm_x2apic_icr_write', 'drops the destination', ([apic, data]) => [
    apic,
    u64(Number(BigInt(data as never) & 0xffff_ffffn)),
  ]),
  called('kvm_lapic_msr_write', 'cuts to 32 bits', ([apic, reg, data]) => [
    apic,
    reg,
    reg === (0x300 as never) ? data : u64(Number(BigInt(data as never) & 0xffff_ffffn)),
  ]),
  // Around it: IOAPIC, PIC, the rest of delivery
  missing('kvm_ioapic_update_eoi_one'),
  missing('rtc_irq_eoi'),
  missing('kvm_rtc_eoi_tracking_restore_one'),
  result('rtc_irq_check_coalesced', 'never', () => false),
  called('ioapic_service', 'forgets the RTC', ([ioapic, irq]) => [ioapic, irq, false]),
  called('kvm_ioapic_set_irq', 'one source', ([ioapic, irq, , level, status]) => [ioapic, irq, 0, level, status]),
  missing('kvm_ioapic_scan_entry'),
  missing('kvm_scan_ioapic_routes'),
  result('kvm_msi_route_invalid', 'never', () => false),
  result('kvm_cpu_get_extint', 'nothing', () => -1),
  missing('kvm_apic_update_hwapic_isr'),
  missing('kvm_make_scan_ioapic_request'),
  result('kvm_apicv_activated', 'always', () => true),
  result('handle_fastpath_set_x2apic_icr_irqoff', 'never', () => 1),
];
