// SPDX-License-Identifier: GPL-2.0-only
/** Spellings of the same events by the tools that print them, and everything that is wrong with a file. */
import { describe, expect, it } from 'vitest';
import { importLines } from '../../src/import/import-text.js';
import { readTrace } from '../../src/import/read-trace.js';
import { importTrace } from '../../src/import/rebuild.js';
import { fieldsOf, parseLine } from '../../src/import/trace-line.js';
import { nextRng, seedRng } from '../../src/machine/rng.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { imported, textOf } from './recordings.js';

const SWITCH = 'prev_comm=a b prev_pid=7 prev_prio=120 prev_state=R+ ==> next_comm=swapper/1 next_pid=0 next_prio=120';
const BRIEF = 'a b:7 [120] R+ ==> swapper/1:0 [120]';

const SPELLINGS: Readonly<Record<string, string>> = {
  ftrace: `             a b-7       [001] d..2.   123.456789: sched_switch: ${SWITCH}`,
  'ftrace with tgid': `   a b-7     (      5) [001] d..2.   123.456789: sched_switch: ${SWITCH}`,
  'ftrace without flags': `   a b-7     [001]   123.456789: sched_switch: ${SWITCH}`,
  'trace-cmd': `             a b-7     [001]   123.456789: sched_switch:         ${BRIEF}`,
  'trace-cmd with flags': `     a b-7     [001] d..2.   123.456789: sched_switch:         ${BRIEF}`,
  'trace-cmd -R': `  a b-7     [001]   123.456789: sched_switch:  prev_comm=a b prev_pid=7 prev_prio=120 prev_state=0x100 next_comm=swapper/1 next_pid=0 next_prio=120`,
  'perf script': `a b     7 [001]   123.456789:       sched:sched_switch: ${SWITCH}`,
  'perf script, pid/tid': `a b   5/7   [001]   123.456789:       sched:sched_switch: ${SWITCH}`,
  'perf script, plugin': `a b     7 [001]   123.456789:       sched:sched_switch: ${BRIEF}`,
  'perf script, period': `a b     7 [001]   123.456789:          1 sched:sched_switch: ${SWITCH}`,
  Perfetto: ` a b-7     (    5) [001] d..2 123.456789: sched_switch: ${SWITCH}`,
  'perf script, irq flags': `a b     7 d... [001]   123.456789: sched:sched_switch: ${SWITCH}`,
  'a quoted mail': `> a b     7 [001]   123.456789: sched:sched_switch: ${SWITCH}`,
  'a decimal comma': `   a b-7     [001] d..2.   123,456789: sched_switch: ${SWITCH}`,
  'CR LF': `   a b-7     [001] d..2.   123.456789: sched_switch: ${SWITCH}\r`,
  'another order': `   a b-7     [001] d..2.   123.456789: sched_switch: prev_pid=7 prev_comm=a b prev_state=R+ prev_prio=120 ==> next_pid=0 next_prio=120 next_comm=swapper/1`,
  nanoseconds: `   a b-7     [001]   123.456789000: sched_switch: ${SWITCH}`,
};

