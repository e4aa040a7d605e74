// SPDX-License-Identifier: GPL-2.0-only
/** The one generator: xorshift32. Its state is 32 bits, never 0, and stands in the machine (`machine.rng`). */

/** The state after `state`; also the number drawn: 1 to 2^32 - 1. */
export function nextRng(state: number): number {
  let x = state >>> 0;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  return x >>> 0;
}

/** A legal state from any number: well mixed, never 0. */
export function seedRng(seed: number): number {
  return mix32(seed) || 0x9e37_79b9;
}

/** Draws 0 to n - 1 (n at least 1, at most 2^16 for an even spread) and moves the machine's generator on. */
export function drawBelow(m: { rng: number }, n: number): number {
  m.rng = nextRng(m.rng);
  return ((m.rng / 0x1_0000_0000) * n) | 0;
}

/** A bijection of 32 bits that leaves no pattern behind; for deriving one draw from another. */
export function mix32(x: number): number {
  let h = (x + 0x9e37_79b9) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A 32-bit number from a text (FNV-1a, mixed): seeds for what is known by name. */
export function hashText(text: string, start = 0): number {
  let h = (0x811c_9dc5 ^ start) >>> 0;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x0100_0193);
  return mix32(h >>> 0);
}
