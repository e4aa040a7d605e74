// SPDX-License-Identifier: GPL-2.0-only
/**
 * A counterexample to take away: as a file, or as a token short enough for a command line.
 *
 * The token is `k1.` and base64url of: CRC32 of the rest (4 bytes), length of the rest (4 bytes), raw deflate of a
 * JSON array against a preset dictionary. Another dictionary or another order of the array means another prefix.
 */
import { constants, crc32, deflateRawSync, inflateRawSync } from 'node:zlib';
import * as v from 'valibot';
import { BadInput, type Fault, reject, shown } from '../base/faults.js';
import { stableJson } from '../base/stable-json.js';
import { VERSION } from '../base/version.js';
import type { MachineEvent } from '../scenario/events.js';
import { checkEvents, checkScenario, parseJson } from '../scenario/read-scenario.js';
import type { Scenario } from '../scenario/scenario.js';

export const CASE_SCHEMA = 'kvmodel-counterexample-1';
/** A token longer than this is not printed; a file takes its place. */
export const TOKEN_MAX = 1500;
const PREFIX = 'k1.';
const JSON_MAX = 16 << 20;

/** Everything that replays a run. */
export interface Case {
  /** the kernel that refutes, by name */
  kernel: string;
  /** compared with this one */
  against?: string;
  property: string;
  /** of the user, when the kernel is made from it: a path as given */
  patch?: string;
  /** the property is about 64-bit arithmetic itself, so that it has to be done checked */
  int64?: 'checked';
  scenario: Scenario;
  events: MachineEvent[];
}

const DICTIONARY = Buffer.from(
  [
    '"halted":true,"handler_ns":2000,"irqchip":"split","x2apic":true,"pv_eoi":true,"ipiv":true,"apicv":true,"vendor":"svm"',
    '"programs":[{"op":"compute","ns":100000},{"op":"lock","lock":0},{"op":"unlock","lock":0},{"op":"waitAck"},{"op":"hlt"}',
    '"base_slice":3000000,"vruntime_offset":"9223372036854775807","features":{"NEXT_BUDDY":true},"knobs":{"hz":1000',
    '"eager":false,"cpus":[0,1],"seed":1,"until":200000000,"policy":"normal","slice":100000,"asleep":true,"shares":1024',
    '{"ev":"setattr","cpu":0,"task":3,"policy":0,"nice":0,"slice":0,"priority":0},{"ev":"knob","name":"","value":1}',
    '{"ev":"hypercall","cpu":0,"nr":11,"a0":0,"a1":0,"a2":0,"a3":0},{"ev":"icr","cpu":0,"low":0,"dest":0}',
    '{"ev":"shares","cpu":0,"group":1,"shares":1024},{"ev":"move","cpu":0,"task":2,"group":1},{"ev":"if","cpu":0,"on":true}',
    '{"ev":"nice","cpu":0,"task":2,"nice":0},{"ev":"ipi","cpu":0,"to":1,"vector":251},{"ev":"cpl","cpu":0,"cpl":3}',
    '{"ev":"intr","cpu":0},{"ev":"eoi","cpu":0},{"ev":"hlt","cpu":0},{"ev":"step","cpu":0},{"ev":"schedule","cpu":0}',
    '{"ev":"yield","cpu":0},{"ev":"block","cpu":0},{"ev":"resched","cpu":0},{"ev":"wake","cpu":0,"task":2}',
    '{"ev":"yield_to","cpu":0,"task":2},{"ev":"pause","cpu":0},{"ev":"tick","cpu":0},{"ev":"advance","ns":3000000}',
    '["0.1.0","v6.19-rc1+semantics-aware-v2","A12.1","v6.19-rc1","v6.12.117",{"cpus":1,"eager":true,"groups":[{"name":"g0"',
    '"parent":"root"}],"tasks":[{"comm":"t0","group":"g1","nice":0}],"vms":[{"name":"vm0","vcpus":2,"group":"vm0"}]},[{"ev":"',
  ].join(''),
);

/** The token; as long as it is, so ask its length. */
export function tokenOf(c: Case): string {
  const json = stableJsonOfArray([
    VERSION,
    c.kernel,
    c.property,
    c.against ?? 0,
    c.patch ?? 0,
    c.int64 ?? 0,
    c.scenario,
    c.events,
  ]);
  const body = deflateRawSync(json, { level: 9, dictionary: DICTIONARY, memLevel: 9 });
  const head = Buffer.alloc(8);
  head.writeUInt32LE(crc32(body), 0);
  head.writeUInt32LE(body.length, 4);
  return PREFIX + Buffer.concat([head, body]).toString('base64url');
}

// WHY not sorted: `ev` first, as in the dictionary. The order is that of our own literals, so the bytes are stable.
const stableJsonOfArray = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** Does this argument look like a token (rather than a path)? */
export function looksLikeToken(text: string): boolean {
  return /^k\d+\./.test(text);
}