describe('a line', () => {
  it.each(Object.entries(SPELLINGS))('of %s', (_, text) => {
    const { events, notes } = readTrace(`${text}\n`);
    expect(notes).toEqual([]);
    expect(events).toHaveLength(1);
    const [event] = events;
    expect(event.line).toMatchObject({ cpu: 1, pid: 7, comm: 'a b', seconds: 123, ns: 456_789_000 });
    if (event.is !== 'switch') throw new Error(event.is);
    expect(event.prev).toEqual({ pid: 7, comm: 'a b', prio: 120 });
    expect(event.next).toEqual({ pid: 0, comm: 'swapper/1', prio: 120 });
    expect(event.state[0]).toBe('R');
  });

  it('of perf without a comm has the pid', () => {
    const [event] = readTrace('7/8 [004] 33.592: sched:sched_wakeup: comm=k pid=13 prio=120 target_cpu=001').events;
    expect(event.line).toMatchObject({ pid: 8, comm: '', cpu: 4 });
  });

  it('keeps a comm with spaces and an equals sign apart from the next field', () => {
    expect(fieldsOf('comm=x y=z pid=3 prio=120')).toEqual({ comm: 'x', y: 'z', pid: '3', prio: '120' });
    expect(fieldsOf('comm=a b c pid=3 runtime=5 [ns]')).toEqual({ comm: 'a b c', pid: '3', runtime: '5' });
  });

  it('reads need_resched and hardirq from the flags, and nothing from a line without them', () => {
    const of = (text: string) => {
      const [event] = readTrace(text).events;
      return [event.resched, event.hardirq];
    };
    expect(of(SPELLINGS['ftrace'])).toEqual([false, false]);
    expect(of(SPELLINGS['ftrace'].replace('d..2.', 'dNh2.'))).toEqual([true, true]);
    expect(of(SPELLINGS['perf script'])).toEqual([null, null]);
  });

  it('of wake-ups in trace-cmd’s own form has pid and CPU', () => {
    const [event] = readTrace(
      '  a-7  [000]  1.000001: sched_wakeup:  rcu:18 [120]<CPU:003>'.replace('<CPU:003>', ' CPU:003'),
    ).events;
    expect(event).toMatchObject({ is: 'wakeup', task: { pid: 18, comm: 'rcu', prio: 120 }, target: 3 });
  });

  it('that is none is said to be none, whatever it is', () => {
    expect(parseLine('x'.repeat(10_000), 1).kind).toBe('unreadable');
    expect(parseLine('a-1 [999] 1.000000: sched_switch: x', 1).kind).toBe('unreadable');
    expect(parseLine('a-1 [000] 123456789: sched_switch: x', 1)).toMatchObject({
      why: expect.stringContaining('counter'),
    });
    expect(parseLine('        ffffffff81000000 schedule+0x1 ([kernel.kallsyms])', 1).kind).toBe('none');
  });
});

describe('a recording', () => {
  const lines = textOf('waker').split('\n');

  it('with events lost is named by line, and goes on', () => {
    const at = 200;
    const text = [...lines.slice(0, at), 'CPU:0 [LOST 120 EVENTS]', ...lines.slice(at + 120)].join('\n');
    const { notes, decisions, alike, differences } = imported(text);
    expect(notes[0]).toEqual({ line: at + 1, kind: 'lost', says: '120 events lost on CPU 0' });
    expect(decisions).toBeGreaterThan(60);
    expect(alike / decisions).toBeGreaterThan(0.8);
    for (const d of differences.filter(({ line }) => line > at)) expect(d.cause).toContain(`line ${at + 1}`);
  });

  it('whose clock steps back, or whose lines are out of order, is named by line', () => {
    const step = lines.map((line, i) =>
      i < 300 ? line : line.replace(/\] (\S+) +(\d+)\./, (_, f, s) => `] ${f} ${Number(s) - 5}.`),
    );
    const stepped = imported(step.join('\n'));
    expect(stepped.notes[0]).toMatchObject({ line: 301, kind: 'clock' });
    expect(stepped.alike).toBe(stepped.decisions);
    const swapped = [...lines];
    const at = swapped.findIndex((line, i) => i > 250 && line.includes('sched_stat_runtime'));
    [swapped[at], swapped[at + 6]] = [swapped[at + 6], swapped[at]];
    const { notes } = imported(swapped.join('\n'));
    expect(notes.some((note) => note.kind === 'order' && note.line !== null && Math.abs(note.line - at) < 10)).toBe(
      true,
    );
  });

  it('with CPUs one behind the other is merged by time', () => {
    const text = textOf('kvm-2-cpus').split('\n');
    const of = (cpu: string) => text.filter((line) => line.includes(`[${cpu}]`));
    const whole = imported(text.join('\n'));
    const apart = imported([...of('000'), ...of('001')].join('\n'));
    expect(apart.notes.map((note) => note.kind)).toContain('order');
    expect(apart.decisions).toBeGreaterThan(whole.decisions - 6);
  });

  it('with events that nobody knows counts them', () => {
    const more = lines.flatMap((line, i) =>
      i % 9 === 0 && line.includes('sched_') ? [line, line.replace(/: sched_\w+:/, ': my_event:')] : [line],
    );
    const { recording, alike, decisions } = imported(more.join('\n'));
    expect(recording.unused.get('my_event')).toBeGreaterThan(10);
    expect(alike).toBe(decisions);
  });

  it('in a page is read without the page', () => {
    const page = ['<!DOCTYPE html>', '<script>', 'x', ...lines, '</script>'].join('\n');
    const { alike, decisions, notes } = imported(page);
    expect(notes).toHaveLength(1);
    expect(alike).toBe(decisions);
  });

  it('without wake-ups wakes whoever comes, and says so', () => {
    const bare = lines.filter((line) => /^#|: sched_(?:switch|stat_runtime):/.test(line));
    const { notes, alike, decisions } = imported(bare.join('\n'));
    expect(notes.map(({ says }) => says)).toEqual(['no wake-up is recorded: tasks are woken where they come']);
    expect(alike / decisions).toBeGreaterThan(0.7);
  });

  it('says all that in 80 columns', () => {
    const recording = readTrace(['what is this?', ...lines].join('\n'));
    const text = importLines(recording, importTrace(linux_6_12, recording, 'x'), 'v6.12.117', 80);
    expect(text.find((line) => line.includes('line 1:'))).toContain('not read');
    for (const line of text) expect(line.length).toBeLessThanOrEqual(80);
  });
});

