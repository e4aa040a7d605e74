// SPDX-License-Identifier: GPL-2.0-only
/** The APICs' state as u32 words, in the order of src/native/c/lapic/dump.c, and the names of the words. */
import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import type { kvm_ioapic } from '../../lapic/ioapic.js';
import type { kvm_apic_map } from '../../lapic/lapic.js';
import { entryHigh, entryLow } from '../../lapic/redirect-entry.js';
import { type i64, shr, to_u32, type u64, ZERO } from '../../lib/types.js';
import { APIC_CALLS, APIC_MAX_VCPUS } from '../../operation/apic.js';
import { NULL } from '../../sched/sched.js';
import type { kernel_state_x86 } from '../../vmlinux/vmlinux-x86.js';
import type { ApicWorld } from './shims.js';

const CLUSTER = 1;
const FLAT = 2;
const PINS = 24;
/** Enough for the most vCPUs, calls and ids. */
const MOST_WORDS = 64_000;

/** Writes states into one buffer, again and again. */
export class ApicStateWriter {
  readonly words = new Uint32Array(MOST_WORDS);
  private at = 0;
  /** a map does not change once it is made */
  private map: kvm_apic_map | null = null;
  private mapWords: number[] = [];

  private put(x: number): void {
    this.words[this.at++] = x;
  }

  private put64(x: i64): void {
    this.words[this.at++] = to_u32(x);
    this.words[this.at++] = to_u32(shr(x as u64, 32));
  }

  private putAll(list: readonly number[]): void {
    this.words.set(list, this.at);
    this.at += list.length;
  }

  /** The state after an operation: how many words, an even number. */
  write(m: kernel_state_x86, w: ApicWorld): number {
    this.at = 0;
    this.put(m.vcpu.length);
    this.put(w.calls.length / 4);
    this.putAll(w.calls);
    this.put(m.warns > 0 ? 1 : 0);
    this.put64(w.data);
    const kvm = m.kvm[0];
    if (kvm !== undefined) {
      this.put(kvm.arch.vapics_in_nmi_mode);
      this.put(kvm.arch.apicv_inhibit_reasons);
      this.put(kvm.arch.disabled_lapic_found ? 1 : 0);
      this.put(kvm.arch.apic_map_dirty);
      for (const vcpu of m.vcpu) this.vcpu(m, vcpu, w.pir[vcpu.id]);
      this.put(kvm.arch.vioapic === null ? 0 : 1);
      if (kvm.arch.vioapic !== null) this.ioapic(kvm.arch.vioapic);
      this.putAll(this.ofMap(m, kvm.arch.apic_map));
      this.putAll(w.staged);
    }
    if ((this.at & 1) === 1) this.put(0);
    return this.at;
  }

  private vcpu(m: kernel_state_x86, vcpu: kvm_vcpu, pir: readonly number[]): void {
    const { arch } = vcpu;
    this.put64(vcpu.requests);
    this.put64(arch.apic_base);
    this.put(arch.apic_arb_prio);
    this.put(arch.apic_attention);
    this.put(arch.mp_state);
    this.put(arch.pv.pv_unhalted ? 1 : 0);
    this.put(arch.nmi_queued);
    this.put(arch.nmi_pending);
    this.put(arch.hflags);
    this.put(arch.pending_ioapic_eoi);
    this.put(arch.pending_external_vector);
    this.put64(arch.pv_eoi.msr_val);
    this.put(arch.pv_eoi.memory);
    this.put(arch.apic.vapic_cache);
    this.put(arch.virtual_tsc_mult);
    this.put(arch.virtual_tsc_shift);
    this.putAll(arch.ioapic_handled_vectors);
    this.putAll(pir);
    const { apic } = arch;
    const t = apic.lapic_timer;
    const timer = m.hrtimer[t.timer];
    this.put64(apic.base_address);
    this.put64(t.period);
    this.put64(t.target_expiration);
    this.put(t.timer_mode);
    this.put(t.timer_mode_mask);
    this.put64(t.tscdeadline);
    this.put64(t.expired_tscdeadline);
    this.put(t.timer_advance_ns);
    this.put(t.pending);
    this.put(t.hv_timer_in_use ? 1 : 0);
    this.put(timer.queued);
    this.put64(timer.queued === 1 ? timer.expires : ZERO);
    this.put(apic.divide_count);
    this.put(apic.apicv_active ? 1 : 0);
    this.put(apic.sw_enabled ? 1 : 0);
    this.put(apic.irr_pending ? 1 : 0);
    this.put(apic.lvt0_in_nmi_mode ? 1 : 0);
    this.put(apic.isr_count);
    this.put(apic.highest_isr_cache);
    this.put64(apic.vapic_addr);
    this.put(apic.pending_events);
    this.put(apic.sipi_vector);
    this.put(apic.nr_lvt_entries);
    this.putAll(apic.regs);
  }

