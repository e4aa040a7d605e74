// SPDX-License-Identifier: GPL-2.0-only
/** The documents say what the code does. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { reportJson } from '../../src/report/json.js';
import { traceText } from '../../src/report/trace-text.js';
import { eventSchema } from '../../src/scenario/schema.js';
import { exampleReport } from './fixture.js';

const text = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** Member names of a value, scenario, events and verdicts' kernels left out. */
function members(value: unknown, found: Set<string>): Set<string> {
  if (Array.isArray(value)) for (const v of value) members(v, found);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      if (/^v6\./.test(key)) {
        members(inner, found);
        continue;
      }
      found.add(key);
      if (!['scenario', 'event', 'events', 'did'].includes(key)) members(inner, found);
    }
  }
  return found;
}

describe('docs/json.md', () => {
  it('describes every member of a report', () => {
    const documented = new Set(
      [...text('docs/json.md').matchAll(/`([^`]*)`/g)].flatMap((m) => m[1].match(/\w+/g) ?? []),
    );
    const missing = [...members(JSON.parse(reportJson(exampleReport())), new Set())].filter((m) => !documented.has(m));
    expect(missing).toEqual([]);
  });
});

describe('docs/trace-columns.md', () => {
  it('describes every event', () => {
    const doc = text('docs/trace-columns.md');
    const words: Record<string, string> = { if: 'sti', knob: 'NAME=N', pollEnd: 'poll-end' };
    const kinds = eventSchema.options.map((o) => o.entries.ev.literal);
    expect(kinds).toHaveLength(64);
    for (const kind of kinds) expect(doc, kind).toMatch(new RegExp(`\`${words[kind] ?? kind}\\b`));
  });
});

describe('README.md', () => {
  it('names every exit code and format that there is', () => {
    const doc = text('README.md');
    for (const word of [
      '--json',
      '--mail',
      '--ktap',
      '--junit',
      '--exit kselftest',
      'npm ci && npm start',
      'npm ci && npm test',
    ])
      expect(doc).toContain(word);
  });
});

describe('a tracepoint in a phrase', () => {
  const event = (name: string, fields: Record<string, string | number | boolean>) =>
    traceText({ system: 'kvm', event: name, cpu: 0, ts: '0', fields });
  it('names the reason of an exit as the vendor does', () => {
    const rest = { guest_rip: '0x0', info1: '0x0', info2: '0x0', intr_info: 0, error_code: 0 };
    expect(event('kvm_exit', { vcpu_id: 1, exit_reason: 40, isa: 1, ...rest })).toBe(
      'kvm_exit vcpu 1 reason PAUSE_INSTRUCTION',
    );
    expect(event('kvm_exit', { vcpu_id: 1, exit_reason: 0x77, isa: 2, ...rest })).toBe('kvm_exit vcpu 1 reason pause');
    expect(event('kvm_exit', { vcpu_id: 1, exit_reason: 999, isa: 1, ...rest, info1: '0x1' })).toBe(
      'kvm_exit vcpu 1 reason 0x3e7 info1 0x1',
    );
  });
  it('leaves out what a name says', () => {
    expect(event('sched_wakeup', { comm: 'a', pid: 3, prio: 120, target_cpu: 1 })).toBe(
      'sched_wakeup comm=a target_cpu=1',
    );
  });
});
