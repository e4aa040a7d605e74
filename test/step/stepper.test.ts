// SPDX-License-Identifier: GPL-2.0-only
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sourceFiles } from '../../src/cli/source-files.js';
import { boot } from '../../src/machine/boot.js';
import { legal } from '../../src/machine/event-table.js';
import { happenings } from '../../src/report/happenings.js';
import { namedScenario } from '../../src/scenario/catalogue.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { kernelByName } from '../../src/series/registry.js';
import { completions, execute, stepCommands } from '../../src/step/commands.js';
import { nextEvents } from '../../src/step/next-events.js';
import { type Outside, Stepper } from '../../src/step/stepper.js';
import { Timeline } from '../../src/step/timeline.js';

const outside: Outside = {
  sources: sourceFiles,
  brokenAt: async (id) => (id === 'A1.1' ? 3 : id === 'A1.2' ? -1 : null),
  cSource: async () => null,
  save: (file, events) => `${file}: ${events.length}`,
  interrupted: () => false,
};

function stepperOn(scenario: Scenario, kernel = 'v6.12.117', against?: string, limit = 80): Stepper {
  const own = kernelByName(kernel);
  const { events } = happenings(own, scenario, limit);
  const line = new Timeline(own, boot(own, scenario), events);
  const other = against === undefined ? null : kernelByName(against);
  return new Stepper(
    line,
    other === null ? null : new Timeline(other, boot(other, scenario), events),
    scenario,
    outside,
  );
}

const spinners = namedScenario('two-spinners') as Scenario;
const place = ({ line }: Stepper): string => `${line.place.event}/${line.place.step}`;

/** What the commands print, each line by itself. */
async function said(stepper: Stepper, ...commands: string[]): Promise<string[]> {
  const out: string[] = [];
  for (const command of commands) out.push(...((await execute(stepper, command)) ?? ['(ended)']));
  return out;
}

describe('going', () => {
  it('steps back what it stepped forward, through every step of several events', async () => {
    const stepper = stepperOn(spinners);
    const places: string[] = [];
    for (let i = 0; i < 400; i++) {
      places.push(place(stepper));
      await execute(stepper, 'step');
    }
    expect(new Set(places).size).toBe(400);
    for (const before of places.reverse()) {
      await execute(stepper, 'reverse-step');
      expect(place(stepper)).toBe(before);
    }
  });

  it('runs calls as a whole, and ends them', async () => {
    const stepper = stepperOn(spinners);
    await said(stepper, 'break yield_to', 'continue');
    const inside = place(stepper);
    const depth = stepper.line.frames.length;
    await execute(stepper, 'next');
    expect(stepper.line.frames.length).toBeLessThanOrEqual(depth);
    await said(stepper, `seek ${inside.split('/')[0]}`, 'continue', 'finish');
    expect(stepper.line.lastStep).toMatchObject({ kind: 'return', fn: 'yield_to', result: 1 });
    await execute(stepper, 'reverse-step');
    await said(stepper, 'reverse-finish');
    expect(stepper.line.frames.at(-1)?.step.fn).toBe('kvm_vcpu_yield_to');
  });

  it('goes by whole events between them', async () => {
    const stepper = stepperOn(spinners);
    await execute(stepper, 'next 5');
    expect(place(stepper)).toBe('5/0');
    await execute(stepper, 'reverse-next 2');
    expect(place(stepper)).toBe('3/0');
  });

  it('never leaves the run at either end', async () => {
    const stepper = stepperOn(spinners);
    await said(stepper, 'reverse-step', 'reverse-next', 'reverse-finish', 'reverse-continue');
    expect(place(stepper)).toBe('0/0');
    await said(stepper, 'seek 100000', 'step', 'next 3', 'finish', 'continue');
    expect(place(stepper)).toBe('80/0');
  });

  it('holds the machine of its place, wherever it came from', async () => {
    const at = async (commands: string[]): Promise<string> => {
      const stepper = stepperOn(spinners);
      await said(stepper, ...commands, 'seek 12', 'step 200');
      return (await said(stepper, 'info rq', 'info vcpu', 'bt')).join('\n');
    };
    const there = await at([]);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('step 30', 'next 4', 'reverse-step 7', 'seek 40', 'rn 3', 'finish', 'rc', 'p rq[0]'), {
          maxLength: 6,
        }),
        async (commands) => {
          expect(await at(commands)).toBe(there);
        },
      ),
      { numRuns: 12, seed: 1 },
    );
  });
});

