// SPDX-License-Identifier: GPL-2.0-only
/** From a message to its receivers: the set that the mode names, the map that finds it, and the scan that needs none. */

import type { kvm, kvm_lapic_irq, kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import {
  APICV_INHIBIT_REASON_APIC_ID_MODIFIED,
  APICV_INHIBIT_REASON_LOGICAL_ID_ALIASED,
} from '../../src/arch/x86/kvm_host.js';
import type { kvm_apic_map, kvm_lapic } from '../../src/lapic/lapic.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';
import { always, type Property, type Step } from '../vocabulary.js';
import { isOn, isSoftwareEnabled, isX2apic, reg } from './page.js';
import { deliveryWorlds, farId, mapWorlds, worldOf } from './worlds.js';

const XAPIC_DFR = [0x0fff_ffff, 0xffff_ffff];

/**
 * Whether a message names this APIC, asked of the APIC alone, as the bus would. `all` is that mode's broadcast.
 * A message that is no IPI says 0xff for it in either mode.
 */
export function named(vcpu: kvm_vcpu, irq: kvm_lapic_irq, src: kvm_lapic | null): boolean {
  switch (irq.shorthand) {
    case 0x4_0000:
      return src !== null && src.vcpu === vcpu.id;
    case 0x8_0000:
      return true;
    case 0xc_0000:
      return src === null || src.vcpu !== vcpu.id;
    default:
      break;
  }
  const x2 = isX2apic(vcpu);
  const all = x2 ? 0xffff_ffff : 0xff;
  if (irq.dest_id === all || (src === null && irq.dest_id === 0xff)) return true;
  if (irq.dest_mode === 0) {
    if (x2 || irq.dest_id > 0xff) return irq.dest_id === vcpu.vcpu_id;
    return irq.dest_id === reg(vcpu, 0x20) >>> 24;
  }
  const ldr = reg(vcpu, 0xd0);
  if (x2) return ldr >>> 16 === irq.dest_id >>> 16 && (ldr & irq.dest_id & 0xffff) !== 0;
  const id = ldr >>> 24;
  if (reg(vcpu, 0xe0) === 0xffff_ffff) return (id & irq.dest_id) !== 0;
  return id >>> 4 === irq.dest_id >>> 4 && (id & irq.dest_id & 0xf) !== 0;
}

const FIXED_OR_LOWEST = 0x100;
const lowest = (irq: kvm_lapic_irq): boolean => irq.delivery_mode === FIXED_OR_LOWEST || irq.msi_redir_hint;
/** Modes in which APICs differ, or a DFR that is neither: there Linux's map and scan part (test/lapic/details). */
export function plain(step: Step): boolean {
  const modes = new Set(step.m.vcpu.filter(isOn).map(isX2apic));
  const dfrs = step.m.vcpu.every((v) => isX2apic(v) || XAPIC_DFR.includes(reg(v, 0xe0)));
  return modes.size <= 1 && dfrs;
}

/** An IPI or MSI is accepted by exactly the APICs that it names, or by one of them in lowest-priority mode. */
export const exactlyTheNamed = always(
  'a fixed interrupt is accepted by exactly the enabled APICs it names; lowest priority by one of them at most',
  {
    of: 'lapic.8',
    given: worldOf(deliveryWorlds),
    watch: () => {
      let expected: number[] = [];
      let accepted: number[] = [];
      let active = false;
      return {
        probes: {
          kvm_irq_delivery_to_apic: {
            enter: (step, args) => {
              const [, src, irq] = args as [kvm, kvm_lapic | null, kvm_lapic_irq];
              active = irq.delivery_mode <= FIXED_OR_LOWEST && !(irq.trig_mode !== 0 && !irq.level) && plain(step);
              accepted = [];
              expected = step.m.vcpu
                .filter((v) => isOn(v) && isSoftwareEnabled(v) && named(v, irq, src))
                .map((v) => v.id);
            },
            leave: (step, _, args) => {
              const irq = args[2] as kvm_lapic_irq;
              if (!active) return;
              active = false;
              const got = accepted.sort((a, b) => a - b);
              if (expected.length > 0) step.reach();
              if (!lowest(irq) && got.join() !== expected.join()) {
                step.fail(
                  `dest ${irq.dest_id.toString(16)} mode ${irq.dest_mode}: accepted by ${got}, named ${expected}`,
                );
              }
              if (lowest(irq) && (got.length > 1 || got.some((id) => !expected.includes(id)))) {
                step.fail(`lowest priority, dest ${irq.dest_id.toString(16)}: accepted by ${got} of ${expected}`);
              }
            },
          },
          __apic_accept_irq: {
            leave: (_, result, args) => {
              if (active && result === 1) accepted.push((args[0] as kvm_lapic).vcpu);
            },
          },
        },
      };
    },
    fault: {
      says: 'kvm_recalculate_phys_map() lets an id that two APICs have stand for the first',
      funcs: {
        kvm_recalculate_phys_map(this: vmlinux_x86, map: kvm_apic_map, vcpu: kvm_vcpu) {
          const apic = vcpu.arch.apic;
          const id = this.apic_x2apic_mode(apic) ? vcpu.vcpu_id : this.kvm_xapic_id(apic);
          if (map.phys_map[id] === -1) map.phys_map[id] = vcpu.id;
          return 0;
        },
      },
    },
  },
);

/** The map, where there is one, is what a naive reader of all APICs would write down. */
export const mapIsTrue = always(
  'a clean map has each enabled APIC under its id and logical id, and nothing else; an ambiguity disables it',
  {
    of: 'lapic.9',
    // WHY twice: what happens while the map is computed is one chance in many
    given: worldOf([...deliveryWorlds, ...mapWorlds, farId, farId]),
    watch: () => ({
      probes: {
        kvm_recalculate_apic_map: {
          leave: (step, _, args) => {
            const map = (args[0] as kvm).arch.apic_map;
            const size = map?.phys_map.length ?? 0;
            if (map !== null && size !== map.max_apic_id + 1)
              step.fail(`entry ${size - 1} of phys_map is out of bounds`);
          },
        },
      },
      after: (step) => {
        const { arch } = step.m.kvm[0];
        if (arch.apic_map_dirty !== 0) step.fail('the map is dirty when nobody is at work on it');
        const on = step.m.vcpu.filter(isOn);
        const idOf = (v: kvm_vcpu): number => (isX2apic(v) ? v.vcpu_id : reg(v, 0x20) >>> 24);
        const aliased = new Set(on.map(idOf)).size !== on.length;
        const map = arch.apic_map;
        if (aliased !== (map === null)) step.fail(`ids ${on.map(idOf)}: ${map === null ? 'no map' : 'a map'}`);
        if (map === null) return;
        step.reach();
        map.phys_map.forEach((got, id) => {
          const expected = on.find((v) => idOf(v) === id)?.id ?? -1;
          if (got !== expected) step.fail(`phys_map[${id}] is ${got}, APIC with this id is ${expected}`);
        });
        logicalFaults(on, map).forEach((fault) => void step.fail(fault));
        if (!arch.enable_apicv) return;
        const renamed = on.some((v) => !isX2apic(v) && idOf(v) !== (v.vcpu_id & 0xff));
        inhibited(step, APICV_INHIBIT_REASON_APIC_ID_MODIFIED, renamed);
        if (arch.vendor === 'svm')
          inhibited(step, APICV_INHIBIT_REASON_LOGICAL_ID_ALIASED, map.logical_mode === DISABLED);
      },
    }),
    fault: {
      says: 'a write of LDR does not make the map dirty',
      funcs: {
        kvm_apic_set_ldr(this: vmlinux_x86, apic: kvm_lapic, id: number) {
          this.kvm_lapic_set_reg(apic, 0xd0, id);
        },
      },
    },
  },
);

/** APICv is off for a reason exactly while there is one. */
function inhibited(step: Step, reason: number, expected: boolean): void {
  const is = (step.m.kvm[0].arch.apicv_inhibit_reasons & (1 << reason)) !== 0;
  if (is !== expected)
    step.fail(`APICv inhibit ${reason} is ${is ? 'set' : 'clear'}, should ${expected ? '' : 'not '}be`);
}

/** Modes of the logical map, by what KVM calls them. */
const CLUSTER = 1;
const FLAT = 2;
const X2APIC = 3;
const DISABLED = 4;

function logicalFaults(on: readonly kvm_vcpu[], map: kvm_apic_map): string[] {
  const taking = on.filter((v) => isSoftwareEnabled(v) && reg(v, 0xd0) !== 0);
  const modeOf = (v: kvm_vcpu): number => (isX2apic(v) ? X2APIC : reg(v, 0xe0) === 0xffff_ffff ? FLAT : CLUSTER);
  const modes = [...new Set(taking.map(modeOf))];
  if (modes.length > 1) return map.logical_mode === DISABLED ? [] : [`mixed modes, map in mode ${map.logical_mode}`];
  if (modes.length === 0 || modes[0] === X2APIC) {
    const expected = modes[0] ?? 0;
    return map.logical_mode === expected ? [] : [`logical mode ${map.logical_mode}, should be ${expected}`];
  }
  const [mode] = modes;
  const rows = new Map<string, number>();
  for (const v of taking) {
    const id = reg(v, 0xd0) >>> 24;
    const bits = mode === FLAT ? id : id & 0xf;
    if (bits === 0) continue;
    const slot = `${mode === FLAT ? 0 : id >>> 4}.${31 - Math.clz32(bits)}`;
    if ((bits & (bits - 1)) !== 0 || rows.has(slot)) {
      return map.logical_mode === DISABLED ? [] : [`logical ids overlap, map in mode ${map.logical_mode}`];
    }
    rows.set(slot, v.id);
  }
  if (map.logical_mode !== mode) return [`logical mode ${map.logical_mode}, should be ${mode}`];
  const table = mode === FLAT ? [map.xapic_flat_map] : map.xapic_cluster_map;
  return table.flatMap((row, r) =>
    row.flatMap((got, bit) => (got === (rows.get(`${r}.${bit}`) ?? -1) ? [] : [`logical map ${r}.${bit} is ${got}`])),
  );
}

/** The fast path does what the scan would, where every APIC is in the same mode. */
export const fastIsSlow = always('delivery through the map reaches the APICs that a scan of all of them finds', {
  of: 'lapic.10',
  given: worldOf(deliveryWorlds),
  watch: () => ({
    probes: {
      kvm_apic_map_get_dest_lapic: {
        leave: (step, handled, args) => {
          const [, src, irq, , out] = args as [
            kvm,
            kvm_lapic | null,
            kvm_lapic_irq,
            unknown,
            { dst: number[]; base: number; bitmap: number },
          ];
          if (handled !== true || irq.shorthand !== 0 || lowest(irq) || !plain(step)) return;
          const fast: number[] = [];
          for (let i = 0; i < 16; i++) if ((out.bitmap >> i) & 1) fast.push(out.dst[out.base + i]);
          const enabled = (id: number): boolean => id !== -1 && isSoftwareEnabled(step.m.vcpu[id]);
          const slow = step.m.vcpu
            .filter(
              (v) => isOn(v) && step.kernel.kvm_apic_match_dest(v, src, irq.shorthand, irq.dest_id, irq.dest_mode),
            )
            .map((v) => v.id);
          const [a, b] = [fast, slow].map((ids) => ids.filter(enabled).sort((x, y) => x - y));
          if (b.length > 0) step.reach();
          if (a.join() !== b.join()) step.fail(`dest ${irq.dest_id.toString(16)}: map ${a}, scan ${b}`);
        },
      },
    },
  }),
  fault: {
    says: 'kvm_recalculate_logical_map() lets one of two APICs with the same logical id stand for both',
    funcs: {
      kvm_recalculate_logical_map(this: vmlinux_x86, map: kvm_apic_map, vcpu: kvm_vcpu) {
        const { apic } = vcpu.arch;
        const id = this.kvm_lapic_get_reg(apic, 0xd0) >>> 24;
        if (!this.kvm_apic_sw_enabled(apic) || id === 0 || this.apic_x2apic_mode(apic)) return;
        map.logical_mode = this.kvm_lapic_get_reg(apic, 0xe0) === 0xffff_ffff ? FLAT : CLUSTER;
        const row = map.logical_mode === FLAT ? map.xapic_flat_map : map.xapic_cluster_map[id >>> 4];
        const bits = map.logical_mode === FLAT ? id : id & 0xf;
        for (let i = 0; i < row.length; i++) if ((bits >> i) & 1) row[i] = vcpu.id;
      },
    },
  },
});

export const deliveryProperties: readonly Property[] = [exactlyTheNamed, mapIsTrue, fastIsSlow];
