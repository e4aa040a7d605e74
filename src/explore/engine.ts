// SPDX-License-Identifier: GPL-2.0-only
/** What the runner needs of a machine. The real one is `machineEngine`; a test may bring a toy. */

import type { machine } from '../machine/state.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';
import type { Kernel } from '../vmlinux/bind.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';

export interface Engine {
  /** A fresh machine; the scenario is legal. */
  boot(kernel: Kernel, scenario: Scenario): machine;
  /** The event happens. Throws KernelBug and NotModelled. */
  apply(bound: vmlinux_x86, event: MachineEvent): void;
  /** What programs and ticks do next; null when nothing ever happens again. */
  next(m: machine): MachineEvent | null;
  /** May the event happen in this state? An event that may not does nothing. */
  legal(m: machine, event: MachineEvent): boolean;
  /** Recomputes what must hold between the fields; says each breach. Test mode only. */
  witness?(m: machine): string[];
}
