// SPDX-License-Identifier: GPL-2.0-only
/** A series for arm64: the same as one for x86, held against arm64's functions. */
import type { kernel_functions_arm64, vmlinux_arm64 } from '../vmlinux/vmlinux-arm64.js';
import type { Patch, Series } from './series.js';

// WHY a method's type: an override of what every architecture shares may take its own architecture's vCPU.
type Rebound<F, Adds> = F extends (...args: infer A) => infer R
  ? { method(this: vmlinux_arm64 & Adds, ...args: A): R }['method']
  : never;

/** One patch: see `Patch`. */
export interface PatchArm64<Adds extends object = object>
  extends Pick<Patch, 'subject' | 'commit' | 'knobs' | 'sched_feat'> {
  funcs?: { [Name in keyof kernel_functions_arm64]?: Rebound<kernel_functions_arm64[Name], NoInfer<Adds>> } & {
    [Name in keyof NoInfer<Adds>]?: Rebound<NoInfer<Adds>[Name], NoInfer<Adds>>;
  };
  adds?: { [Name in keyof Adds]?: Adds[Name] };
  removes?: readonly (keyof kernel_functions_arm64)[];
}

/** See `Series`. */
export interface SeriesArm64<Adds extends object = object>
  extends Pick<Series, 'id' | 'title' | 'base' | 'cover' | 'notices'> {
  patches: PatchArm64<Adds>[];
}

/** Declares a series for arm64. */
export function defineSeriesArm64<Adds extends object = object>(series: SeriesArm64<Adds>): SeriesArm64<Adds> {
  return series;
}
