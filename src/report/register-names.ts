// SPDX-License-Identifier: GPL-2.0-only
/** Registers of a local APIC by the offset in its page. */
const REGISTER: Readonly<Record<number, string>> = {
  ...{ 32: 'ID', 48: 'LVR', 128: 'TPR', 144: 'APR', 160: 'PPR', 176: 'EOI', 192: 'RRR', 208: 'LDR' },
  ...{ 224: 'DFR', 240: 'SVR', 640: 'ESR', 752: 'CMCI', 768: 'ICR', 784: 'ICR2', 800: 'LVTT' },
  ...{ 816: 'LVTTHMR', 832: 'LVTPC', 848: 'LVT0', 864: 'LVT1', 880: 'LVTERR', 896: 'TMICT' },
  ...{ 912: 'TMCCT', 992: 'TDCR', 1008: 'SELF_IPI' },
};

/** Banks of 256 bits: eight words, 16 bytes apart. */
const BANK: readonly (readonly [number, string])[] = [
  [0x100, 'ISR'],
  [0x180, 'TMR'],
  [0x200, 'IRR'],
];

/** The register at an offset: `TPR`, `IRR[2]`, `0x3f4`. */
export function registerText(offset: number): string {
  const bank = BANK.find(([at]) => offset >= at && offset < at + 0x80 && offset % 16 === 0);
  if (bank !== undefined) return `${bank[1]}[${(offset - bank[0]) >> 4}]`;
  return REGISTER[offset] ?? `0x${offset.toString(16)}`;
}
