// SPDX-License-Identifier: GPL-2.0-only
/** The kernel built for x86: the shared table with x86's functions, bound to a machine that has x86's state. */
import type { kvm_x86_state } from '../arch/x86/kvm_host.js';
import type { guest_memory } from '../kvm/guest-memory.js';
import type { u64 } from '../lib/types.js';
import type { trace_event } from '../trace/trace-event.js';
import type { Functions, kernel_functions, kernel_state } from './vmlinux.js';

/** All of the machine that functions of an x86 kernel may reach. */
export interface kernel_state_x86 extends kernel_state, kvm_x86_state {
  kvm: kvm_x86_state['kvm'];
  vcpu: kvm_x86_state['vcpu'];
}

/** The mirrored functions of an x86 kernel, by kernel name. */
export interface kernel_functions_x86 extends kernel_functions, Functions<typeof import('./modules-x86.js')> {}

/** The linked x86 kernel, bound to a machine. */
export interface vmlinux_x86 extends kernel_functions_x86 {
  readonly m: kernel_state_x86;
  /** Who hears the tracepoints; null for nobody. */
  readonly tp: ((event: trace_event) => void) | null;
  /** of a kernel that runs in a guest: its memory, which its host sees as well */
  readonly ram?: guest_memory;
  /** of a kernel that boots in a guest: what its HVC does; x0 to x3 of it, and x0 of the answer */
  readonly hvc?: (x0: u64, x1: u64, x2: u64, x3: u64) => u64;
}
