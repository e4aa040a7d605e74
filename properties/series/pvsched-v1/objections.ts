// SPDX-License-Identifier: GPL-2.0-only
/** BR1 to BR11: what reviewers, and the authors themselves, object to. */
import type { kvm_vcpu } from '../../../src/arch/x86/kvm_host.js';
import { toNumber, ZERO } from '../../../src/lib/types.js';
import { SCHED_NORMAL, SCHED_RR } from '../../../src/sched/sched.js';
import { MSR_KVM_PV_SCHED } from '../../../src/series/pvsched-v1/0001-kvm-x86-MSR-for-setting-up-scheduler-info-shared-mem.js';
import type { pvsched } from '../../../src/series/pvsched-v1/adds.js';
import { MS, US } from '../../arbitraries.js';
import { always, type Claim, leadsTo, type Monitor, type Property } from '../../vocabulary.js';
import {
  BOOST,
  guestState,
  inGuest,
  isEnabled,
  isRealTime,
  lastOne,
  nameOf,
  now,
  ranOf,
  shared,
  sliceOf,
  threadOf,
} from './monitors.js';
import { injected } from './requests.js';
import { cyclictest, guests, NOTIFY, REALTIME, rawVms, waker } from './worlds.js';

const noBoost = { says: 'nobody is boosted', funcs: { kvm_vcpu_set_sched: () => 0 } };
const allBoosted = {
  says: 'every exit boosts',
  funcs: {
    kvm_x86_handle_exit_irqoff(this: pvsched, v: kvm_vcpu) {
      const p = this.m.task[v.pid];
      if (p.policy === SCHED_NORMAL)
        this.__sched_setscheduler(
          p,
          {
            sched_policy: SCHED_RR,
            sched_flags: 0,
            sched_nice: 0,
            sched_priority: 8,
            sched_runtime: this.m.se[p.se].slice,
          },
          false,
          false,
        );
    },
  },
};

const normalAtExit = {
  says: 'every exit makes its thread SCHED_NORMAL',
  funcs: {
    kvm_x86_handle_exit_irqoff(this: pvsched, v: kvm_vcpu) {
      const p = this.m.task[v.pid];
      this.__sched_setscheduler(
        p,
        {
          sched_policy: SCHED_NORMAL,
          sched_flags: 0,
          sched_nice: 0,
          sched_priority: 0,
          sched_runtime: this.m.se[p.se].slice,
        },
        false,
        false,
      );
    },
  },
};

const BR1: Property[] = [
  always('an interrupt of a guest that has only tasks of nice 19 does not make its vCPU real-time', {
    of: 'BR1.1',
    given: guests({ tasks: ({ sleep, work }) => [waker('low', sleep, work, { nice: 19 }), { comm: 'hog', nice: 19 }] }),
    watch: () => ({
      notes: () => null,
      after(step) {
        for (const v of step.m.vcpu) {
          const state = guestState(step.m, v);
          if (state === null || !inGuest(step.m, v)) continue;
          const handles = state.os.cpu[v.vcpu_idx].contexts.length > 0;
          if (handles) step.reach();
          if (handles && isRealTime(step.m, v))
            step.fail(`${nameOf(step.m, v)} is real-time for an interrupt of a guest that has nothing above nice 19`);
        }
      },
    }),
    fault: allBoosted,
  }),
];

const BR2: Property[] = [
  always('from an interrupt until the guest takes it the thread is real-time, APICv or not', {
    of: 'BR2.1',
    means: 'with posted interrupts and AVIC',
    given: rawVms({ vcpus: 2, apicv: [true] }),
    watch: injected,
    fault: noBoost,
  }),
];

