// SPDX-License-Identifier: GPL-2.0-only
/** The register page as one reads it, without the kernel's caches and helpers. */
import type { kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import { to_u32 } from '../../src/lib/types.js';

export const ISR = 0x100;
export const IRR = 0x200;

/** The register at an offset. */
export const reg = (vcpu: kvm_vcpu, offset: number): number => vcpu.arch.apic.regs[offset >> 2];

/** The vectors that a register of 256 bits has, ascending. */
export function vectorsOf(vcpu: kvm_vcpu, base: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < 8; i++) {
    for (let word = reg(vcpu, base + 16 * i); word !== 0; word = (word & (word - 1)) >>> 0) {
      found.push(32 * i + 31 - Math.clz32(word & -word));
    }
  }
  return found;
}

/** The highest vector of a register of 256 bits; -1 when it is empty. */
export function highest(vcpu: kvm_vcpu, base: number): number {
  for (let i = 7; i >= 0; i--) {
    const word = reg(vcpu, base + 16 * i);
    if (word !== 0) return 32 * i + 31 - Math.clz32(word);
  }
  return -1;
}

export const isOn = (vcpu: kvm_vcpu): boolean => (to_u32(vcpu.arch.apic_base) & 0x800) !== 0;
export const isX2apic = (vcpu: kvm_vcpu): boolean => (to_u32(vcpu.arch.apic_base) & 0x400) !== 0;
export const isSoftwareEnabled = (vcpu: kvm_vcpu): boolean => (reg(vcpu, 0xf0) & 0x100) !== 0;

/** PPR as the SDM computes it, its low nibble as KVM keeps it: TPR, unless what is in service is of a higher class. */
export function priority(vcpu: kvm_vcpu): number {
  const tpr = reg(vcpu, 0x80) & 0xff;
  const inService = Math.max(highest(vcpu, ISR), 0);
  return tpr >> 4 >= inService >> 4 ? tpr : inService & 0xf0;
}

/** The interrupt that a CPU with open interrupts takes next; -1 for none. */
export function deliverable(vcpu: kvm_vcpu): number {
  if (!isOn(vcpu)) return -1;
  const vector = highest(vcpu, IRR);
  return vector >> 4 > priority(vcpu) >> 4 ? vector : -1;
}
