// SPDX-License-Identifier: GPL-2.0-only
/**
 * A21: "performance never regresses", as far as a model can ask: work that is done in the same time by the same
 * programs. Caches, context switches and exits cost nothing here; only who runs when counts.
 */
import { apply } from '../../../src/machine/apply.js';
import { cloneMachine } from '../../../src/machine/clone.js';
import { nextEvent } from '../../../src/machine/next-event.js';
import type { machine } from '../../../src/machine/state.js';
import { kernelByName } from '../../../src/series/registry.js';
import { bind } from '../../../src/vmlinux/bind.js';
import { always, type Claim, type Monitor, type Property, sometimes, stateless } from '../../vocabulary.js';
import { BASE } from './fork.js';
import { equalVms, stackedVm } from './kvm-worlds.js';
import { now } from './monitors.js';

/** Less than this of the base's work is a regression, more than its inverse a gain. */
const NOISE = 0.9;

const lapsOf = (m: machine): number => m.vcpu.reduce((sum, { pid }) => sum + (m.actor[pid]?.laps ?? 0), 0);

/** Laps that the base kernel makes between two times, from this state on, which it changes. */
function workBetween(m: machine, from: number, to: number): number {
  const k = bind(kernelByName(BASE), m);
  let before = 0;
  for (;;) {
    if (now(m) <= from) before = lapsOf(m);
    const event = now(m) < to ? nextEvent(m) : null;
    if (event === null) return lapsOf(m) - before;
    apply(k, event);
  }
}

/** ns: what happens before does not count: who comes first at the start, and what the first yields owe */
const WARM_UP = { equalVms: 20_000_000, stackedVm: 50_000_000 };

/** The same scenario by its programs on the base kernel, up to the same time. */
function workBesideBase(warmUp: number, judge: (here: number, base: number) => 'good' | 'bad' | 'neither'): Monitor {
  let start: machine | null = null;
  let before = 0;
  return stateless({
    before(step) {
      start ??= cloneMachine(step.m);
    },
    after(step) {
      if (now(step.m) <= warmUp) before = lapsOf(step.m);
    },
    end(step) {
      if (start === null || now(step.m) < 2 * warmUp) return;
      const here = lapsOf(step.m) - before;
      const base = workBetween(start, warmUp, now(step.m));
      if (base < 10) return;
      const said = `from ${warmUp} to ${now(step.m)} ns all vCPUs together do ${here} laps here and ${base} on ${BASE}`;
      const judged = judge(here, base);
      if (judged === 'good') step.reach(said);
      if (judged === 'bad') step.fail(said);
    },
  });
}

/** Not less than nine tenths, but for two laps: few are made where they are long. */
const noRegression = (warmUp: number): Monitor =>
  workBesideBase(warmUp, (here, base) => (here + 2 >= NOISE * base ? 'good' : 'bad'));
const gain = (warmUp: number): Monitor =>
  workBesideBase(warmUp, (here, base) => ((here - 2) * NOISE >= base ? 'good' : 'neither'));

const nobody = { says: 'nobody is boosted', funcs: { kvm_vcpu_yield_to: () => 0 } };

const A21: Property[] = [
  always('two to four VMs whose vCPUs fight for a lock do at least nine tenths of the work they do on the base', {
    of: 'A21.1',
    means:
      'work: laps of the programs by all vCPUs together, after a warm-up of 20 ms (50 ms on one CPU), to two laps; caches, switches and exits cost nothing',
    given: equalVms('lock', [2, 3, 4]),
    watch: () => noRegression(WARM_UP.equalVms),
    fault: nobody,
  }),
  always(
    'two to four VMs whose vCPUs wait for answers to IPIs do at least nine tenths of the work they do on the base',
    {
      of: 'A21.2',
      means:
        'work: laps of the programs by all vCPUs together, after a warm-up of 20 ms (50 ms on one CPU), to two laps; caches, switches and exits cost nothing',
      given: equalVms('ipi', [2, 3, 4]),
      watch: () => noRegression(WARM_UP.equalVms),
      fault: nobody,
    },
  ),
  always(
    'a VM with two or three vCPUs on one CPU, all in one group, that fight for a lock does at least nine tenths of the work it does on the base',
    {
      of: 'A21.3',
      means:
        'work: laps of the programs by all vCPUs together, after a warm-up of 20 ms (50 ms on one CPU), to two laps; caches, switches and exits cost nothing',
      given: stackedVm('lock', 'oneGroup'),
      watch: () => noRegression(WARM_UP.stackedVm),
      fault: nobody,
    },
  ),
  always(
    'a VM with two or three vCPUs on one CPU, all in one group, that wait for answers to IPIs does at least nine tenths of the work it does on the base',
    {
      of: 'A21.4',
      means:
        'work: laps of the programs by all vCPUs together, after a warm-up of 20 ms (50 ms on one CPU), to two laps; caches, switches and exits cost nothing',
      given: stackedVm('ipi', 'oneGroup'),
      watch: () => noRegression(WARM_UP.stackedVm),
      fault: nobody,
    },
  ),
  always(
    'a VM with two or three vCPUs on one CPU, each in a group of its own, that fight for a lock does at least nine tenths of the work it does on the base',
    {
      of: 'A21.5',
      means:
        'work: laps of the programs by all vCPUs together, after a warm-up of 20 ms (50 ms on one CPU), to two laps; caches, switches and exits cost nothing',
      given: stackedVm('lock', 'nested'),
      watch: () => noRegression(WARM_UP.stackedVm),
      fault: nobody,
    },
  ),
  always(
    'a VM with two or three vCPUs on one CPU, each in a group of its own, that wait for answers to IPIs does at least nine tenths of the work it does on the base',
    {
      of: 'A21.6',
      means:
        'work: laps of the programs by all vCPUs together, after a warm-up of 20 ms (50 ms on one CPU), to two laps; caches, switches and exits cost nothing',
      given: stackedVm('ipi', 'nested'),
      watch: () => noRegression(WARM_UP.stackedVm),
      fault: nobody,
    },
  ),
  sometimes('two or three VMs whose vCPUs fight for a lock do a ninth more work than on the base', {
    of: 'A21.7',
    means:
      'work: laps of the programs by all vCPUs together, after a warm-up of 20 ms (50 ms on one CPU), to two laps; caches, switches and exits cost nothing',
    given: equalVms('lock', [2, 3]),
    watch: () => gain(WARM_UP.equalVms),
    fault: nobody,
  }),
  sometimes('two VMs whose vCPUs wait for answers to IPIs do a ninth more work than on the base', {
    of: 'A21.8',
    means:
      'work: laps of the programs by all vCPUs together, after a warm-up of 20 ms (50 ms on one CPU), to two laps; caches, switches and exits cost nothing',
    given: equalVms('ipi', [2]),
    watch: () => gain(WARM_UP.equalVms),
    fault: nobody,
  }),
  sometimes(
    'a VM with two or three vCPUs on one CPU, each in a group of its own, that fight for a lock does a ninth more work than on the base',
    {
      of: 'A21.9',
      means:
        'work: laps of the programs by all vCPUs together, after a warm-up of 20 ms (50 ms on one CPU), to two laps; caches, switches and exits cost nothing',
      given: stackedVm('lock', 'nested'),
      watch: () => gain(WARM_UP.stackedVm),
      fault: nobody,
    },
  ),
];

export const throughput: Claim[] = [
  { id: 'A21', words: 'performance never regresses; gains at 2 to 3 VMs', properties: A21 },
];
