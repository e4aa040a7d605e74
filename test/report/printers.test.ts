// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import type { CheckReport } from '../../src/report/check-report.js';
import { eventText } from '../../src/report/event-text.js';
import { reportJson } from '../../src/report/json.js';
import { reportJunit } from '../../src/report/junit.js';
import { reportKtap } from '../../src/report/ktap.js';
import { lineDiff } from '../../src/report/line-diff.js';
import { machineLines } from '../../src/report/machine-text.js';
import { folded, reportMail } from '../../src/report/mail.js';
import { namesOf } from '../../src/report/names.js';
import { reportText as printText } from '../../src/report/report-text.js';
import { exitCode, partsOf, summary, unrecordedFailures } from '../../src/report/verdicts.js';
import { BASE, exampleReport, PATCHED } from './fixture.js';

/** In 80 columns, a transcript for each of a few findings. */
const reportText = (report: CheckReport): string =>
  printText(report, { width: 80, all: false, command: './kvmodel check example' });

const printers = { reportText, reportMail, reportJson, reportKtap, reportJunit };

describe('every printer', () => {
  it.each(Object.entries(printers))('%s writes the same bytes twice, in printable ASCII', (_, print) => {
    const text = print(exampleReport());
    expect(print(exampleReport())).toBe(text);
    expect(text).toMatch(/^[\x20-\x7e\n]*$/);
    expect(text.endsWith('\n')).toBe(true);
  });

  it.each(Object.entries(printers))('%s does not change the report', (_, print) => {
    const report = exampleReport();
    print(report);
    expect(report).toEqual(exampleReport());
  });
});

const widest = (text: string): number => Math.max(...text.split('\n').map((l) => l.length));

describe('text', () => {
  it('is 80 columns wide but for commands to be copied', () => {
    const lines = reportText(exampleReport()).split('\n');
    expect(widest(lines.filter((l) => !l.startsWith('./kvmodel ')).join('\n'))).toBeLessThanOrEqual(80);
  });

  it('looks like this', async () => {
    await expect(reportText(exampleReport())).toMatchFileSnapshot('./__golden__/report.txt');
  });

  it('with prefixes looks like this', async () => {
    await expect(reportText(withPrefixes())).toMatchFileSnapshot('./__golden__/prefixes.txt');
  });

  it('ends a finding with the command that replays it', () => {
    const lines = reportText(exampleReport()).split('\n');
    const at = lines.findIndex((l) => l.startsWith('./kvmodel replay'));
    expect(lines[at]).toBe('./kvmodel replay k1.AAAA');
    expect(lines.slice(at + 1, at + 3)).toEqual(['', '-'.repeat(80)]);
  });

  it.each([
    ['WARN_ON() at update_rq_clock()', 'the kernel warns'],
    ['kernel BUG (soft lockup) in x()', 'the kernel dies'],
    ['machine: nr_running is 2, queued are 1', 'the kernel breaks an invariant of its own'],
  ])('tells %s from a sentence that is broken', (message, what) => {
    const report = exampleReport();
    for (const p of report.claims.flatMap((claim) => claim.properties))
      if (p.counterexample !== undefined) p.counterexample.message = message;
    const words = (text: string): string => text.replace(/\s+/g, ' ');
    expect(words(reportText(report))).toContain(
      `(${what} in a run of this property; its sentence is not what is broken)`,
    );
    expect(words(reportMail(report))).toContain(
      `Is this intended: ${message}. It came up where I asked for something else`,
    );
    expect(words(reportText(exampleReport()))).not.toContain('not what is broken');
  });

  it('says what is not as recorded', () => {
    const report = exampleReport();
    report.changed = [{ property: 'A6.1', kernel: PATCHED, recorded: 'holds', found: 'refuted' }];
    expect(reportText(report)).toContain(`A6.1 on ${PATCHED}: recorded holds, found refuted`);
  });
});

function withPrefixes(): CheckReport {
  const report = exampleReport();
  report.kernels = [BASE, `${PATCHED}~1`, `${PATCHED}~2`, PATCHED];
  for (const claim of report.claims) {
    claim.verdicts[`${PATCHED}~1`] = claim.verdicts[BASE];
    claim.verdicts[`${PATCHED}~2`] = claim.verdicts[PATCHED];
  }
  return report;
}

