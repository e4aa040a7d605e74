// SPDX-License-Identifier: GPL-2.0-only
/** The register page as a data sheet has it: what of a write stays, what else it changes, and how the APIC is named when it comes on. */
import type { kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import { to_u32, toBigInt, type u64 } from '../../src/lib/types.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';
import { always, type Property, type Step } from '../vocabulary.js';
import { isOn, isX2apic } from './page.js';
import { accessWorlds, modeWorlds, worldOf } from './worlds.js';

const MASKED = 1 << 16;
const LVT = MASKED | (1 << 12) | 0xff;
const WITH_MODE = LVT | 0x700;
const LINT = WITH_MODE | 0xe000;
const TIMER_MODES = 3 << 17;
const DEADLINE = 2 << 17;
const LVTS: Readonly<Record<number, number>> = {
  800: LVT | TIMER_MODES,
  816: WITH_MODE,
  832: WITH_MODE,
  848: LINT,
  864: LINT,
  880: LVT,
};
const DIRECTED_EOI = 1 << 24;
const ENABLED = 1 << 8;
/** of the low half of an x2APIC ICR */
const ICR_RESERVED = 0xfff3_2000;

/** The page as it is to be after a write: what can be written of the register, and what goes with it. */
function pageAfter(regs: number[], x2: boolean, offset: number, value: number): number[] {
  const page = [...regs];
  const at = (r: number): number => r >> 2;
  const set = (r: number, v: number): void => {
    page[at(r)] = v >>> 0;
  };
  const off = (regs[at(0xf0)] & ENABLED) === 0 ? MASKED : 0;
  const deadline = (r: number): boolean => (r & TIMER_MODES) === DEADLINE;
  switch (offset) {
    case 0x20:
      if (!x2) set(0x20, value & 0xff00_0000);
      break;
    case 0x80:
      set(0x80, value & 0xff);
      break;
    case 0xd0:
      if (!x2) set(0xd0, value & 0xff00_0000);
      break;
    case 0xe0:
      if (!x2) set(0xe0, value | 0x0fff_ffff);
      break;
    case 0xf0:
      set(0xf0, value & (0x3ff | ((regs[at(0x30)] & DIRECTED_EOI) !== 0 ? 1 << 12 : 0)));
      if ((value & ENABLED) === 0) for (const r of Object.keys(LVTS)) set(Number(r), page[at(Number(r))] | MASKED);
      break;
    case 0x300:
      if (!x2) set(0x300, value & ~(1 << 12));
      break;
    case 0x310:
      if (!x2) set(0x310, value & 0xff00_0000);
      break;
    case 0x320: {
      const next = (value | off) & LVTS[0x320];
      if (deadline(next) !== deadline(regs[at(0x320)])) set(0x380, 0);
      set(0x320, next);
      break;
    }
    case 0x380:
      if (!deadline(regs[at(0x320)])) set(0x380, value);
      break;
    case 0x3e0:
      set(0x3e0, value & 0xb);
      break;
    default:
      if (LVTS[offset] !== undefined) set(offset, (value | off) & LVTS[offset]);
  }
  return page;
}

/** Which words belong to what a message or an EOI may change: IRR, ISR, TMR, PPR. */
const isState = (word: number): boolean => {
  const offset = word << 2;
  return (offset >= 0x100 && offset < 0x280) || offset === 0xa0;
};

/** The register that the event writes, and what; null when none. */
function written(event: MachineEvent, x2: boolean): { vcpu: number; offset: number; value: number } | null {
  if (event.ev === 'cr8') return { vcpu: event.vcpu, offset: 0x80, value: event.value << 4 };
  if (event.ev === 'mmio_write') return x2 ? null : { vcpu: event.vcpu, offset: event.reg, value: event.value };
  if (event.ev !== 'wrmsr' || !x2 || event.msr < 0x800 || event.msr > 0x83f) return null;
  const offset = (event.msr & 0x3f) << 4;
  return event.high === 0 || offset === 0x300 ? { vcpu: event.vcpu, offset, value: event.value } : null;
}

/** What is in the page after an IPI: xAPIC and AMD have the destination in ICR2, Intel's x2APIC behind the low half. */
function icrAfter(page: number[], x2: boolean, split: boolean, low: number, dest: number): void {
  if (x2 && (low & ICR_RESERVED) !== 0) return;
  page[0x300 >> 2] = (low & ~(1 << 12)) >>> 0;
  if (!x2) page[0x310 >> 2] = (dest << 24) >>> 0;
  else page[(split ? 0x310 : 0x304) >> 2] = dest;
}

/** Whether a guest may read the register, by the data sheet. */
function isReadable(offset: number, x2: boolean): boolean {
  if (offset >= 0x100 && offset < 0x290) return true;
  if ([0x90, 0xe0, 0x310].includes(offset)) return !x2;
  return (
    [0x20, 0x30, 0x80, 0xa0, 0xd0, 0xf0, 0x300, 0x380, 0x390, 0x3e0].includes(offset) || LVTS[offset] !== undefined
  );
}

/** A read finds what the page has; TMCCT is computed. */
function reads(step: Step, vcpu: number, offset: number, value: bigint): void {
  if (offset === 0x390) return;
  const { regs } = step.m.vcpu[vcpu].arch.apic;
  const split = step.m.kvm[0].arch.vendor === 'svm';
  let expected = BigInt(regs[offset >> 2]);
  if (offset === 0x300 && isX2apic(step.m.vcpu[vcpu])) expected |= BigInt(regs[(split ? 0x310 : 0x304) >> 2]) << 32n;
  step.reach();
  if (value !== expected)
    step.fail(
      `vCPU ${vcpu}: reads 0x${value.toString(16)} at 0x${offset.toString(16)}, page has 0x${expected.toString(16)}`,
    );
}

export const pageIsSheet = always(
  'a write leaves its writable bits in the page and changes only the registers that go with it; a read returns them',
  {
    of: 'lapic.23',
    given: worldOf(accessWorlds),
    watch: () => {
      let expected: number[][] = [];
      return {
        probes: {
          apic_mmio_read: {
            leave: (step, r, args) => {
              const [vcpu, address, , data] = args as [kvm_vcpu, u64, number, { value: number }];
              const offset = Number(toBigInt(address) & 0xfffn);
              if (r === 0 && isOn(vcpu) && !isX2apic(vcpu) && isReadable(offset, false))
                reads(step, vcpu.id, offset, BigInt(data.value));
            },
          },
          kvm_x2apic_msr_read: {
            leave: (step, r, args) => {
              const [vcpu, msr, data] = args as [kvm_vcpu, number, { value: u64 }];
              const offset = (msr - 0x800) << 4;
              const readable = isOn(vcpu) && isX2apic(vcpu) && isReadable(offset, true);
              if ((r === 0) !== readable) step.fail(`RDMSR 0x${msr.toString(16)} of vCPU ${vcpu.id}: ${String(r)}`);
              if (r === 0) reads(step, vcpu.id, offset, toBigInt(data.value));
            },
          },
        },
        before: ({ event, m }) => {
          const target = 'vcpu' in event ? m.vcpu[event.vcpu] : undefined;
          const write =
            target !== undefined && (isOn(target) || event.ev === 'cr8') ? written(event, isX2apic(target)) : null;
          expected = m.vcpu.map(({ id, arch }) =>
            write === null || write.vcpu !== id
              ? [...arch.apic.regs]
              : pageAfter(arch.apic.regs, target !== undefined && isX2apic(target), write.offset, write.value),
          );
          if (target === undefined || !isOn(target)) return;
          const split = m.kvm[0].arch.vendor === 'svm';
          if (event.ev === 'write_icr') icrAfter(expected[target.id], isX2apic(target), split, event.low, event.dest);
          else if (event.ev === 'wrmsr' && event.msr === 0x830 && isX2apic(target))
            icrAfter(expected[target.id], true, split, event.value, event.high);
        },
        after: (step) => {
          const { event, m } = step;
          if (!['mmio_write', 'wrmsr', 'mmio_read', 'rdmsr', 'write_icr', 'cr8'].includes(event.ev)) return;
          if (event.ev === 'wrmsr' && event.msr < 0x800) return;
          if (event.ev === 'mmio_write') step.reach();
          for (const { id, arch } of m.vcpu) {
            // version 0x14, six entries of the LVT
            const version = arch.apic.regs[0x30 >> 2] & 0xff_00ff;
            if (version !== 0x5_0014) step.fail(`vCPU ${id}: LVR 0x${version.toString(16)}`);
            arch.apic.regs.forEach((got, word) => {
              const offset = word << 2;
              if (got === expected[id][word] || isState(word)) return;
              const should = `should be 0x${expected[id][word].toString(16)}`;
              step.fail(`vCPU ${id}: 0x${offset.toString(16)} is 0x${got.toString(16)}, ${should}`);
            });
          }
        },
      };
    },
    fault: {
      says: 'LVT entries are written as they come while the APIC is software disabled',
      funcs: { kvm_apic_sw_enabled: () => true },
    },
  },
);

/** What of a WRMSR is refused, by the SDM: reserved bits, registers that there are none of, high halves. */
function refused({ m }: Step, event: Extract<MachineEvent, { ev: 'wrmsr' }>): boolean | null {
  const vcpu = m.vcpu[event.vcpu];
  const { msr, value, high } = event;
  if (msr === 0x1b) return refusedBase(vcpu, value, high);
  if (msr < 0x800 || msr > 0x83f) return null;
  if (!isOn(vcpu) || !isX2apic(vcpu)) return true;
  const offset = (msr & 0x3f) << 4;
  if (offset === 0x300) return (value & ICR_RESERVED) !== 0;
  if (high !== 0) return true;
  switch (offset) {
    case 0x80:
    case 0xf0:
    case 0x380:
    case 0x3e0:
    case 0xb0:
      return false;
    case 0x280:
      return value !== 0;
    case 0x3f0:
      return value > 0xff;
    default:
      return LVTS[offset] === undefined;
  }
}

function refusedBase(vcpu: kvm_vcpu, value: number, high: number): boolean {
  const mode = (value >>> 10) & 3;
  const old = (to_u32(vcpu.arch.apic_base) >>> 10) & 3;
  if (mode === 1 || (value & 0x2ff) !== 0 || high >= 1 << 14) return true;
  return (old === 3 && mode === 2) || (old === 0 && mode === 3);
}

export const gpIsRaised = always(
  'WRMSR of an APIC register or its base faults for reserved bits and modes and for nonexistent registers, and otherwise never',
  {
    of: 'lapic.24',
    given: worldOf(modeWorlds),
    watch: () => {
      let expected: boolean | null = null;
      return {
        before: (step) => {
          expected = step.event.ev === 'wrmsr' ? refused(step, step.event) : null;
        },
        probes: {
          kvm_set_msr_commonApic: {
            leave: (step, r) => {
              if (expected === null || step.event.ev !== 'wrmsr') return;
              if (expected) step.reach();
              if ((r === 1) !== expected)
                step.fail(`WRMSR ${JSON.stringify(step.event)} returns ${String(r)}, #GP ${expected}`);
            },
          },
        },
      };
    },
    fault: { says: 'kvm_x2apic_icr_write() looks at no reserved bits', funcs: { kvm_x2apic_icr_write: () => 0 } },
  },
);

/** vcpu_id in bits 31:24 as xAPIC; all of it as x2APIC, with the logical id that follows from it. */
export const namedOnEnable = always(
  'an APIC that comes on, or changes its mode, has the id of its vCPU, and in x2APIC mode the logical id that goes with it',
  {
    of: 'lapic.25',
    given: worldOf(modeWorlds),
    watch: () => {
      let before: number[] = [];
      const modes = ({ m }: Step): number[] => m.vcpu.map((v) => (to_u32(v.arch.apic_base) >>> 10) & 3);
      return {
        before: (step) => {
          before = modes(step);
        },
        after: (step) => {
          modes(step).forEach((mode, i) => {
            if (mode === before[i] || mode === 0) return;
            step.reach();
            const { vcpu_id, arch } = step.m.vcpu[i];
            const id = mode === 3 ? vcpu_id : (vcpu_id << 24) >>> 0;
            const ldr = mode === 3 ? ((vcpu_id >>> 4) << 16) | (1 << (vcpu_id & 0xf)) : arch.apic.regs[0xd0 >> 2];
            const got = [arch.apic.regs[0x20 >> 2], arch.apic.regs[0xd0 >> 2]];
            if (got[0] !== id || got[1] !== ldr)
              step.fail(`vCPU ${i}: ID 0x${got[0].toString(16)}, LDR 0x${got[1].toString(16)} in mode ${mode}`);
          });
        },
      };
    },
    fault: {
      says: 'kvm_apic_set_x2apic_id() leaves LDR',
      funcs: {
        kvm_apic_set_x2apic_id(this: vmlinux_x86, apic: { regs: number[] }, id: number) {
          apic.regs[0x20 >> 2] = id;
        },
      },
    },
  },
);

export const accessProperties: readonly Property[] = [pageIsSheet, gpIsRaised, namedOnEnable];