const BR4: Property[] = [
  leadsTo('a boost ends within 10 ms, whatever the guest does or leaves undone', {
    of: 'BR4.1',
    means: 'while the vCPU runs its guest; ticks at CONFIG_HZ',
    given: cyclictest({ tasks: () => [{ comm: 'hog', ...REALTIME }], until: 60 }),
    watch() {
      const since = new Map<number, number>();
      return {
        notes: () => [...since],
        after(step) {
          for (const v of step.m.vcpu) {
            if (!isEnabled(step, v) || !isRealTime(step.m, v)) {
              since.delete(v.id);
              continue;
            }
            step.reach();
            const at = since.get(v.id) ?? now(step.m);
            since.set(v.id, at);
            if (now(step.m) - at > 10 * MS)
              step.fail(`${nameOf(step.m, v)} has been real-time for ${now(step.m) - at} ns, and nothing ends it`);
          }
        },
      };
    },
    fault: { says: 'who was boosted stays so', funcs: { kvm_vcpu_needs_boost: () => true } },
  }),
  leadsTo('an exit with no request in the page and nothing pending ends a boost, whatever was written to the MSR', {
    of: 'BR4.2',
    means: 'where the page that the MSR names is there',
    given: rawVms({ lies: true, weights: { memslot: 0 } }),
    watch: () => ({
      notes: () => null,
      probes: {
        kvm_vcpu_do_pv_sched: {
          leave(step, _result, args) {
            const v = args[0] as kvm_vcpu;
            const { kernel, m } = step;
            const pending = kernel.kvm_cpu_has_interrupt(v) || kernel.kvm_cpu_has_pending_timer(v) !== 0;
            const page = shared(m, v);
            if (!isEnabled(step, v) || pending || page === null || page.request === BOOST) return;
            step.reach();
            if (isRealTime(m, v))
              step.fail(
                `${nameOf(m, v)} asks for nothing and stays real-time: its page is not read${v.arch.pv_sched?.data.bad === true ? ', for the address written last is no memory' : ''}`,
              );
          },
        },
      },
    }),
    fault: { says: 'who was boosted stays so', funcs: { kvm_vcpu_needs_boost: () => true } },
  }),
];

const BR7: Property[] = [
  always('a guest can have no more than ten lines printed in 5 s', {
    of: 'BR7.1',
    means: 'what printk_ratelimited() lets through',
    given: rawVms({ msrs: [{ msr: MSR_KVM_PV_SCHED, low: 1, high: 0x8000 }], weights: { wrmsr: 30 } }),
    watch() {
      let lines: number[] = [];
      return {
        notes: () => lines,
        after(step) {
          const at = now(step.m);
          const printed = step.traces.filter((t) => t.system === 'printk').length;
          if (printed === 0) return;
          step.reach();
          lines = [...lines, ...Array<number>(printed).fill(at)].filter((t) => at - t < 5_000_000_000);
          if (lines.length > 10)
            step.fail(`${lines.length} lines in 5 s, one for each WRMSR of an address without memory`);
        },
      };
    },
    fault: {
      says: 'each entry prints a line',
      funcs: {
        record_vcpu_boost_status(this: pvsched) {
          this.printk('entry');
        },
        kvm_set_msr_commonPvSched(this: pvsched, v: kvm_vcpu) {
          this.kvm_set_vcpu_boosted(v, false);
          this.printk('write');
          return 0;
        },
      },
    },
  }),
  always('a write of the MSR that does not take effect is #GP', {
    of: 'BR7.2',
    given: rawVms({
      msrs: [
        { msr: MSR_KVM_PV_SCHED, low: 1, high: 0x8000 },
        { msr: MSR_KVM_PV_SCHED, low: 0x2000, high: 0 },
      ],
    }),
    watch: () => ({
      notes: () => null,
      probes: {
        kvm_set_msr_commonPvSched: {
          leave(step, result, args) {
            const [v, data] = args as [kvm_vcpu, bigint | number];
            step.reach();
            const took = toNumber(v.arch.pv_sched?.msr_val ?? (0 as never)) === Number(data);
            if (!took && result === 0)
              step.fail(`${nameOf(step.m, v)} writes 0x${data.toString(16)}, which is taken for well and does nothing`);
          },
        },
      },
    }),
    fault: { says: 'every write succeeds', funcs: { kvm_set_msr_commonPvSched: () => 0 } },
  }),
];