describe('text of many findings', () => {
  const many = (): CheckReport => {
    const report = exampleReport();
    const [claim] = report.claims.filter((c) => c.id === 'A6');
    for (let i = 0; i < 4; i++)
      report.claims.push({ ...claim, id: `B${i}`, properties: [{ ...claim.properties[0], id: `B${i}.1` }] });
    report.difference = null;
    return report;
  };

  it('lists them instead of a transcript each, and says how to see one', () => {
    const text = reportText(many());
    expect(text).not.toContain('yield_to vm/1');
    expect(text.replace(/\n +/g, ' ')).toContain('refuted: A6.1, B0.1, B1.1, B2.1, B3.1');
    expect(text).toContain('./kvmodel check example --only A6.1');
    const screen = text.slice(text.indexOf('-'.repeat(80)));
    expect(screen.split('\n').length).toBeLessThan(24);
  });

  it('tells them all when asked', () => {
    const text = printText(many(), { width: 80, all: true, command: '' });
    expect(text.match(/yield_to vm\/1/g)?.length).toBe(5);
  });
});

describe('a patch that is not refuted', () => {
  const calm = (): CheckReport => {
    const report = exampleReport();
    report.claims = report.claims.slice(0, 1);
    report.difference = { worlds: [{ id: 'difference.1', says: 'w', differs: true, runs: 1, events: 1 }], turned: [] };
    return report;
  };

  it('is told what got worse by more than noise, with direction and size', () => {
    const report = calm();
    const [before] = report.variations[BASE];
    const after = { ...before, longestWaitTask: 25_000_000, longestWaitVcpu: 17_000_000 };
    report.measures[PATCHED] = after;
    report.variations[PATCHED] = [{ ...after, longestWaitVcpu: 16_000_000 }];
    const text = reportText(report);
    expect(text).toMatch(/longest wait of a runnable task, ns +12000000 +25000000 +\+108 % worse/);
    expect(text).toMatch(/longest wait of a vCPU, ns +16000000 +17000000 +noise/);
    expect(text).toContain('Nothing is refuted, but worse by measure: longest wait of a runnable task, ns.');
    expect(reportMail(report)).toContain('these got worse');
  });

  it('is told when nothing at all noticed it', () => {
    const report = calm();
    report.measures[PATCHED] = report.measures[BASE];
    report.difference = {
      worlds: [{ id: 'difference.1', says: 'w', differs: false, runs: 9, events: 800 }],
      turned: [],
    };
    const words = 'no field differs in 800 events, and every measure is the same';
    expect(reportText(report).replace(/\s+/g, ' ')).toContain(words);
    expect(reportMail(report).replace(/\s+/g, ' ')).toContain(words);
  });

  it('is not told that nothing noticed it where a verdict did', () => {
    const report = calm();
    report.difference = {
      worlds: [{ id: 'difference.1', says: 'w', differs: false, runs: 9, events: 800 }],
      turned: [],
    };
    report.claims[0].properties[0].verdicts[BASE] = 'vacuous';
    const text = reportText(report).replace(/\s+/g, ' ');
    expect(text).toContain('no field differs in 800 events: these runs do not reach what the series changes');
    expect(text).not.toContain('no verdict above is about it');
  });

  it('is told how far an interrupted check came', () => {
    const report = calm();
    report.partial = { answered: 7, asked: 40 };
    expect(reportText(report).replace(/\n +/g, ' ')).toContain('INTERRUPTED: 7 of 40 questions answered');
    expect(reportText(report)).not.toContain('Every verdict that is recorded was found again');
    expect(reportMail(report).replace(/\s+/g, ' ')).toContain('7 of 40 questions were answered');
  });

  it('has all its seeds named', () => {
    const report = calm();
    report.seeds = 23;
    expect(reportText(report)).toContain('seeds 1 to 23, 4600 runs a property');
  });
});