  private ioapic(ioapic: kvm_ioapic): void {
    this.put(ioapic.ioregsel);
    this.put(ioapic.id);
    this.put(ioapic.irr);
    this.put(ioapic.irr_delivered);
    this.put(ioapic.rtc_status.pending_eoi);
    const { map } = ioapic.rtc_status.dest_map;
    let bits = 0;
    for (let i = 0; i < Math.min(32, map.length); i++) if (map[i] === 1) bits |= 1 << i;
    this.put(bits);
    for (let pin = 0; pin < PINS; pin++) {
      const e = ioapic.redirtbl[pin];
      this.put(entryLow(e));
      this.put(entryHigh(e));
      this.put(ioapic.irq_states[pin]);
      this.put(ioapic.irq_eoi[pin]);
    }
  }

  private ofMap(m: kernel_state_x86, map: kvm_apic_map | null): readonly number[] {
    if (map === null) return [0];
    if (map === this.map) return this.mapWords;
    const index = (id: number): number => (id === NULL ? 0xffff_ffff : m.vcpu[id].vcpu_idx);
    const words = [1, map.logical_mode, map.max_apic_id];
    if (map.logical_mode === CLUSTER) for (const row of map.xapic_cluster_map) words.push(...row.map(index));
    else if (map.logical_mode === FLAT) words.push(...map.xapic_flat_map.map(index));
    const found: number[] = [];
    map.phys_map.forEach((id, apicId) => {
      if (id !== NULL) found.push((apicId << 8) | index(id));
    });
    this.map = map;
    this.mapWords = [...words, found.length, ...found];
    return this.mapWords;
  }
}

const REGISTERS: Readonly<Record<number, string>> = {
  32: 'ID',
  48: 'LVR',
  128: 'TPR',
  144: 'APR',
  160: 'PPR',
  176: 'EOI',
  208: 'LDR',
  224: 'DFR',
  240: 'SPIV',
  640: 'ESR',
  752: 'LVTCMCI',
  768: 'ICR',
  784: 'ICR2',
  800: 'LVTT',
  816: 'LVTTHMR',
  832: 'LVTPC',
  848: 'LVT0',
  864: 'LVT1',
  880: 'LVTERR',
  896: 'TMICT',
  912: 'TMCCT',
  992: 'TDCR',
};

/** `ICR 300`, `IRR 230`, `page 304` */
function registerName(offset: number): string {
  const hex = offset.toString(16);
  if ((offset & 0xf) !== 0) return `page ${hex}`;
  if (offset >= 0x100 && offset < 0x280) return `${['ISR', 'TMR', 'IRR'][(offset - 0x100) >> 7]} ${hex}`;
  return `${REGISTERS[offset] ?? 'page'} ${hex}`;
}