/** Exits by which a guest makes its host look, at most so many for each interrupt, and one for each switch. */
function looksAt(perInterrupt: number): Monitor {
  let looks = 0;
  return {
    notes: () => looks,
    after(step) {
      for (const t of step.traces) if (t.event === 'kvm_msr' && t.fields['data'] === '0xffffffffffffffff') looks++;
    },
    end(step) {
      if (looks === 0) return;
      step.reach();
      const of = (what: (v: kvm_vcpu) => number): number => step.m.vcpu.reduce((sum, v) => sum + what(v), 0);
      const interrupts = of((v) => v.stat.irq_injections);
      const switches = of((v) => toNumber(step.m.guest[v.kvm].os?.m.rq[v.vcpu_idx].nr_switches ?? ZERO));
      if (looks > perInterrupt * interrupts + switches)
        step.fail(
          `the guest has made its host look ${looks} times, with ${interrupts} interrupts and ${switches} switches`,
        );
    },
  };
}

const repeats = (times: number) => ({
  says: `a guest says everything ${times} times`,
  funcs: {
    pv_sched_vcpu_update(this: pvsched) {
      for (let i = 0; i < times; i++) this.this_irq_cpu().ops.push({ op: 'wrmsr', ...NOTIFY });
    },
  },
});

const BR10: Property[] = [
  always('a guest makes its host look at most once for each interrupt that it takes', {
    of: 'BR10.1',
    means: 'and once for each time that a task of it sleeps or is woken',
    given: cyclictest({ until: 60 }),
    watch: () => looksAt(1),
    fault: repeats(3),
  }),
  always('a guest makes its host look at most twice for each interrupt that it takes', {
    of: 'BR10.2',
    means: 'on the way back to user mode and behind it; and once for each time that a task of it sleeps or is woken',
    given: cyclictest({ until: 60 }),
    watch: () => looksAt(2),
    fault: repeats(6),
  }),
];

const BR11: Property[] = [
  always('a thread that is not boosted has the policy that its administrator gave it', {
    of: 'BR11.1',
    means: 'sched_setattr() of SCHED_NORMAL, BATCH, IDLE, FIFO or RR, while it is not boosted',
    given: rawVms({ weights: { setattr: 4 } }),
    watch: keptPolicy,
    fault: normalAtExit,
  }),
  always('a host task gets its fair half beside a guest that always asks to be boosted', {
    of: 'BR11.2',
    means: 'of CPU time since boot, less two slices and two ticks',
    given: rogue(100),
    watch: () => hostGets((m, at) => at / 2 - 2e9 / m.HZ - 2 * sliceOf(m), 20 * MS),
    fault: { says: 'whoever was made last runs', funcs: lastOne },
  }),
  always('a host task gets 50 ms of each second beside a guest that always asks to be boosted', {
    of: 'BR11.3',
    means: 'what the fair server of the host is for, less two ticks; from the first second on',
    given: rogue(2_100),
    watch: () => hostGets((m, at) => 50 * MS * Math.floor(at / 1e9) - 2e9 / m.HZ, 1_000 * MS),
    fault: {
      says: 'there is no server for fair tasks',
      funcs: { dl_server_start() {} },
    },
  }),
  always('a host task gets 50 ms of each second beside two guests that both ask for ever', {
    of: 'BR11.4',
    means: 'less two ticks; the first 100 ms aside, in which its server starts',
    given: rogues(2_150),
    watch: () => hostGets((m, at) => 50 * MS * Math.floor((at - 100 * MS) / 1e9) - 2e9 / m.HZ, 1_100 * MS),
    fault: { says: 'there is no server for fair tasks', funcs: { dl_server_start() {} } },
  }),
  always('of two guests that both ask for ever neither has more than its half and a slice of SCHED_RR', {
    of: 'BR11.5',
    means: 'of CPU time since boot, and two ticks',
    given: rogues(1_000),
    watch: () => ({
      notes: () => null,
      after(step) {
        const { m } = step;
        const at = now(m);
        if (step.event.ev !== 'tick' || at < 300 * MS) return;
        step.reach();
        const most = at / 2 + (m.sched_rr_timeslice * 1e9) / m.HZ + 2e9 / m.HZ;
        for (const v of m.vcpu) {
          const had = v.pid < 0 ? 0 : ranOf(m, v.pid);
          if (had > most) step.fail(`${nameOf(m, v)} has had ${had} ns of ${at} ns`);
        }
      },
    }),
    fault: {
      says: 'whoever was made last runs, and no slice of SCHED_RR ends',
      funcs: {
        task_tick_rt() {},
        ...lastOne,
      },
    },
  }),
  always('a host task gets its fair half beside a guest that interrupts itself 100,000 times a second', {
    of: 'BR11.6',
    means: 'of CPU time since boot, less two slices and two ticks',
    given: guests({ tasks: () => [waker('spam', 9 * US, 1 * US), { comm: 'hog' }], until: 30, length: 16_000 }),
    watch: () => hostGets((m, at) => at / 2 - 2e9 / m.HZ - 2 * sliceOf(m), 16 * MS),
    fault: { says: 'who was boosted stays so', funcs: { kvm_vcpu_needs_boost: () => true } },
  }),
  always('a thread has the policy of its administrator back, whatever the guest writes', {
    of: 'BR11.7',
    means: 'as BR11.1; anything in MSR and page, which come and go',
    given: rawVms({ lies: true, weights: { setattr: 4 } }),
    watch: keptPolicy,
    fault: normalAtExit,
  }),
];