describe('stops', () => {
  it('finds the last writer of a field', async () => {
    const stepper = stepperOn(spinners);
    await said(stepper, 'seek 30', 'watch task["vm/0"].on_rq', 'watch rq[0].cfs->next');
    const [words] = await said(stepper, 'reverse-continue');
    expect(words).toBe('Watchpoint 2: rq[0].cfs->next');
    expect(stepper.line.lastStep).toMatchObject({ kind: 'write', path: ['cfs_rq', 0, 'next'] });
    const back = place(stepper);
    await said(stepper, 'reverse-continue');
    expect(place(stepper)).not.toBe(back);
    // forward from the beginning it comes by the same places
    await said(stepper, 'seek 0');
    const forward: string[] = [];
    for (let i = 0; i < 200 && !forward.includes(back); i++) {
      await execute(stepper, 'continue');
      forward.push(place(stepper));
    }
    expect(forward).toContain(back);
  });

  it('looks at conditions where it stops', async () => {
    const stepper = stepperOn(spinners);
    await said(stepper, 'break update_curr if rq[0].curr->comm == "vm/1"', 'continue');
    expect(stepper.line.frames.at(-1)?.step.fn).toBe('update_curr');
    expect((await said(stepper, 'print rq[0].curr->comm'))[0]).toBe('rq[0].curr->comm = "vm/1"');
  });

  it('stops at tracepoints, once where that is asked, and not where it is disabled', async () => {
    const stepper = stepperOn(spinners);
    await said(stepper, 'tbreak sched_switch', 'continue');
    expect(stepper.line.lastStep).toMatchObject({ kind: 'trace', event: { event: 'sched_switch' } });
    expect(stepper.stops).toEqual([]);
    await said(stepper, 'seek 0', 'break kvm_exit', 'disable', 'continue');
    expect(place(stepper)).toBe('80/0');
  });

  it('stops where a property is broken', async () => {
    const stepper = stepperOn(spinners);
    await said(stepper, 'break A1.1', 'continue');
    expect(place(stepper)).toBe('4/0');
    expect(await said(stepper, 'break A1.2')).toEqual(['A1.2 is not broken by this run on v6.12.117']);
  });
});

describe('looking', () => {
  it('evaluates as C does', async () => {
    const stepper = stepperOn(spinners);
    await said(stepper, 'seek 20');
    const value = async (text: string): Promise<string> =>
      (await said(stepper, `print ${text}`))[0].replace(`${text} = `, '');
    expect(await value('1 + 2 * 3')).toBe('7');
    expect(await value('rq[0].cfs->curr->vruntime - rq[0].cfs->curr->vruntime')).toBe('0');
    expect(await value('rq[0].curr == task["vm/1"] || rq[0].curr == task["vm/0"]')).toBe('true');
    expect(await value('!rq[0].cfs->skip && 1')).toMatch(/no member skip/);
    expect(await value('avg_vruntime(cfs_rq[0]) == avg_vruntime(cfs_rq[0])')).toBe('true');
    expect(await value('rq[7]')).toMatch(/no element 7: it has 1/);
    expect(await value('1 / 0')).toBe('division by 0');
    expect(await value('rq[')).toMatch(/no expression/);
    expect(await value('nonsense')).toMatch(/no nonsense here/);
  });

  it('shows u64 without sign, and pointers by what they point to', async () => {
    const stepper = stepperOn({ ...spinners, vruntime_offset: '18446744073709551615' } as Scenario);
    await said(stepper, 'seek 3');
    expect((await said(stepper, 'print se[1].vruntime'))[0]).toMatch(/= 1844674407\d+$/);
    expect((await said(stepper, 'print rq[0].curr'))[0]).toMatch(/= &task\[[12]\] \(vm\/[01]\)$/);
  });

  it('selects frames', async () => {
    const stepper = stepperOn(spinners);
    await said(stepper, 'break yield_to', 'continue');
    expect((await said(stepper, 'info args'))[0]).toBe('p = &task[1] (vm/0)');
    expect((await said(stepper, 'up'))[0]).toContain('#1  kvm_vcpu_yield_to(target=&vcpu[0] (vm/0))');
    expect((await said(stepper, 'info args'))[0]).toBe('target = &vcpu[0] (vm/0)');
    expect(await said(stepper, 'down', 'down')).toContain('the innermost call is selected');
  });

  it('says what is typed wrong, and stays', async () => {
    const stepper = stepperOn(spinners);
    for (const wrong of [
      'frobnicate',
      'step x',
      'break',
      'break yield_tu',
      'watch 3',
      'frame 9',
      'seek',
      'toggle 900',
      'inject {',
    ])
      expect((await said(stepper, wrong)).join(' '), wrong).toMatch(/expected|no |may be|has|is no/);
    expect(place(stepper)).toBe('0/0');
  });

  it('completes commands, functions and what info shows', () => {
    const stepper = stepperOn(spinners);
    expect(completions(stepper, 'rev')).toEqual(['reverse-step', 'reverse-next', 'reverse-finish', 'reverse-continue']);
    expect(completions(stepper, 'break yield_t')).toEqual(expect.arrayContaining(['yield_to', 'yield_task_fair']));
    expect(completions(stepper, 'info la')).toEqual(['lapic']);
  });

  it('has help for every command', async () => {
    const stepper = stepperOn(spinners);
    for (const { name, says } of stepCommands) expect((await said(stepper, `help ${name}`)).join('\n')).toContain(says);
  });
});

