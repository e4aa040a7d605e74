// SPDX-License-Identifier: GPL-2.0-only
/** A patch that changes nothing, on releases before EEVDF: what is refuted there is recorded, with its reason, and nothing else is. */
import { describe, expect, it } from 'vitest';
import { families, recorded } from '../../properties/claims.js';
import { ASK_DEFAULTS, ask } from '../../src/explore/ask.js';
import { type CheckSettings, runCheck } from '../../src/explore/check.js';
import { machineEngine as engine } from '../../src/explore/machine-engine.js';
import { propertyOf, subjectOf } from '../../src/explore/subject.js';
import { u64 } from '../../src/lib/types.js';
import { boot } from '../../src/machine/boot.js';
import { drive } from '../../src/machine/drive.js';
import { checkSched } from '../../src/machine/invariants-sched.js';
import { vcpuStateOf } from '../../src/machine/vcpu-life.js';
import type { CheckReport } from '../../src/report/check-report.js';
import { exitCode } from '../../src/report/verdicts.js';
import { kernelByName, pin } from '../../src/series/registry.js';
import { defineSeries, type Series } from '../../src/series/series.js';
import { localAsker } from '../explore/local-asker.js';

/** The base's own function once more. */
const nothing = (base: string): Series => {
  const { get_jiffies_64 } = kernelByName(base).table;
  return defineSeries({
    id: 'nothing',
    title: 'nothing',
    base,
    patches: [{ subject: 'nothing', funcs: { get_jiffies_64 } as object }],
  });
};

describe('a patch that changes nothing', () => {
  /** Asked in this process; `base` alone, or with the patch. */
  async function checked(name: string, alone: boolean, settings: CheckSettings): Promise<CheckReport> {
    const whole = subjectOf({ pin, base: kernelByName(name), series: nothing(name), claims: [], families, recorded });
    const subject = alone ? { ...whole, kernels: whole.kernels.slice(0, 1) } : whole;
    const tools = { engine, asker: localAsker(engine, subject), version: '', replayCommand: () => '' };
    return runCheck(subject, { witness: true, verdictsOnly: true, ...settings }, tools);
  }

  // one run each: the whole of the questions is what `kvmodel check` asks, and the record says what it found
  it.each(['v6.1', 'v6.5', 'v2.6.38'])('on %s finds nothing that is not recorded', async (name) => {
    const { changed } = await checked(name, true, { runs: 1 });
    // overflow.4 is asked where integers are checked, in a thread of its own
    expect(changed.filter(({ property }) => property !== 'overflow.4')).toEqual([]);
  });

  it('is not refuted by what Linux itself does not keep', async () => {
    const report = await checked('v2.6.38', false, {
      runs: 40,
      only: ['realtime.4', 'accounts.1', 'accounts.2'],
    });
    expect(report.claims.find(({ id }) => id === 'realtime')?.verdicts['v2.6.38+nothing']).toBe('refuted');
    expect(exitCode(report, 'unix')).toBe(0);
    // accounts.2 is about deadlines: it is not asked, and the claim is what the rest is
    const accounts = report.claims.find(({ id }) => id === 'accounts');
    expect(accounts?.verdicts['v2.6.38+nothing']).toBe('holds');
    expect(accounts?.evidence).toMatch(/1 of 2 not its own$/);
  });
});

describe('what a release is not asked', () => {
  const told = (kernel: string, id: string): [string, string | undefined] => {
    const { verdict, evidence } = ask(engine, kernelByName(kernel), propertyOf(families, id)!, {
      ...ASK_DEFAULTS,
      unshrunk: true,
    });
    return [verdict, evidence.note];
  };

  it('is what Linux promises only later, what is about a function that it lacks, and what is not mirrored', () => {
    expect(told('v2.6.38', 'yield.7')).toEqual(['vacuous', 'Linux promises it from v3.9 on, and v2.6.38 is older']);
    expect(told('v2.6.38', 'yield.4')).toEqual(['vacuous', 'about yield_to_task_fair(), which v2.6.38 lacks']);
    expect(told('v6.1', 'kvm.18')).toEqual(['vacuous', 'Linux promises it from v6.11 on, and v6.1 is older']);
    expect(told('v6.1', 'lapic.1')).toEqual(['skipped', "the local APICs are v6.12's (DV-623)"]);
    expect(told('v2.6.39', 'lapic.1')[0]).toBe('skipped');
    expect(told('v6.12.117', 'starvation.4')).toEqual(['vacuous', 'about check_preempt_tick(), which v6.12.117 lacks']);
  });
});

describe('v2.6.38', () => {
  it('weighs a nice of 0 and the root group by 1024, and adds up so', () => {
    const m = boot(kernelByName('v2.6.38'), {
      cpus: 1,
      groups: [{ name: 'g' }],
      tasks: [{ comm: 'A' }, { comm: 'B', group: 'g' }],
    });
    expect(m.task_group.map((tg) => tg.shares)).toEqual([u64(1024), u64(1024)]);
    expect(checkSched(m)).toEqual([]);
  });

  it('has a vCPU doze after a PAUSE exit, which is no HLT', () => {
    const kernel = kernelByName('v2.6.38');
    const m = boot(kernel, { cpus: 2, vms: [{ name: 'vm', vcpus: 2, cpus: [[0], [1]] }] });
    drive(kernel, m, [
      { ev: 'pause', cpu: 0 },
      { ev: 'hlt', cpu: 1 },
    ]);
    expect(m.vcpu.map((v) => vcpuStateOf(m, v))).toEqual(['dozing', 'blocked']);
    drive(kernel, m, [{ ev: 'advance', ns: 100_000 }]);
    expect(vcpuStateOf(m, m.vcpu[0])).toBe('inGuest');
  });

  it('gives a vCPU no pid before its first KVM_RUN: whoever sets it up is nobody of the model', () => {
    const m = boot(kernelByName('directed-yield-v7'), { cpus: 1, vms: [{ name: 'vm', vcpus: 2 }] });
    expect(m.vcpu.map((v) => v.pid).sort()).toEqual([-1, m.rq[0].curr]);
  });
});
