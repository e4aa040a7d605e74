// SPDX-License-Identifier: GPL-2.0-only
/**
 * What a patch outside the repository imports from 'kvmodel': how to declare a series, the kernel's integers and
 * structures to write it with, and the words to state properties with.
 */
export * as fc from 'fast-check';
export type { Claim, Monitor, Probe, Property, Scope, Step, World } from '../properties/vocabulary.js';
export { agrees, always, leadsTo, sometimes, stateless } from '../properties/vocabulary.js';
export type * from './arch/x86/kvm_host.js';
export type { kvm, kvm_vcpu } from './arch/x86/kvm_host.js';
export type { Program } from './guest/instructions.js';
export type * from './kvm/kvm_host.js';
export type * from './lapic/lapic.js';
export { KernelBug, NotModelled } from './lib/bug.js';
export * from './lib/errno.js';
export * from './lib/math64.js';
export * from './lib/types.js';
export type { machine } from './machine/state.js';
export type { MachineEvent } from './scenario/events.js';
export type { Scenario } from './scenario/scenario.js';
export type * from './sched/sched.js';
export { NULL } from './sched/sched.js';
export type { Patch, Series } from './series/series.js';
export { defineSeries } from './series/series.js';
export type { PatchArm64, SeriesArm64 } from './series/series-arm64.js';
export { defineSeriesArm64 } from './series/series-arm64.js';
export type { Knob } from './vmlinux/bind.js';
export { knobValue } from './vmlinux/bind.js';
export type { vmlinux_arm64 } from './vmlinux/vmlinux-arm64.js';
export type { vmlinux_x86, vmlinux_x86 as vmlinux } from './vmlinux/vmlinux-x86.js';