describe('mail', () => {
  it('is 78 columns wide', () => {
    expect(widest(reportMail(exampleReport()))).toBeLessThanOrEqual(78);
  });

  it('asks about named code', () => {
    const text = reportMail(exampleReport());
    expect(text).toMatch(/\? {2}/);
    expect(text).toContain('in yield_to_deboost()');
    expect(text).not.toMatch(/\b(bug|wrong code|broken|critical)\b/i);
  });

  it('looks like this', async () => {
    await expect(reportMail(exampleReport())).toMatchFileSnapshot('./__golden__/mail.txt');
  });

  it('folds a long command so that it pastes as one', () => {
    const command = `kvmodel replay k1.${'x'.repeat(300)}`;
    const lines = folded(command);
    expect(Math.max(...lines.map((l) => l.length))).toBeLessThanOrEqual(78);
    expect(lines.join('\n').replaceAll('\\\n', '')).toBe(command);
  });
});

describe('JSON', () => {
  it('has what is promised', () => {
    const json = JSON.parse(reportJson(exampleReport()));
    expect(json).toMatchObject({ schema: 'kvmodel-check-1', series: 'example', seed: 1 });
    const a6 = json.claims.find((c: { id: string }) => c.id === 'A6');
    expect(a6.words).toContain('debounce');
    expect(a6.verdicts).toEqual({ [BASE]: 'holds', [PATCHED]: 'refuted' });
    expect(typeof a6.evidence).toBe('string');
    expect(a6.counterexample.events).toHaveLength(3);
    expect(json.claims[0].counterexample).toBeNull();
    expect(json.unreached[0]).toMatchObject({ function: 'yield_to_deboost', line: 41 });
    expect(JSON.parse(JSON.stringify(json))).toEqual(json);
  });
});

describe('KTAP', () => {
  it('counts, and hides nothing', () => {
    const text = reportKtap(exampleReport());
    expect(text.split('\n')[0]).toBe('KTAP version 1');
    expect(text).toContain('\n1..5\n');
    expect(text).toContain('# XFAIL refuted, as recorded');
    expect(text).toContain('# SKIP vacuous');
    expect(text.trimEnd().split('\n').at(-1)).toBe('# Totals: pass:1 fail:0 xfail:2 xpass:0 skip:2 error:0');
  });

  it('fails a refutation that is none any more', () => {
    const report = exampleReport();
    report.claims[1].properties[0].verdicts[PATCHED] = 'holds';
    report.changed = [{ property: 'A6.1', kernel: PATCHED, recorded: 'refuted', found: 'holds' }];
    expect(reportKtap(report)).toContain('not ok 1 A6.1 a reversed pair pays less within 600 us # recorded refuted');
    expect(reportKtap(report)).toContain('xpass:1');
  });
});

describe('JUnit', () => {
  it('escapes, counts, and fails what is not recorded', () => {
    const report = exampleReport();
    report.claims[1].properties[0].recorded = {};
    const text = reportJunit(report);
    expect(text).toContain('&quot;prevents ping-pong&quot;');
    expect(text).toContain('failures="1"');
    expect(text).toContain('<failure message="refuted">');
    expect(text.match(/<testcase /g)?.length).toBe(Number(/tests="(\d+)"/.exec(text)?.[1]));
  });
});

describe('the exit code', () => {
  it('is 0 as recorded', () => {
    expect(exitCode(exampleReport(), 'unix')).toBe(0);
  });

  it('is 1 when something changed, either way', () => {
    const report = exampleReport();
    report.changed = [{ property: 'A6.1', kernel: PATCHED, recorded: 'refuted', found: 'holds' }];
    expect(exitCode(report, 'unix')).toBe(1);
  });

  it('is 1 when nothing is recorded and something is refuted', () => {
    const report = exampleReport();
    for (const claim of report.claims) for (const p of claim.properties) p.recorded = {};
    expect(unrecordedFailures(report).map((f) => f.property)).toEqual(['A6.1', 'A14.1']);
    for (const style of ['unix', 'bisect', 'kselftest'] as const) expect(exitCode(report, style)).toBe(1);
  });

  it('is not for what the base does in the same way, as recorded', () => {
    const report = exampleReport();
    report.claims = [report.claims[2]];
    report.claims[0].properties[0].recorded = { [BASE]: 'unreachable' };
    expect(exitCode(report, 'unix')).toBe(0);
  });

  it('is not for a standing property that the base breaks in the same check, whatever is recorded of it', () => {
    const report = exampleReport();
    report.claims = [report.claims[1]];
    const [p] = report.claims[0].properties;
    p.verdicts = { [BASE]: 'refuted', [PATCHED]: 'refuted' };
    p.recorded = { [BASE]: 'holds' };
    report.changed = [{ property: p.id, kernel: BASE, recorded: 'holds', found: 'refuted' }];
    expect(exitCode(report, 'unix')).toBe(0);
    expect(reportJunit(report)).toContain('failures="0"');
    expect(reportText(report)).toContain('The base itself is not as recorded:');

    p.recorded = {};
    report.changed = [];
    expect(exitCode(report, 'unix')).toBe(1);
  });

  it('tells that nothing could be judged', () => {
    const report = exampleReport();
    report.claims = report.claims.slice(3);
    expect([exitCode(report, 'unix'), exitCode(report, 'kselftest'), exitCode(report, 'bisect')]).toEqual([0, 4, 125]);
  });
});