/** A guest whose real-time task never sleeps: it asks for a boost for ever. */
function rogue(until: number): Property['given'] {
  return guests({ tasks: () => [{ comm: 'rogue', ...REALTIME }], until, length: 12_000, events: 16_000 });
}

/** Two of them on one CPU. */
function rogues(until: number): Property['given'] {
  const one = rogue(until);
  const scenario = one.scenario.map((s) => ({
    ...s,
    vms: (s.vms ?? []).flatMap((vm) => [vm, { ...vm, name: `${vm.name}2` }]),
  }));
  return { ...one, scenario, keep: (s) => one.keep?.(s) === true && s.vms?.length === 2 };
}

function hostGets(due: (m: Parameters<typeof now>[0], at: number) => number, from: number): Monitor {
  return {
    notes: () => null,
    after(step) {
      const { m } = step;
      const at = now(m);
      if (at < from || step.event.ev !== 'tick') return;
      const host = m.task.find((p) => p.comm === 'host');
      if (host === undefined) return;
      step.reach();
      const had = ranOf(m, host.id);
      if (had < due(m, at))
        step.fail(`the host task has had ${had} ns of ${at} ns, ${Math.round(due(m, at))} ns are due`);
    },
  };
}

function keptPolicy(): Monitor {
  const given = new Map<number, number>();
  let before: boolean[] = [];
  return {
    notes: () => [...given],
    before({ m }) {
      before = m.vcpu.map((v) => v.arch.pv_sched?.boost === 2);
    },
    after(step) {
      const { event, m } = step;
      for (const v of m.vcpu) {
        const p = threadOf(m, v);
        if (p === undefined) continue;
        if (event.ev === 'setattr' && event.task === p.id && !before[v.id] && v.arch.pv_sched?.boost !== 2)
          given.set(p.id, event.policy);
        const policy = given.get(p.id);
        if (policy === undefined || v.arch.pv_sched?.boost === 2) continue;
        step.reach();
        if (p.policy !== policy)
          step.fail(`${nameOf(m, v)} was given policy ${policy}; it is not boosted, and has ${p.policy}`);
      }
    },
  };
}

const notHere = (id: string, words: string, unanswerable: string): Claim => ({
  id,
  words,
  properties: [],
  unanswerable,
});

export const objections: Claim[] = [
  { id: 'BR1', words: 'events are too coarse a sign of urgency', properties: BR1 },
  { id: 'BR2', words: 'interrupts that are virtualised pass the host by', properties: BR2 },
  notHere('BR3', 'PV unhalt boosts after contention has cost a HLT', 'no guest here has the slow path of PV spinlocks'),
  { id: 'BR4', words: 'who does not unboost stays boosted', properties: BR4 },
  notHere('BR5', 'interrupts of a nested guest boost its parent', 'nested guests are not modelled'),
  notHere('BR6', 'policy does not belong in KVM', 'a question of design; when it looks is B2.3'),
  { id: 'BR7', words: 'a guest prints at will; the write should fail', properties: BR7 },
  notHere('BR8', 'hints are sprinkled all over the place', 'a question of design'),
  notHere('BR9', 'the policy becomes ABI; a timer should bound boosts', 'a question of design; the bound is BR4.1'),
  { id: 'BR10', words: 'a hypercall to unboost costs more than it brings', properties: BR10 },
  { id: 'BR11', words: 'misuse; the policy before is lost', properties: BR11 },
];
