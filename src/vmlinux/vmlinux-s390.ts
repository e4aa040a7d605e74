// SPDX-License-Identifier: GPL-2.0-only
/** The kernel built for s390: the shared table with s390's functions, bound to a machine that has s390's state. */
import type { kvm_s390_state } from '../arch/s390/kvm_host.js';
import type { guest_memory } from '../kvm/guest-memory.js';
import type { u64 } from '../lib/types.js';
import type { trace_event } from '../trace/trace-event.js';
import type { Functions, kernel_functions, kernel_state } from './vmlinux.js';

export interface kernel_state_s390 extends kernel_state, kvm_s390_state {
  kvm: kvm_s390_state['kvm'];
  vcpu: kvm_s390_state['vcpu'];
}

/** The mirrored functions of an s390 kernel, by kernel name. */
export interface kernel_functions_s390 extends kernel_functions, Functions<typeof import('./modules-s390.js')> {}

/** The linked s390 kernel, bound to a machine. */
export interface vmlinux_s390 extends kernel_functions_s390 {
  readonly m: kernel_state_s390;
  /** Who hears the tracepoints; null for nobody. */
  readonly tp: ((event: trace_event) => void) | null;
  /** of a kernel that runs in a guest: its memory, which its host sees as well */
  readonly ram?: guest_memory;
  /** of a kernel that boots in a guest: never there on s390 */
  readonly hvc?: (x0: u64, x1: u64, x2: u64, x3: u64) => u64;
}