describe('two kernels', () => {
  it('part where the first field differs', async () => {
    const stepper = stepperOn(spinners, 'v6.19-rc1+semantics-aware-v2', 'v6.19-rc1', 300);
    const lines = await said(stepper, 'seek diff');
    expect(lines.join('\n')).toContain('The kernels differ from here on:');
    const { event } = stepper.line.place;
    expect(event).toBeGreaterThan(0);
    expect((await said(stepper, 'diff')).length).toBeGreaterThan(1);
    await said(stepper, `seek ${event - 1}`);
    expect((await said(stepper, 'next')).join('\n')).toContain('The kernels differ from here on:');
  });

  it('do not on the same code', async () => {
    const stepper = stepperOn(spinners, 'revert-f210f7572bed', 'v6.12.117', 30);
    expect(await said(stepper, 'seek diff')).toEqual(['The kernels do not differ in this run.']);
  });
});

describe('other events', () => {
  it('takes one out, puts one in, and keeps the rest', async () => {
    const stepper = stepperOn(spinners);
    const before = await said(stepper, 'seek 20', 'info rq');
    await said(stepper, 'seek 5', 'inject {"ev":"tick","cpu":0}');
    expect(stepper.line.events.length).toBe(81);
    await said(stepper, 'toggle 5');
    expect(stepper.line.events.length).toBe(80);
    expect(await said(stepper, 'seek 20', 'info rq')).toEqual(before);
  });
});

describe('events next', () => {
  it('lists what is legal here and nothing else, the run’s own event marked, each as inject takes it', async () => {
    const stepper = stepperOn(spinners);
    const marked: number[] = [];
    for (const n of [0, 10, 20, 30, 40, 50]) {
      const lines = await said(stepper, `seek ${n}`, 'events next');
      marked.push(lines.filter((line) => /^> /.test(line)).length);
    }
    expect(marked).toContain(1);
    const [head, first] = (await said(stepper, 'seek 10', 'events next'))
      .slice(-30)
      .filter((it) => /inject|before event/.test(it));
    expect(head).toContain('before event 10');
    const command = /inject .*$/.exec(first)?.[0] ?? '';
    expect((await said(stepper, command)).join('\n')).toContain('81 events');
    const m = stepper.line.machineBefore(10);
    const kinds = new Set(nextEvents(m).map(({ event }) => event.ev));
    expect(kinds.has('tick')).toBe(true);
    // nobody polls, and no thread is woken that runs
    expect([kinds.has('pollEnd'), kinds.has('wfi')]).toEqual([false, false]);
    for (const { event } of nextEvents(m)) expect(legal(m, event), JSON.stringify(event)).toBe(true);
  });
});