describe('small things', () => {
  it('sum up', () => {
    expect(summary(exampleReport())).toBe(
      '5 claims: 1 holds, 1 refuted, 1 unreachable, 1 vacuous, 1 that no model can answer.',
    );
  });

  it('diff lines in order', () => {
    const marks = (a: string[], b: string[]): string =>
      lineDiff(a, b)
        .map((d) => d.mark + d.text)
        .join(' ');
    expect(marks(['a', 'b', 'c'], ['a', 'x', 'c'])).toBe(' a -b +x  c');
    expect(marks([], ['x'])).toBe('+x');
    expect(marks(['x'], [])).toBe('-x');
  });

  it('name what an event is about', () => {
    const names = namesOf({
      cpus: 1,
      groups: [{ name: 'g' }],
      tasks: [{ comm: 'a' }],
      vms: [{ name: 'vm', vcpus: 2 }],
    });
    expect(eventText({ ev: 'yield_to', cpu: 0, task: 3 }, names)).toBe('yield_to vm/1');
    expect(eventText({ ev: 'move', cpu: 0, task: 1, group: 1 }, names)).toBe('move a g');
    expect(eventText({ ev: 'ipi', cpu: 0, to: 1, vector: 251 }, names)).toBe('ipi vcpu1 0xfb');
    expect(eventText({ ev: 'wake', cpu: 0, task: 9 }, names)).toBe('wake task 9');
  });
});

describe('the machine of a counterexample', () => {
  it('is told: CPUs, tasks with weights, groups, VMs, programs', () => {
    const lines = machineLines(
      {
        cpus: 2,
        hz: 1000,
        base_slice: 2_800_000,
        vruntime_offset: '-9223372036854775808',
        features: { NEXT_BUDDY: false },
        groups: [{ name: 'g', shares: 2048 }],
        tasks: [
          { comm: 'A', nice: -5, group: 'g', cpus: [1] },
          {
            comm: 'rt',
            policy: 'fifo',
            rt_priority: 3,
            program: [
              { op: 'compute', ns: 50_000 },
              { op: 'sleep', ns: 2_000_000 },
            ],
          },
        ],
        vms: [
          {
            name: 'vm',
            vcpus: 2,
            apicv: true,
            cpus: [[0], [1]],
            programs: [{ op: 'compute', ns: 1_000 }, { op: 'hlt' }],
          },
        ],
      },
      80,
    );
    expect(lines).toEqual([
      'machine: 2 CPUs, HZ 1000, base_slice 2.8 ms, every vruntime starts at',
      '      -9223372036854775808, NEXT_BUDDY=0',
      '  group g: shares 2048',
      '  A: nice -5 (weight 3121), in g, CPU 1',
      '  rt: fifo priority 3, runs {compute 50 us, sleep 2 ms}',
      '  VM vm: 2 vCPUs, vmx, apicv, nice 0 (weight 1024), on CPU 0 / 1',
      '  every vCPU runs {compute 1 us, hlt}',
    ]);
  });
});

describe('the kernels of a report', () => {
  it('are told apart where the series is on the kernel beside as well', () => {
    const kernels = ['v6.12.117', 'v6.5+x', 'v6.12.117+x'];
    expect(partsOf({ ...exampleReport(), series: 'x', kernels })).toEqual({
      base: 'v6.12.117',
      patched: 'v6.12.117+x',
      against: ['v6.5+x'],
      settings: [],
      prefixes: [],
    });
  });
});
