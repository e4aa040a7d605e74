// SPDX-License-Identifier: GPL-2.0-only
/** When two failures are one finding: the same property, broken in the same function, in the same kind of state. */
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';

/** The message without what is of one run: numbers, and what tasks, groups and VMs are called. */
export function shapeOf(message: string, scenario: Scenario): string {
  const { tasks = [], groups = [], vms = [] } = scenario;
  const names = [...tasks.map((it) => it.comm), ...groups.map((it) => it.name), ...vms.map((it) => it.name)];
  const words = new Set(names);
  return message.replace(/[\w.-]+/g, (word) => (words.has(word) ? '#' : word)).replace(/-?\d+(?:\.\d+)?/g, '#');
}

/** Where the kernel died or warned; '' where neither is what happened. */
export function placeIn(message: string): string {
  const died = /kernel BUG \([^)]*\) in (\w+)/.exec(message) ?? /^WARN_ON\(\) at (\w+)/.exec(message);
  return died?.[1] ?? '';
}

/** Before shrinking: what broke, at what kind of event. */
export function rawKey(property: string, message: string, scenario: Scenario, event: MachineEvent | undefined): string {
  return [property, placeIn(message) || (event?.ev ?? 'boot'), shapeOf(message, scenario)].join('\n');
}

/** The universal failures are one finding whatever property was being asked. */
export function causeOf(property: string, message: string, scenario: Scenario, fn: string): string {
  const universal = /^(?:kernel BUG|WARN_ON\(\)|machine: )/.test(message);
  return [universal ? 'any' : property, placeIn(message) || fn, shapeOf(message, scenario)].join('\n');
}
