// SPDX-License-Identifier: GPL-2.0-only
/** What a kernel has over its base that can be set, and the same kernel with one of these set otherwise from boot on. */
import type { Kernel, Knob } from '../vmlinux/bind.js';

/** Values worth trying: a switch both ways, a number at its ends and around what it is at first. */
function valuesOf(knob: Knob): number[] {
  if (knob.type === 'bool') return [0, 1];
  return [...new Set([0, 1, knob.initial >> 1, knob.initial, knob.initial + 1, 2 * knob.initial, 100_000_000])];
}

/** Each by its name, with the values that are tried. */
export function ownKnobs(base: Kernel, kernel: Kernel): Record<string, readonly number[]> {
  const out: Record<string, readonly number[]> = {};
  for (const [name, knob] of Object.entries(kernel.knobs ?? {})) {
    if (base.knobs?.[name] === undefined) out[name] = valuesOf(knob);
  }
  for (const [name, on] of Object.entries(kernel.sched_feat ?? {})) {
    // null: a feature that the kernel lacks
    if (on !== null && base.sched_feat?.[name] !== on) out[name] = [0, 1];
  }
  return out;
}

/** More than that are left to the comparison with the base: each is asked everything. */
const SETTINGS_TRIED = 2;

/** Off where it is on, on where it is off. */
const otherOf = (value: number): number => (value === 0 ? 1 : 0);

/** WHY a table of its own: booted machines are kept by it. */
const setOtherwise = (kernel: Kernel, name: string, value: number, settings: Partial<Kernel>): Kernel => ({
  ...kernel,
  ...settings,
  name: `${kernel.name}[${name}=${value}]`,
  table: Object.freeze({ ...kernel.table }),
});

/** `v6.12.117+mine[MY_FEAT=0]`: the series as it would be with another default, one knob at a time, features first. */
export function otherSettings(base: Kernel, kernel: Kernel): Kernel[] {
  const own = Object.keys(ownKnobs(base, kernel));
  const features = own.flatMap((name): Kernel[] => {
    const on = kernel.sched_feat?.[name];
    if (on === undefined || on === null) return [];
    return [setOtherwise(kernel, name, otherOf(Number(on)), { sched_feat: { ...kernel.sched_feat, [name]: !on } })];
  });
  const knobs = own.flatMap((name): Kernel[] => {
    const knob = kernel.knobs?.[name];
    if (knob === undefined) return [];
    const initial = otherOf(knob.initial);
    return [setOtherwise(kernel, name, initial, { knobs: { ...kernel.knobs, [name]: { ...knob, initial } } })];
  });
  return [...features, ...knobs].slice(0, SETTINGS_TRIED);
}
