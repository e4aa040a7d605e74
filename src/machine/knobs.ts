// SPDX-License-Identifier: GPL-2.0-only
/** Runtime knobs by their kernel names: SCHED_FEAT, debugfs files, module parameters, and what a series brings. */

import { KVM_WFX_TRAP, newKvmArm64Params } from '../arch/arm64/kvm_host.js';
import { newKvmS390Params } from '../arch/s390/kvm_host.js';
import { newKvmX86Params } from '../arch/x86/kvm_host.js';
import { type Fault, oneOf, shown } from '../base/faults.js';
import { newKvmParams } from '../kvm/kvm_host.js';
import { U32_MAX } from '../lib/types.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';
import { newSchedFeatures } from '../sched/records.js';
import type { Kernel, Knob } from '../vmlinux/bind.js';
import type { kernel_state_arm64 } from '../vmlinux/vmlinux-arm64.js';
import type { kernel_state_s390 } from '../vmlinux/vmlinux-s390.js';
import type { kernel_state_x86, vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import { architectureFaults } from './architecture.js';
import type { machine } from './state.js';

type Bag = Record<string, number | boolean>;

/** The variable behind a file of debugfs/sched or /proc/sys/kernel: sysctl_sched_base_slice for base_slice_ns. */
const sysctlOf = (name: string): string => `sysctl_sched_${name.replace(/_ns$/, '')}`;

/** SCHED_FEATs and module parameters, as far as the machine's architecture has them. */
function bagsOf(m: kernel_state_x86): Bag[] {
  const { kvm_arm64_params } = m as unknown as Partial<kernel_state_arm64>;
  const { kvm_s390_params, lpar } = m as unknown as Partial<kernel_state_s390>;
  return [m.sched_feat, m.kvm_params, m.kvm_x86_params, kvm_arm64_params, kvm_s390_params, lpar].filter(
    (it) => it !== undefined,
  ) as unknown as Bag[];
}

/** Functions that read the policies of WFx traps: a kernel without any has no such parameters. */
const READERS = ['kvm_vcpu_should_clear_twe', 'kvm_should_clear_wfx_trap'];

/** Parameters of kvm that kernels have; a kernel of another architecture has others. */
function parametersOf(kernels: readonly Kernel[]): Record<string, number | boolean> {
  const x86 = kernels.length === 0 || kernels.some(({ arch }) => arch === undefined);
  const arm64 = kernels.some(({ table }) => READERS.some((name) => table[name] !== undefined));
  const s390 = kernels.some(({ arch }) => arch === 's390');
  return {
    ...newKvmParams(),
    ...(x86 ? newKvmX86Params() : {}),
    ...(arm64 ? newKvmArm64Params() : {}),
    ...(s390 ? { ...newKvmS390Params(), lpar_preempted: 0 } : {}),
  };
}

/** Writes a knob. Booleans take 0 and 1; a name that the pin does not have is a series' own (`m.knobs`). */
export function setKnob(k: vmlinux_x86, m: kernel_state_x86, name: string, value: number): void {
  if (Object.hasOwn(m, sysctlOf(name))) {
    (m as unknown as Bag)[sysctlOf(name)] = value >>> 0;
    if (name === 'tunable_scaling') k.sched_update_scaling();
    return;
  }
  if (name === RR_SLICE) {
    k.sched_rr_handler(value);
    return;
  }
  const bag = bagsOf(m).find((it) => Object.hasOwn(it, name));
  if (bag === undefined) {
    // kernel_param_ops.set: a parameter that does something when it is written
    const set = (k as unknown as Record<string, ((value: number) => void) | undefined>)[`param_set_${name}`];
    if (set !== undefined) {
      set.call(k, value);
      return;
    }
    m.knobs ??= {};
    m.knobs[name] = value;
  } else {
    bag[name] = typeof bag[name] === 'boolean' ? value !== 0 : value;
  }
}

/** Reads it; booleans as 0 and 1, undefined when nothing by that name was ever written. */
export function getKnob(m: machine, name: string): number | undefined {
  if (Object.hasOwn(m, sysctlOf(name))) return (m as unknown as Record<string, number>)[sysctlOf(name)];
  if (name === RR_SLICE) return Math.floor((m.sched_rr_timeslice * 1000) / m.HZ);
  for (const bag of [...bagsOf(m), (m.knobs ?? {}) as Bag]) {
    if (Object.hasOwn(bag, name)) return Number(bag[name]);
  }
  return undefined;
}

/** What a knob takes: whole numbers from 0 to its greatest. */
type Greatest = Map<string, number>;

const GREATEST = { bool: 1, u32: U32_MAX, ulong: Number.MAX_SAFE_INTEGER } as const;
/** The last of named values, or what the type takes. */
const greatestOf = ({ type, names, file }: Knob): number =>
  names !== undefined && file.startsWith('kvm-arm.') ? names.length - 1 : GREATEST[type];
const RR_SLICE = 'sched_rr_timeslice_ms';
/** an int in C */
const S32_MAX = 0x7fff_ffff;
/** a shift count in the hardware */
const TIMER_MULTI = 'cpu_preemption_timer_multi';
const TIMER_MULTI_MAX = 31;

/** Whether the kernel has a SCHED_FEAT of that name. */
const hasFeature = ({ sched_feat }: Kernel, name: string): boolean =>
  sched_feat?.[name] === undefined ? Object.hasOwn(newSchedFeatures(), name) : sched_feat[name] !== null;

function featuresOf(kernels: readonly Kernel[]): Greatest {
  const names = new Set([
    ...Object.keys(newSchedFeatures()),
    ...kernels.flatMap((k) => Object.keys(k.sched_feat ?? {})),
  ]);
  const isThere = (name: string) => kernels.length === 0 || kernels.some((k) => hasFeature(k, name));
  return new Map([...names].filter(isThere).map((name) => [name, 1]));
}

function knobsOf(kernels: readonly Kernel[]): Greatest {
  const parameters = Object.entries(parametersOf(kernels));
  const brought = kernels.flatMap((k) => Object.entries(k.knobs ?? {}));
  return new Map([
    ['base_slice_ns', U32_MAX],
    [RR_SLICE, S32_MAX],
    ...featuresOf(kernels),
    ...parameters.map(([name, value]): [string, number] => [name, typeof value === 'boolean' ? 1 : U32_MAX]),
    ...(parameters.some(([name]) => name === TIMER_MULTI) ? [[TIMER_MULTI, TIMER_MULTI_MAX] as [string, number]] : []),
    ...parameters
      .filter(([name]) => name.endsWith('_trap_policy'))
      .map(([name]): [string, number] => [name, KVM_WFX_TRAP]),
    ...brought.map(([name, knob]): [string, number] => [name, greatestOf(knob)]),
  ]);
}

/** What can be set on these kernels, in the order in which it is listed. */
export function knobMenu(kernels: readonly Kernel[]): { name: string; kind: string; max: number }[] {
  const features = featuresOf(kernels);
  const parameters = parametersOf(kernels);
  const kindOf = (name: string): string =>
    features.has(name) ? 'scheduler feature' : Object.hasOwn(parameters, name) ? 'module parameter' : 'knob';
  return [...knobsOf(kernels)].map(([name, max]) => ({ name, kind: kindOf(name), max }));
}

function knobFault(place: string, name: string, value: number, known: Greatest, what: string): Fault[] {
  const greatest = known.get(name);
  if (greatest === undefined)
    return [{ code: 'unknown-knob', place, expected: oneOf(what, name, [...known.keys()]), got: shown(name) }];
  if (Number.isSafeInteger(value) && value >= 0 && value <= greatest) return [];
  return [{ code: 'knob-value', place, expected: `a whole number from 0 to ${greatest}`, got: shown(value) }];
}

/**
 * Features and knobs that none of the kernels has, and values that they do not take: a name mistyped would otherwise
 * change nothing, in silence. `at` is where the scenario stands in what was read; '' when it is the whole.
 */
export function knobFaults(
  kernels: readonly Kernel[],
  scenario: {
    features?: Record<string, boolean>;
    knobs?: Record<string, number>;
    events?: readonly MachineEvent[];
  } & Pick<Scenario, 'arch' | 'vms' | 'apics'>,
  at = '',
): Fault[] {
  const features = featuresOf(kernels);
  const knobs = knobsOf(kernels);
  const named = Object.entries(scenario.features ?? {}).flatMap(([name, on]) =>
    knobFault(`${at}features.${name}`, name, Number(on), features, 'a scheduler feature'),
  );
  const set = Object.entries(scenario.knobs ?? {}).flatMap(([name, value]) =>
    knobFault(`${at}knobs.${name}`, name, value, knobs, 'a knob of the kernel'),
  );
  const inGuests = (scenario.vms ?? []).flatMap((vm, i) =>
    Object.entries(vm.kernel?.knobs ?? {}).flatMap(([name, value]) =>
      knobFault(`${at}vms[${i}].kernel.knobs.${name}`, name, value, knobs, 'a knob of the kernel'),
    ),
  );
  const others = architectureFaults(kernels, scenario, at);
  return [...others, ...named, ...set, ...inGuests, ...knobEventFaults(kernels, scenario.events ?? [], `${at}events`)];
}

/** The same of the events that write one. */
export function knobEventFaults(kernels: readonly Kernel[], events: readonly MachineEvent[], at: string): Fault[] {
  const knobs = knobsOf(kernels);
  return events.flatMap((event, i) =>
    event.ev === 'knob' ? knobFault(`${at}[${i}]`, event.name, event.value, knobs, 'a knob of the kernel') : [],
  );
}
