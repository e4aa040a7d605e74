// SPDX-License-Identifier: GPL-2.0-only
/** VMs and their vCPU threads, as a VMM sets them up. */
import { NotModelled } from '../lib/bug.js';
import type { Scenario } from '../scenario/scenario.js';
import type { vmlinux } from '../series/vmlinux.js';
import type { machine } from './state.js';

export function bootVms(_k: vmlinux, _m: machine, scenario: Scenario): void {
  if ((scenario.vms ?? []).length > 0) throw new NotModelled('VMs in a scenario');
}
