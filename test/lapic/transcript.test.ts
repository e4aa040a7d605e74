// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { BadInput } from '../../src/base/faults.js';
import { replayLapic } from '../../src/conform/recording/lapic-replay.js';
import { parseLapicTranscript } from '../../src/conform/recording/lapic-transcript.js';

const HEADER =
  '{"hdr":1,"mode":"xapic-flat","seed":1,"ncpu":1,"tsc_khz":999999,"d":[[0,"30","1050014"],[0,"e0","ffffffff"],' +
  '[0,"f0","ff"],[0,"320","10000"],[0,"330","10000"],[0,"340","10000"],[0,"350","700"],[0,"360","10000"],' +
  '[0,"370","10000"]]}';
const READ = '{"n":0,"c":0,"op":"mr","a":"30","r":"1050014","d":[]}';

const faultsOf = (text: string): string[] => {
  try {
    parseLapicTranscript(text, 'x.jsonl');
  } catch (e) {
    if (e instanceof BadInput) return e.faults.map((f) => `${f.place}: ${f.expected}`);
    throw e;
  }
  return [];
};

describe('a recording', () => {
  it('is read', () => {
    const [session] = parseLapicTranscript(`${HEADER}\n${READ}\n`);
    expect(session.header.d).toHaveLength(9);
    expect(session.ops[0]).toMatchObject({ line: 2, n: 0, c: 0, op: 'mr', a: 0x30, r: 0x1050014n, gp: false, vec: [] });
  });

  it.each([
    ['', 'line 1: at least one session'],
    ['{"hdr":1', 'line 1: a JSON object'],
    ['[1]', 'line 1: a JSON object'],
    [READ, 'line 1: a session to begin with a header'],
    [HEADER.replace('xapic-flat', 'yapic'), 'line 1 mode: one of xapic-flat, xapic-cluster, x2apic'],
    [HEADER.replace('"ncpu":1', '"ncpu":0'), 'line 1 ncpu: an integer from 1 to 255'],
    [HEADER.replace('"30"', '"3z"'), 'line 1 d[0]: [vCPU below 1, "offset", "value"]'],
    [HEADER.replace('"30"', '"432"'), 'line 1 d[0]: an offset below 400, a multiple of 4'],
    [`${HEADER}\n${READ.replace('"mr"', '"mx"')}`, 'line 2 op: one of mw, mr, wrmsr'],
    [`${HEADER}\n${READ.replace('"n":0', '"n":7')}`, 'line 2 n: 0'],
    [`${HEADER}\n${READ.replace('"c":0,', '')}`, 'line 2 c: a field of mr'],
    [`${HEADER}\n${READ.replace('"c":0', '"c":4')}`, 'line 2 c: an integer from 0 to 0'],
    [`${HEADER}\n${READ.replace('1050014', '0x10')}`, 'line 2 r: up to 16 lower-case hex digits in quotes'],
    [`${HEADER}\n${READ.replace('"d":[]', '"vec":[300],"d":[]')}`, 'line 2 vec: a list of vectors from 0 to 255'],
    [`${HEADER.replace('xapic-flat', 'timer')}\n${READ}`, 'line 2 t0: an integer from 0'],
  ])('with a fault is refused with its line: %#', (text, expected) => {
    expect(faultsOf(text).join('\n')).toContain(expected);
  });

  it('tells every fault, not the first', () => {
    expect(
      faultsOf(`${HEADER.replace('"seed":1', '"seed":-1')}\n${READ.replace('"mr"', '"mx"')}\nnonsense`),
    ).toHaveLength(3);
  });
});

describe('a difference', () => {
  const differenceOf = (...lines: string[]): unknown =>
    replayLapic(parseLapicTranscript([HEADER, ...lines].join('\n'))).differences[0];

  it('names operation, field, both values and the function that decides', () => {
    expect(differenceOf(READ.replace('1050014', '50014'))).toEqual({
      line: 2,
      session: 'xapic-flat seed 1',
      n: 0,
      op: 'c0 mr 30',
      field: 'r',
      expected: '50014',
      got: '1050014',
      fn: 'apic_mmio_read, __apic_read',
    });
  });

  it('is found in a register that nobody read', () => {
    const write = '{"n":0,"c":0,"op":"mw","a":"80","v":"50","d":[[0,"80","50"]]}';
    expect(differenceOf(write)).toMatchObject({ field: 'c0 PPR a0', expected: '0', got: '50' });
  });

  it('is found in vectors and #GP, and at the header', () => {
    expect(differenceOf('{"n":0,"c":0,"op":"win","vec":[32],"d":[]}')).toMatchObject({ field: 'vec', got: 'none' });
    expect(differenceOf('{"n":0,"c":0,"op":"wrmsr","a":"1b","v":"fee00900","gp":1,"d":[]}')).toMatchObject({
      field: 'gp',
    });
    const header = HEADER.replace('1050014', '1050015');
    const [first] = replayLapic(parseLapicTranscript(header)).differences;
    expect(first).toMatchObject({ n: -1, op: 'header', field: 'c0 LVR 30' });
  });
});
