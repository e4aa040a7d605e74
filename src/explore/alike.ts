// SPDX-License-Identifier: GPL-2.0-only
/** Moves that stand for each other in a search. */
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';

/** The task that an event is about. */
export const tasksOf = (event: MachineEvent): number[] => ('task' in event ? [event.task] : []);

/**
 * Groups of moves that differ in the sleeper that they are about and in nothing else: -1 for a move of no group.
 *
 * Tasks are alike that boot asleep with everything but their names the same. As long as nothing was done to either of two, the
 * machine with one of them woken becomes the other by exchanging names, so one stands for both. WHY not tasks that run: they are
 * in trees and lists in an order, and lists are walked in the order of ids.
 */
export function alikeMoves(scenario: Scenario, menu: readonly MachineEvent[]): number[] {
  const first = scenario.cpus;
  const kinds = (scenario.tasks ?? []).map(({ comm: _, ...rest }) => JSON.stringify(rest));
  const named = JSON.stringify([scenario.tasks?.map((t) => t.program), scenario.vms ?? []]);
  const groups = new Map<string, number>();
  const of = menu.map((event): number => {
    const [task] = tasksOf(event);
    const spec = scenario.tasks?.[task - first];
    if (task === undefined || spec?.asleep !== true || named.includes(JSON.stringify(spec.comm))) return -1;
    const { task: _, ...rest } = event as MachineEvent & { task: number };
    const key = `${kinds[task - first]} ${JSON.stringify(rest)}`;
    const group = groups.get(key) ?? groups.size;
    groups.set(key, group);
    return group;
  });
  // a menu that can do something to one of them that it cannot do to the other tells them apart
  const sizes = (kind: string): number[] =>
    kinds.flatMap((it, i) =>
      it === kind ? [menu.filter((event, j) => of[j] >= 0 && tasksOf(event)[0] === first + i).length] : [],
    );
  const isEven = (task: number): boolean => new Set(sizes(kinds[task - first])).size === 1;
  return of.map((group, i) => (group >= 0 && isEven(tasksOf(menu[i])[0]) ? group : -1));
}
