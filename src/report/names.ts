// SPDX-License-Identifier: GPL-2.0-only
/** What ids in events are called: tasks and vCPU threads of a scenario in the order in which boot makes them. */
import type { Scenario } from '../scenario/scenario.js';

export interface Names {
  task(id: number): string;
  group(id: number): string;
}

/** Names for the ids of a machine booted from `scenario`: idle tasks first, then host tasks, then vCPU threads. */
export function namesOf(scenario: Scenario): Names {
  const tasks: string[] = [];
  for (let cpu = 0; cpu < scenario.cpus; cpu++) tasks.push(`swapper/${cpu}`);
  for (const task of scenario.tasks ?? []) tasks.push(task.comm);
  for (const vm of scenario.vms ?? []) {
    for (let vcpu = 0; vcpu < vm.vcpus; vcpu++) tasks.push(`${vm.name}/${vcpu}`);
  }
  const groups = ['root', ...(scenario.groups ?? []).map((g) => g.name)];
  return { task: (id) => tasks[id] ?? `task ${id}`, group: (id) => groups[id] ?? `group ${id}` };
}