describe('garbage', () => {
  const short = textOf('kvm-2-cpus').split('\n').slice(0, 90);
  const SCRAPS = [
    '',
    '\0',
    '-1',
    '99999999999999999999',
    '==>',
    'pid=',
    '[',
    ']',
    ':',
    'R',
    '\ufffd',
    'prev_pid=0',
    '1e9',
    '[064]',
  ];

  it('of 2,000 kinds is read to its end: nothing throws', () => {
    let state = seedRng(11);
    const draw = (n: number): number => {
      state = nextRng(state);
      return state % n;
    };
    let events = 0;
    for (let round = 0; round < 2000; round++) {
      const from = draw(40);
      const text = short.slice(from, from + 8 + draw(14));
      for (let edits = 1 + draw(6); edits > 0; edits--) {
        const at = draw(text.length);
        const line = text[at];
        const cut = draw(line.length + 1);
        const scrap = SCRAPS[draw(SCRAPS.length)];
        const kinds = [
          () => text.splice(at, 1, line.slice(0, cut) + scrap + line.slice(cut)),
          () => text.splice(at, 1, line.slice(0, cut) + line.slice(Math.min(line.length, cut + 1 + draw(20)))),
          () => text.splice(at, 1),
          () => text.splice(draw(text.length), 0, line),
          () =>
            text.splice(
              at,
              1,
              line.replace(/\d+/g, (n) => (draw(4) === 0 ? String(draw(300)) : n)),
            ),
          () => text.splice(at, 1, line.replace(/\[00\d\]/, `[00${draw(4)}]`)),
          () => text.splice(at, 1, line.replace(/prev_state=\S+/, `prev_state=${'RSDITtXZPKW?'[draw(12)]}`)),
          () => text.splice(at, 1, line.replace(/prio=\d+/g, `prio=${draw(142) - 1}`)),
        ];
        kinds[draw(kinds.length)]();
        if (text.length === 0) text.push('');
      }
      const recording = readTrace(text.join('\n'));
      events += recording.events.length;
      const { alike, decisions } = importTrace(linux_6_12, recording, 'garbage');
      expect(alike).toBeLessThanOrEqual(decisions);
    }
    expect(events).toBeGreaterThan(15_000);
  });
});
