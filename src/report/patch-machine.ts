// SPDX-License-Identifier: GPL-2.0-only
/** What a patch does to machines with guests, base beside patched: the shortest way to the first difference. */
import { count, wrap } from '../base/text.js';
import type { MachineCheck } from '../conform/patch/judge-step.js';
import type { MachineClaims } from '../conform/patch/machine-claims.js';
import type { MachineEvent } from '../scenario/events.js';
import { cpuOf, eventText } from './event-text.js';
import { machineLines } from './machine-text.js';
import { type Names, namesOf } from './names.js';

/** `CPU 0  pause`; time passes on all of them. */
export function machineEventText(event: MachineEvent, names: Names): string {
  const cpu = cpuOf(event);
  return `${cpu === null ? '     ' : `CPU ${cpu}`}  ${eventText(event, names)}`;
}

/** The machine lock-step of a step, in lines of at most `width` but for the command that asks the same `again`. */
export function machineChangeLines({ lockstep }: MachineCheck, width: number, again: string | null): string[] {
  const { finding, operations, sequences, missing } = lockstep;
  const unprovided = missing.flatMap((symbol) =>
    wrap(`  not judged beyond a call of ${symbol}(), which is not provided`, width, '    '),
  );
  if (finding === null) {
    const said = `Machines with guests: no observable difference in ${operations} events (${sequences} sequences)`;
    return [...wrap(said, width), ...unprovided];
  }
  const { scenario, events, difference: d, kind, seed, original } = finding;
  const names = namesOf(scenario);
  const last = events[d.event];
  const when = last === undefined ? 'boot' : `event ${d.event} (${machineEventText(last, names).trim()})`;
  return [
    ...wrap(`Machines with guests: differ after ${when}:`, width),
    ...wrap(`  ${d.field}: ${d.before} before, ${d.patched} with the patch`, width, '    '),
    `  shrunk from ${count(original, 'event')} (${kind}, seed ${seed}):`,
    ...machineLines(scenario, width - 2).map((line) => `  ${line}`),
    ...events.map((event, i) => `    ${String(i).padEnd(3)} ${machineEventText(event, names)}`),
    ...(again === null ? [] : [`  again: ${again} --seed ${seed} --operations 1`]),
    ...unprovided,
  ];
}

/** What machines in C could not be asked, and the shortest run to each property that only the patched tree breaks. */
export function machineClaimLines({ notAsked, examples }: MachineClaims, width: number): string[] {
  const found = examples.flatMap(({ id, scenario, events, message, token }) => {
    const names = namesOf(scenario);
    return [
      '',
      ...wrap(`Refuted on machines in C: ${id}: ${message}`, width, '  '),
      ...machineLines(scenario, width - 2).map((line) => `  ${line}`),
      ...events.map((event, i) => `    ${String(i).padEnd(3)} ${machineEventText(event, names)}`),
      ...(token === null ? [] : [`  the same on the model: kvmodel replay ${token}`]),
    ];
  });
  const left = notAsked.flatMap(({ ids, why }) => wrap(`  ${ids.join(', ')}: ${why}`, width, '    '));
  return [...found, ...(left.length === 0 ? [] : ['', 'Not asked of machines in C:', ...left])];
}
