// SPDX-License-Identifier: GPL-2.0-only
/** Before 7fbc85a5fb2b (v3.18): the PLE window is computed in 32 bits, and wraps. */
import type { u32 } from '../../lib/types.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** arch/x86/kvm/x86.h: __grow_ple_window() */
export function __grow_ple_window(this: vmlinux, val: u32, base: u32, modifier: u32, max: u32): u32 {
  if (modifier < 1) return base;
  const ret = modifier < base ? Math.imul(val, modifier) >>> 0 : (val + modifier) >>> 0;
  return Math.min(ret, max);
}

export default defineSeries({
  id: 'revert-7fbc85a5fb2b',
  title: 'after twenty PAUSE exits in a row the PLE window is zero',
  base: 'v6.12.117',
  notices: 'a window that shrinks when it grows',
  patches: [
    {
      subject: 'Revert "KVM: x86: fix PLE window overflow on growth"',
      commit: '7fbc85a5fb2b',
      funcs: { __grow_ple_window },
    },
  ],
});
