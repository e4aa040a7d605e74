// SPDX-License-Identifier: GPL-2.0-only
/** Commands about breakpoints and watchpoints. */
import { oneOf } from '../base/faults.js';
import { count } from '../base/text.js';
import type { StepCommand } from './command.js';
import type { Path } from './detail.js';
import { parseExpression } from './expression.js';
import { CommandFault, type Stepper } from './stepper.js';
import type { Stop } from './stops.js';

/** `FUNC if EXPR` */
function withCondition(rest: string): { what: string; when: Stop['when'] } {
  const [, what = '', text] = /^(.*?)(?:\s+if\s+(.+))?$/.exec(rest) ?? [];
  return { what: what.trim(), when: text === undefined ? null : { text, expression: parseExpression(text) } };
}

const TRACEPOINTS = /^(?:sched|kvm|ipi)_\w+$/;

export async function added(stepper: Stepper, rest: string, once: boolean): Promise<Stop> {
  const { what, when } = withCondition(rest);
  if (what === '') throw new CommandFault('a function, a tracepoint or a property expected');
  const base = { id: stepper.newId(), what, when, once, enabled: true, hits: 0, path: [] as Path, event: -1 };
  const { table } = stepper.line.kernel;
  if (table[what] !== undefined) return kept(stepper, { ...base, kind: 'function' });
  if (/^[A-Za-z]+\d*\.\d+$/.test(what)) {
    const event = await stepper.outside.brokenAt(what, stepper.line.events);
    if (event === null) throw new CommandFault(`${what} is not what this run was found for, so it cannot be asked`);
    if (event < 0) throw new CommandFault(`${what} is not broken by this run on ${stepper.line.kernel.name}`);
    return kept(stepper, { ...base, kind: 'property', event });
  }
  if (TRACEPOINTS.test(what)) return kept(stepper, { ...base, kind: 'tracepoint' });
  throw new CommandFault(
    `expected ${oneOf('a function of the kernel, a tracepoint or a property', what, Object.keys(table))}, got ${what}`,
  );
}

function kept(stepper: Stepper, stop: Stop): Stop {
  stepper.stops.push(stop);
  return stop;
}

const stopLine = (stop: Stop): string => {
  const when = stop.when === null ? '' : ` if ${stop.when.text}`;
  const state = `${stop.enabled ? '' : ', disabled'}${stop.hits > 0 ? `, hit ${count(stop.hits, 'time')}` : ''}`;
  const where = stop.kind === 'property' ? `, broken by event ${stop.event}` : '';
  return `${stop.kind === 'field' ? 'Watchpoint' : stop.once ? 'Temporary breakpoint' : 'Breakpoint'} ${stop.id}: ${stop.kind} ${stop.what}${when}${where}${state}`;
};

const breaking = (name: string, aliases: readonly string[], once: boolean): StepCommand => ({
  name,
  aliases,
  usage: `${name} FUNC | TRACEPOINT | PROPERTY [if EXPR]`,
  says: once ? 'stops there, once' : 'stops wherever that is called, hit or broken',
  examples: [`${name} yield_task_fair`, `${name} sched_switch`, `${name} update_curr if rq[0].curr->comm == "A"`],
  run: async (stepper, rest) => [stopLine(await added(stepper, rest, once))],
});

/** Stops by their numbers; all without one. */
function chosen(stepper: Stepper, rest: string): Stop[] {
  if (rest === '') return [...stepper.stops];
  return rest.split(/\s+/).map((id) => {
    const found = stepper.stops.find((stop) => String(stop.id) === id);
    if (found === undefined) throw new CommandFault(`no breakpoint ${id}: info breakpoints lists them`);
    return found;
  });
}

export const stopping: StepCommand[] = [
  breaking('break', ['b', 'br'], false),
  breaking('tbreak', ['tb'], true),
  {
    name: 'watch',
    aliases: ['wa'],
    usage: 'watch FIELD [if EXPR]',
    says: 'stops at every write of the field, forwards and backwards',
    examples: ['watch se[3].vruntime', 'watch task["A"].on_rq'],
    run(stepper, rest) {
      const { what, when } = withCondition(rest);
      const { path } = stepper.evaluate(what);
      if (path === null) throw new CommandFault(`${what} is no field: nothing writes it`);
      const stop: Stop = {
        id: stepper.newId(),
        kind: 'field',
        what,
        path,
        event: -1,
        when,
        once: false,
        enabled: true,
        hits: 0,
      };
      return [stopLine(kept(stepper, stop))];
    },
  },
  {
    name: 'delete',
    aliases: ['d', 'clear'],
    usage: 'delete [N...]',
    says: 'forgets breakpoints and watchpoints; all without a number',
    run(stepper, rest) {
      for (const stop of chosen(stepper, rest)) stepper.stops.splice(stepper.stops.indexOf(stop), 1);
      return [];
    },
  },
  ...([true, false] as const).map(
    (enabled): StepCommand => ({
      name: enabled ? 'enable' : 'disable',
      aliases: enabled ? ['en'] : ['dis'],
      usage: `${enabled ? 'enable' : 'disable'} [N...]`,
      says: enabled ? 'has them stop again' : 'passes over them',
      run(stepper, rest) {
        for (const stop of chosen(stepper, rest)) stop.enabled = enabled;
        return [];
      },
    }),
  ),
];
