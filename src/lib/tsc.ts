// SPDX-License-Identifier: GPL-2.0-only
/** The host's TSC and the clock, one from the other. WHY not a product of 64 bits: it wraps after five hours. */
import { mul_u64_u32_div } from './math64.js';
import { add, lt, type u32, u64 } from './types.js';

/** kHz of a TSC that counts ns */
const GHZ = 1_000_000;

/** What the TSC shows at a time in ns. */
export const tscAt = (ns: u64, khz: u32): u64 => (khz === GHZ ? ns : mul_u64_u32_div(ns, khz, GHZ));

/** The first ns at which the TSC shows that much. */
export function timeOfTsc(tsc: u64, khz: u32): u64 {
  if (khz === GHZ) return tsc;
  const ns = mul_u64_u32_div(tsc, GHZ, khz);
  return lt(tscAt(ns, khz), tsc) ? add(ns, u64(1)) : ns;
}
