// SPDX-License-Identifier: GPL-2.0-only
/** The table at the head of lapic.ts, against what the functions below it let a guest read and write. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ZERO } from '../../src/lib/types.js';
import { createLapicMachine, startAps } from '../../src/machine/lapic-machine.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';

interface Row {
  xapic: string;
  x2apic: string;
}

/** By offset; what the table does not name is '-'. */
function table(): Row[] {
  const text = readFileSync(new URL('../../src/lapic/lapic.ts', import.meta.url), 'utf8');
  const rows = Array.from({ length: 0x40 }, (): Row => ({ xapic: '-', x2apic: '-' }));
  for (const [, first, last = first, xapic, x2apic] of text.matchAll(
    /^ \* {3}([0-9a-f]{3})(?:-([0-9a-f]{3}))? +\w+ +(rw|r|w|-) +(rw|r|w|-)/gm,
  )) {
    for (let at = parseInt(first, 16); at <= parseInt(last, 16); at += 16) rows[at >> 4] = { xapic, x2apic };
  }
  // they stand with LVTT
  for (let at = 0x330; at <= 0x370; at += 16) rows[at >> 4] = rows[0x32];
  return rows;
}

const access = (r: boolean, w: boolean): string => `${r ? 'r' : ''}${w ? 'w' : ''}` || '-';

/** On a fresh machine for each offset, so that no write shows in another's answer. */
function measured(x2: boolean, offset: number): string {
  const made = createLapicMachine(linux_6_12, { vcpus: 1, cmci: true, vendor: 'vmx' });
  startAps(made);
  const { k } = made;
  const [vcpu] = made.vcpus;
  const { apic } = vcpu.arch;
  k.kvm_lapic_reg_write(apic, 0xf0, 0x1ff);
  if (!x2) {
    const r = k.kvm_lapic_reg_read(apic, offset, 4, { value: 0 }) === 0;
    return access(r, k.kvm_lapic_reg_write(apic, offset, 0) === 0);
  }
  vcpu.arch.apic_base = (Number(vcpu.arch.apic_base) | 0x400) as never;
  const msr = 0x800 + (offset >> 4);
  const r = k.kvm_x2apic_msr_read(vcpu, msr, { value: ZERO }) === 0;
  return access(r, k.kvm_x2apic_msr_write(vcpu, msr, ZERO) === 0);
}

describe('the register page at the head of lapic.ts', () => {
  it.each([
    ['xapic', false],
    ['x2apic', true],
  ] as const)('says what may be read and written in %s mode', (mode, x2) => {
    const rows = table();
    const said = rows.map((row, i) => `${(i << 4).toString(16)} ${row[mode]}`);
    expect(rows.map((_, i) => `${(i << 4).toString(16)} ${measured(x2, i << 4)}`)).toEqual(said);
  });
});
