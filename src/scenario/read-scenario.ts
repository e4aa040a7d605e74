// SPDX-License-Identifier: GPL-2.0-only
/**
 * JSON in, a scenario out, or every fault in it with its place.
 *
 * First the shape (`schema`), then the topology: what the members say about each other, of those whose shape is right.
 */
import * as v from 'valibot';
import { BadInput, type Fault, nearestWord, shown } from '../base/faults.js';
import { DEPTH_MAX, tooDeepAt } from '../base/json-bounds.js';
import { jsonFaultAt } from '../base/json-fault.js';
import type { MachineEvent } from './events.js';
import type { Scenario } from './scenario.js';
import { eventSchema, scenarioSchema } from './schema.js';
import { topologyFaults } from './topology.js';

/**
 * Reads a scenario from JSON text. Throws BadInput.
 *
 * @param input what the text was read from, for the message
 */
export function readScenario(text: string, input: string): Scenario {
  return checkScenario(parseJson(text, input), input);
}

/** Holds a value against shape and topology of a scenario. Throws BadInput with every fault. */
export function checkScenario(value: unknown, input: string, at = ''): Scenario {
  const parsed = v.safeParse(scenarioSchema, value);
  if (!parsed.success) {
    const faults = shapeFaults(parsed.issues, at);
    throw new BadInput(input, [...faults, ...alsoFaults(value, parsed.issues, at)]);
  }
  const scenario = parsed.output as Scenario;
  const faults = topologyFaults(scenario).map((f) => ({ ...f, place: join(at, f.place) }));
  if (faults.length > 0) throw new BadInput(input, faults);
  return scenario;
}

/**
 * The topology of what is left when members of a wrong shape are taken out, so that a number out of range does not
 * hide a group that nobody has. What only the taking out brings is not told.
 */
function alsoFaults(value: unknown, issues: readonly Issue[], at: string): Fault[] {
  if (typeof value !== 'object' || value === null) return [];
  const rest = structuredClone(value) as Record<string, unknown>;
  for (const { path } of issues)
    if (path !== undefined && path.length > 0)
      take(
        rest,
        path.map((it) => it.key),
      );
  const parsed = v.safeParse(scenarioSchema, rest);
  if (!parsed.success) return [];
  const touched = issues.map((issue) => join(at, pathOf(issue)));
  return topologyFaults(parsed.output as Scenario)
    .map((f) => ({ ...f, place: join(at, f.place) }))
    .filter(({ place }) => UNKNOWN_NAME.test(place) && !touched.some((it) => place.startsWith(it)));
}

/** Places of names: what stands there is wrong whatever was taken out elsewhere. */
const UNKNOWN_NAME = /\.(group|parent|task|comm|name)(\[\d+\])?$/;

/** Takes a member out of its record. Of an array the element stays and gets what is legal without it. */
function take(value: unknown, path: readonly unknown[]): void {
  let at = value as Record<string, unknown>;
  for (const key of path.slice(0, -1)) {
    at = at?.[String(key)] as Record<string, unknown>;
    if (typeof at !== 'object' || at === null) return;
  }
  const last = path[path.length - 1];
  if (Array.isArray(at)) at.splice(Number(last), 1);
  else if (String(last) === 'cpus' && at === value) at['cpus'] = 64;
  else delete at[String(last)];
}

/** Holds a value against the shape of a list of events. Throws BadInput with every fault. */
export function checkEvents(value: unknown, input: string, at = 'events'): MachineEvent[] {
  const parsed = v.safeParse(v.array(eventSchema, 'an array of events'), value);
  if (!parsed.success) throw new BadInput(input, shapeFaults(parsed.issues, at));
  return parsed.output as MachineEvent[];
}

