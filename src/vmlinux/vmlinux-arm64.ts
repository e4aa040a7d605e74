// SPDX-License-Identifier: GPL-2.0-only
/** The kernel built for arm64: the shared table with arm64's functions, bound to a machine that has arm64's state. */
import type { kvm_arm64_state } from '../arch/arm64/kvm_host.js';
import type { guest_memory } from '../kvm/guest-memory.js';
import type { u64 } from '../lib/types.js';
import type { trace_event } from '../trace/trace-event.js';
import type { Functions, kernel_functions, kernel_state } from './vmlinux.js';

/** All of the machine that functions of an arm64 kernel may reach. */
export interface kernel_state_arm64 extends kernel_state, kvm_arm64_state {
  kvm: kvm_arm64_state['kvm'];
  vcpu: kvm_arm64_state['vcpu'];
}

/** The mirrored functions of an arm64 kernel, by kernel name. */
export interface kernel_functions_arm64 extends kernel_functions, Functions<typeof import('./modules-arm64.js')> {}

/** The linked arm64 kernel, bound to a machine. */
export interface vmlinux_arm64 extends kernel_functions_arm64 {
  readonly m: kernel_state_arm64;
  /** Who hears the tracepoints; null for nobody. */
  readonly tp: ((event: trace_event) => void) | null;
  /** of a kernel that runs in a guest: its memory, which its host sees as well */
  readonly ram?: guest_memory;
  /** of a kernel that boots in a guest: what its HVC does; x0 to x3 of it, and x0 of the answer */
  readonly hvc?: (x0: u64, x1: u64, x2: u64, x3: u64) => u64;
}