/** What a token says. Throws BadInput: cut short, altered, of another version. */
export function readToken(token: string): Case {
  const input = 'token';
  const prefix = /^k\d+\./.exec(token)?.[0] ?? '';
  if (prefix !== PREFIX) reject(input, 'token-version', 'its first characters', PREFIX, shown(token.slice(0, 4)));
  const bad = /[^A-Za-z0-9_-]/.exec(token.slice(PREFIX.length));
  if (bad !== null) {
    const place = `character ${PREFIX.length + bad.index + 1}`;
    reject(input, 'token-character', place, 'a letter, a digit, - or _', shown(bad[0]));
  }
  const bytes = Buffer.from(token.slice(PREFIX.length), 'base64url');
  const length = bytes.length >= 8 ? bytes.readUInt32LE(4) : 0;
  const whole = PREFIX.length + Math.ceil(((8 + length) * 4) / 3);
  if (bytes.length < 8)
    reject(input, 'token-length', 'its end', 'at least 14 characters', `${token.length}: cut short?`);
  if (bytes.length !== 8 + length)
    reject(input, 'token-length', 'its end', `${whole} characters in all`, `${token.length}: cut short or altered`);
  const body = bytes.subarray(8);
  if (crc32(body) !== bytes.readUInt32LE(0))
    reject(input, 'token-checksum', 'its checksum', hex(bytes.readUInt32LE(0)), `${hex(crc32(body))}: altered`);
  return caseOf(input, unpacked(body));
}

const hex = (n: number): string => n.toString(16).padStart(8, '0');

function unpacked(body: Buffer): unknown {
  let text: string;
  try {
    text = inflateRawSync(body, {
      dictionary: DICTIONARY,
      maxOutputLength: JSON_MAX,
      finishFlush: constants.Z_FINISH,
    }).toString('utf8');
  } catch {
    reject('token', 'token-data', 'its data', 'deflated JSON', 'something else');
  }
  const value = parseJson(text, 'token');
  if (!Array.isArray(value) || value.length !== 8)
    reject('token', 'token-data', 'its data', 'eight members', shown(value));
  const [version, kernel, property, against, patch, int64, scenario, events] = value as unknown[];
  return {
    schema: CASE_SCHEMA,
    version,
    kernel,
    property,
    ...(against === 0 ? {} : { against }),
    ...(patch === 0 ? {} : { patch }),
    ...(int64 === 0 ? {} : { int64 }),
    scenario,
    events,
  };
}

/** The file of a counterexample, readable and complete. */
export function caseFile(c: Case): string {
  return `${stableJson({ schema: CASE_SCHEMA, version: VERSION, ...c }, 2)}\n`;
}

/** Reads what `caseFile` wrote. Throws BadInput with every fault. */
export function readCaseFile(text: string, input: string): Case {
  return caseOf(input, parseJson(text, input));
}

const word = v.string('a string');
const caseSchema = v.strictObject(
  {
    schema: v.literal(CASE_SCHEMA, `"${CASE_SCHEMA}"`),
    version: word,
    kernel: word,
    against: v.optional(word),
    patch: v.optional(word),
    int64: v.optional(v.literal('checked', '"checked"')),
    property: word,
    scenario: v.unknown(),
    events: v.unknown(),
  },
  'a counterexample (an object)',
);

function caseOf(input: string, value: unknown): Case {
  const faults: Fault[] = [];
  const parsed = v.safeParse(caseSchema, value);
  if (!parsed.success) {
    for (const issue of parsed.issues) {
      const place = v.getDotPath(issue) ?? '(root)';
      const unknown = issue.type === 'strict_object' && issue.expected === 'never';
      const expected = unknown
        ? 'no such member'
        : issue.received === 'undefined'
          ? `a member ${place}`
          : issue.message;
      faults.push({ code: 'value', place, expected, got: unknown ? place : shown(issue.input) });
    }
  }
  const given = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  if (typeof given['version'] === 'string' && given['version'] !== VERSION) {
    const got = `${given['version']}: replay it with that version`;
    faults.push({ code: 'version', place: 'version', expected: `${VERSION}, this kvmodel`, got });
  }
  if ('scenario' in given) gather(faults, () => checkScenario(given['scenario'], input, 'scenario'));
  if ('events' in given) gather(faults, () => checkEvents(given['events'], input, 'events'));
  if (faults.length > 0) throw new BadInput(input, faults);
  const { schema: _s, version: _v, ...rest } = given;
  return rest as unknown as Case;
}

function gather(faults: Fault[], read: () => unknown): void {
  try {
    read();
  } catch (e) {
    if (!(e instanceof BadInput)) throw e;
    faults.push(...e.faults);
  }
}