/** JSON.parse with a fault that names line and column instead of an exception. */
export function parseJson(text: string, input: string): unknown {
  const deep = tooDeepAt(text);
  if (deep >= 0) {
    const expected = `at most ${DEPTH_MAX} levels of brackets`;
    throw new BadInput(input, [{ code: 'json-depth', place: placeIn(text, deep), expected, got: 'more' }]);
  }
  try {
    return JSON.parse(text);
  } catch {
    const position = Math.max(0, jsonFaultAt(text));
    const got = position >= text.length ? 'the end of the text' : shown(text.slice(position, position + 12));
    throw new BadInput(input, [{ code: 'json', place: placeIn(text, position), expected: 'JSON', got }]);
  }
}

/** `line 3, column 14` of an offset. */
function placeIn(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  return `line ${before.length}, column ${before[before.length - 1].length + 1}`;
}

type Issue = v.BaseIssue<unknown>;

function shapeFaults(issues: readonly Issue[], at: string): Fault[] {
  const faults: Fault[] = [];
  for (const issue of issues) {
    const place = join(at, pathOf(issue));
    if (issue.type === 'union' && issue.issues !== undefined) {
      faults.push(unionFault(issue, place));
    } else if (issue.type === 'strict_object' && issue.expected === 'never') {
      faults.push({ code: 'unknown-member', place, expected: memberHint(issue), got: shown(keyOf(issue)) });
    } else if (issue.received === 'undefined') {
      faults.push({ code: 'missing', place, expected: phrase(issue), got: 'nothing' });
    } else {
      faults.push({ code: 'value', place, expected: phrase(issue), got: shown(issue.input) });
    }
  }
  return faults;
}

function unionFault(issue: Issue, place: string): Fault {
  return { code: 'value', place, expected: issue.message, got: shown(issue.input) };
}

const kindsOf = (key: 'op' | 'ev', issue: Issue): string => {
  const words = [...(issue.expected ?? '').matchAll(/"([^"]+)"/g)].map((m) => m[1]);
  const near = typeof issue.input === 'string' ? nearestWord(issue.input, words) : null;
  const what = key === 'op' ? 'an instruction' : 'an event';
  return near === null ? `${what}: ${words.join(', ')}` : `${what}, perhaps ${near}`;
};

function phrase(issue: Issue): string {
  const key = issue.path?.at(-1)?.key;
  if (issue.type === 'variant' && (key === 'op' || key === 'ev')) return kindsOf(key, issue);
  if (issue.type === 'strict_object' && issue.received === 'undefined') return `a member ${String(key)}`;
  return issue.message.startsWith('Invalid') ? (issue.expected ?? issue.message) : issue.message;
}

function keyOf(issue: Issue): unknown {
  return issue.path?.at(-1)?.key;
}

function memberHint(issue: Issue): string {
  const known = Object.keys(entriesAt(issue));
  const near = nearestWord(String(keyOf(issue)), known);
  return near === null ? 'no such member' : `no such member; perhaps ${near}`;
}

/** Members that were accepted at the place where an unknown one stood. */
function entriesAt(issue: Issue): Record<string, unknown> {
  const [first, , third] = (issue.path ?? []).map((p) => p.key);
  const at = (schema: unknown): Record<string, unknown> => (schema as { entries: Record<string, unknown> }).entries;
  const lists: Record<string, unknown> = at(scenarioSchema);
  if (issue.path?.length === 1) return lists;
  if (third === undefined) return {};
  const list = lists[String(first)] as { wrapped?: { item?: { entries?: Record<string, unknown> } } } | undefined;
  return issue.path?.length === 3 ? (list?.wrapped?.item?.entries ?? {}) : {};
}

function pathOf(issue: Issue): string {
  return (issue.path ?? []).reduce((path, item) => {
    const key = item.key;
    return typeof key === 'number' ? `${path}[${key}]` : join(path, String(key));
  }, '');
}

/** `tasks[2]` and `cpus[0]` as `tasks[2].cpus[0]`. */
function join(at: string, place: string): string {
  if (at === '' || place === '') return at + place || '(root)';
  return place.startsWith('[') ? at + place : `${at}.${place}`;
}
