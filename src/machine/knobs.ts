// SPDX-License-Identifier: GPL-2.0-only
/** Runtime knobs by their kernel names: SCHED_FEAT, debugfs files, module parameters, and what a series brings. */

import { newKvmX86Params } from '../arch/x86/kvm_host.js';
import { type Fault, oneOf, shown } from '../base/faults.js';
import { newKvmParams } from '../kvm/kvm_host.js';
import { newSchedFeatures } from '../sched/records.js';
import type { Kernel } from '../series/link.js';
import type { vmlinux } from '../series/vmlinux.js';
import type { machine } from './state.js';

type Bag = Record<string, number | boolean>;

/** Writes a knob. Booleans take 0 and 1; a name that the pin does not have is a series' own (`m.knobs`). */
export function setKnob(_k: vmlinux, m: machine, name: string, value: number): void {
  if (name === 'base_slice_ns') {
    m.sysctl_sched_base_slice = value >>> 0;
    return;
  }
  const bags = [m.sched_feat, m.kvm_params, m.kvm_x86_params] as unknown as Bag[];
  const bag = bags.find((it) => Object.hasOwn(it, name));
  if (bag === undefined) {
    m.knobs ??= {};
    m.knobs[name] = value;
  } else {
    bag[name] = typeof bag[name] === 'boolean' ? value !== 0 : value;
  }
}

/** Reads it; booleans as 0 and 1, undefined when nothing by that name was ever written. */
export function getKnob(m: machine, name: string): number | undefined {
  if (name === 'base_slice_ns') return m.sysctl_sched_base_slice;
  for (const bag of [m.sched_feat, m.kvm_params, m.kvm_x86_params, m.knobs ?? {}] as unknown as Bag[]) {
    if (Object.hasOwn(bag, name)) return Number(bag[name]);
  }
  return undefined;
}

/** Features and knobs that none of the kernels has: a name mistyped would otherwise change nothing, in silence. */
export function knobFaults(
  kernels: readonly Kernel[],
  scenario: { features?: Record<string, boolean>; knobs?: Record<string, number> },
): Fault[] {
  const features = [...Object.keys(newSchedFeatures()), ...kernels.flatMap((k) => Object.keys(k.sched_feat ?? {}))];
  const parameters = [...Object.keys(newKvmParams()), ...Object.keys(newKvmX86Params())];
  const brought = kernels.flatMap((k) => Object.keys(k.knobs ?? {}));
  const knobs = ['base_slice_ns', ...features, ...parameters, ...brought];
  const unknown = (bag: 'features' | 'knobs', what: string, known: readonly string[]): Fault[] =>
    Object.keys(scenario[bag] ?? {})
      .filter((name) => !known.includes(name))
      .map((name) => {
        return { code: 'unknown-knob', place: `${bag}.${name}`, expected: oneOf(what, name, known), got: shown(name) };
      });
  return [...unknown('features', 'a scheduler feature', features), ...unknown('knobs', 'a knob of the kernel', knobs)];
}
