// SPDX-License-Identifier: GPL-2.0-only
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { traced } from '../../src/report/happenings.js';
import { PerfettoTrace } from '../../src/report/perfetto.js';
import { namedScenario } from '../../src/scenario/catalogue.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';

/** One field as it lies in the bytes: its number and, for what has a length, its bytes. */
interface Field {
  id: number;
  value: bigint | Uint8Array;
}

/** Protobuf's wire format, read without any schema. */
function fieldsOf(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const id = Number(key >> 3n);
    const wire = Number(key & 7n);
    if (wire === 0) fields.push({ id, value: varint() });
    else if (wire === 1) {
      fields.push({ id, value: new DataView(bytes.buffer, bytes.byteOffset + at).getBigUint64(0, true) });
      at += 8;
    } else {
      const length = Number(varint());
      fields.push({ id, value: bytes.subarray(at, at + length) });
      at += length;
    }
  }
  return fields;
}

const one = (fields: readonly Field[], id: number): Field['value'] | undefined =>
  fields.find((it) => it.id === id)?.value;
const text = (value: Field['value'] | undefined): string => Buffer.from((value ?? []) as Uint8Array).toString('utf8');

function trace(name: string): {
  bytes: Buffer;
  events: { at: bigint; fields: Field[] }[];
  tracks: Map<bigint, string>;
} {
  const chunks: Uint8Array[] = [];
  const perfetto = new PerfettoTrace(linux_6_12, (bytes) => chunks.push(bytes));
  traced(linux_6_12, namedScenario(name) as Scenario, 400, {
    begin: (m) => perfetto.begin(m),
    hit: (recorded) => perfetto.hit(recorded),
    after: (m) => perfetto.after(m),
    end: (m) => perfetto.end(m),
  });
  const bytes = Buffer.concat(chunks);
  const packets = fieldsOf(bytes).map(({ value }) => fieldsOf(value as Uint8Array));
  const events = packets.flatMap((packet) => {
    const event = one(packet, 11);
    return event === undefined ? [] : [{ at: one(packet, 8) as bigint, fields: fieldsOf(event as Uint8Array) }];
  });
  const tracks = new Map(
    packets.flatMap((packet) => {
      const track = one(packet, 60);
      if (track === undefined) return [];
      const fields = fieldsOf(track as Uint8Array);
      return [[one(fields, 1) as bigint, text(one(fields, 2))] as const];
    }),
  );
  return { bytes, events, tracks };
}

describe('a Perfetto trace', () => {
  const { bytes, events, tracks } = trace('two-spinners');

  it('has a track a CPU, a vCPU and a counter, and every event on one of them', () => {
    expect([...tracks.values()]).toEqual([
      'CPUs, v6.12.117',
      'CPU 0',
      'CPU 0 nr_running',
      'vm/0 lag',
      'vm/1 lag',
      'VM vm',
      'vCPU 0',
      'vCPU 1',
    ]);
    for (const { fields } of events) expect(tracks.has(one(fields, 11) as bigint)).toBe(true);
  });

  it('goes on in time, and ends every slice that it begins', () => {
    const open = new Map<bigint, number>();
    let last = 0n;
    for (const { at, fields } of events) {
      expect(at).toBeGreaterThanOrEqual(last);
      last = at;
      const [type, track] = [one(fields, 9), one(fields, 11) as bigint];
      if (type === 1n) open.set(track, (open.get(track) ?? 0) + 1);
      if (type === 2n) open.set(track, (open.get(track) ?? 0) - 1);
      expect(open.get(track) ?? 0).toBeGreaterThanOrEqual(0);
      expect(open.get(track) ?? 0).toBeLessThanOrEqual(1);
    }
    expect([...open.values()].every((n) => n === 0)).toBe(true);
  });

  it('names states of vCPUs as their lives do, and tasks by comm', () => {
    const names = new Set(
      events.filter(({ fields }) => one(fields, 9) === 1n).map(({ fields }) => text(one(fields, 23))),
    );
    for (const name of ['vm/0', 'vm/1', 'inGuest', 'waiting', 'preempted']) expect(names).toContain(name);
  });

  it('is the same each time', () => {
    expect(trace('two-spinners').bytes.equals(bytes)).toBe(true);
  });

  it('leads from whoever wakes to who runs', () => {
    const flows = trace('timer-halts').events.flatMap(({ fields }) =>
      fields.filter(({ id }) => id === 47 || id === 48).map(({ id, value }) => ({ id, value: value as bigint })),
    );
    const ended = flows.filter(({ id }) => id === 48).map(({ value }) => value);
    expect(ended.length).toBeGreaterThan(0);
    for (const id of ended) expect(flows.some((it) => it.id === 47 && it.value === id)).toBe(true);
  });

  it('is read by protoc', (context) => {
    let decoded = '';
    try {
      decoded = execFileSync('protoc', ['--decode_raw'], { input: bytes, encoding: 'utf8', maxBuffer: 1 << 26 });
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code === 'ENOENT') context.skip('protoc is not installed');
      throw e;
    }
    expect(decoded).toContain('2: "CPU 0 nr_running"');
  });
});