const two = (name: string): string[] => [name, `${name} (high)`];
const eight = (name: string): string[] => Array.from({ length: 8 }, (_, i) => `${name}[${i}]`);
const PAGE = Array.from({ length: 256 }, (_, i) => registerName(i * 4));
const VCPU_WORDS: readonly string[] = [
  ...two('requests'),
  ...two('apic_base'),
  ...['apic_arb_prio', 'apic_attention', 'mp_state', 'pv_unhalted', 'nmi_queued', 'nmi_pending', 'hflags'],
  ...['pending_ioapic_eoi', 'pending_external_vector', ...two('pv_eoi.msr_val'), 'pv_eoi byte', 'vapic_cache'],
  ...['virtual_tsc_mult', 'virtual_tsc_shift', ...eight('ioapic_handled_vectors'), ...eight('pir')],
  ...[...two('base_address'), ...two('period'), ...two('target_expiration'), 'timer_mode', 'timer_mode_mask'],
  ...[...two('tscdeadline'), ...two('expired_tscdeadline'), 'timer_advance_ns', 'pending', 'hv_timer_in_use'],
  ...['timer queued', ...two('timer expires'), 'divide_count', 'apicv_active', 'sw_enabled', 'irr_pending'],
  ...['lvt0_in_nmi_mode', 'isr_count', 'highest_isr_cache', ...two('vapic_addr'), 'pending_events', 'sipi_vector'],
  ...['nr_lvt_entries', ...PAGE],
];
const IOAPIC_WORDS: readonly string[] = [
  ...['ioregsel', 'id', 'irr', 'irr_delivered', 'pending_eoi', 'dest_map'],
  ...Array.from({ length: PINS }, (_, i) => [
    `redirtbl[${i}]`,
    `redirtbl[${i}] (high)`,
    `irq_states[${i}]`,
    `irq_eoi[${i}]`,
  ]).flat(),
];

function logicalNames(mode: number): string[] {
  if (mode === CLUSTER) return Array.from({ length: 64 }, (_, i) => `cluster[${i >> 2}][${i & 3}]`);
  return mode === FLAT ? Array.from({ length: 8 }, (_, i) => `flat[${i}]`) : [];
}

/** Words of a state before the first vCPU's: counts, calls out, what is the VM's. */
const AHEAD = 2 + 3 + 4;

/** Word `name` of vCPU `cpu`: `timer expires`, `IRR 220`. */
export function vcpuWord(words: Readonly<Uint32Array>, cpu: number, name: string): number {
  const at = VCPU_WORDS.indexOf(name);
  if (at < 0 || cpu >= words[0]) throw new RangeError(`${name} of vCPU ${cpu}`);
  return words[AHEAD + 4 * words[1] + cpu * VCPU_WORDS.length + at];
}

/** The name of word `index` of a state. */
export function apicWordName(words: Readonly<Uint32Array>, index: number): string {
  const [vcpus, calls] = words;
  if (index === 0) return 'vCPUs';
  if (index === 1) return 'calls out';
  let at = 2;
  if (index < at + 4 * calls) {
    const n = (index - at) >> 2;
    const [call, vcpu] = words.subarray(at + 4 * n, at + 4 * n + 2);
    const part = ['call', 'vCPU', 'first argument', 'second argument'][(index - at) & 3];
    return `calls out[${n}] ${APIC_CALLS[call] ?? call}${vcpu < APIC_MAX_VCPUS ? ` of c${vcpu}` : ''}: ${part}`;
  }
  at += 4 * calls;
  const within = (names: readonly string[], prefix: string): string | null => {
    if (index < at + names.length) return `${prefix}${names[index - at]}`;
    at += names.length;
    return null;
  };
  let name = within(['warned', ...two('data read')], '');
  name ??= within(['vapics_in_nmi_mode', 'apicv_inhibit_reasons', 'disabled_lapic_found', 'apic_map_dirty'], 'kvm.');
  for (let c = 0; name === null && c < vcpus; c++) name = within(VCPU_WORDS, `c${c} `);
  if (name !== null) return name;
  const ioapic = words[at] === 1;
  name = within(['ioapic present'], '');
  if (ioapic) name ??= within(IOAPIC_WORDS, 'ioapic.');
  if (name !== null) return name;
  const mapped = words[at] === 1;
  const logicalMode = words[at + 1];
  name = within(['apic_map present'], '');
  if (mapped) {
    name ??= within(['logical_mode', 'max_apic_id'], 'apic_map.');
    const logical = logicalNames(logicalMode);
    name ??= within(logical, 'apic_map.');
    const ids = words[at];
    name ??= within(['ids', ...Array.from({ length: ids }, (_, i) => `phys_map entry ${i}`)], 'apic_map.');
  }
  return (
    name ??
    within(
      PAGE.map((register) => `kvm_lapic_state ${register}`),
      '',
    ) ??
    `word ${index}`
  );
}
