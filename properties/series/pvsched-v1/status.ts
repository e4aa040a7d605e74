// SPDX-License-Identifier: GPL-2.0-only
/** B6, B11 to B15: what is published, what is enabled, and who is boosted for how long. */
import type { kvm_vcpu } from '../../../src/arch/x86/kvm_host.js';
import { loadWord } from '../../../src/kvm/guest-memory.js';
import { toNumber, u64, ZERO } from '../../../src/lib/types.js';
import {
  MSR_KVM_PV_SCHED,
  pv_sched_of,
} from '../../../src/series/pvsched-v1/0001-kvm-x86-MSR-for-setting-up-scheduler-info-shared-mem.js';
import type { pvsched } from '../../../src/series/pvsched-v1/adds.js';
import { always, type Claim, leadsTo, type Monitor, type Property, type Step } from '../../vocabulary.js';
import {
  BOOSTED,
  DISABLED,
  guestState,
  inGuest,
  isEnabled,
  isRealTime,
  isThere,
  memoryOf,
  nameOf,
  now,
  pageOf,
  sayPolicy,
  shared,
  sliceOf,
  statusOf,
  threadOf,
} from './monitors.js';
import { pingPongWorld } from './requests.js';
import { byEvents, ENABLE, guests, NOTIFY, PAGE, REALTIME, rawVms, waker } from './worlds.js';

const switching = { vm_ioctl: 5, knob: 3 };
const knobs = { kvm_pv_sched: [0, 1] };
const off = (step: Step, v: kvm_vcpu): boolean =>
  (step.kernel as pvsched).kvm_pv_sched_enabled?.(step.m.kvm[v.kvm]) === false;

/** Looks at each vCPU that enters its guest. */
function atEntry(look: (step: Step, v: kvm_vcpu) => void): Monitor {
  return {
    notes: () => null,
    probes: { vcpu_enter_guestRun: { enter: (step, args) => look(step, args[0] as kvm_vcpu) } },
  };
}

const statusWord = (step: Step, v: kvm_vcpu): number =>
  toNumber(loadWord(memoryOf(step.m, v) as NonNullable<ReturnType<typeof memoryOf>>, pageOf(v) as number));

const notPublished = { says: 'nothing is published', funcs: { record_vcpu_boost_status() {} } };

const B6: Property[] = [
  always('at each entry with the VM or the host switched off, the page says DISABLED', {
    of: 'B6.1',
    means: 'the guest leaves the word alone',
    given: rawVms({ weights: switching, knobs }),
    watch: () =>
      atEntry((step, v) => {
        if (!off(step, v) || !isThere(step.m, v)) return;
        step.reach();
        if (statusWord(step, v) !== DISABLED)
          step.fail(`${nameOf(step.m, v)} is switched off and reads ${statusWord(step, v)}`);
      }),
    fault: {
      says: 'what is published is always NORMAL',
      funcs: {
        record_vcpu_boost_status(this: pvsched, v: kvm_vcpu) {
          this.kvm_write_guest_offset_cached(this.m.kvm[v.kvm], pv_sched_of(v).data, 0, u64(1));
        },
      },
    },
  }),
  always('the threads of a VM that is switched off are SCHED_NORMAL', {
    of: 'B6.2',
    given: rawVms({ weights: switching, knobs }),
    watch: () => ({
      notes: () => null,
      after(step) {
        for (const v of step.m.vcpu) {
          if (threadOf(step.m, v) === undefined || !off(step, v)) continue;
          step.reach();
          if (isRealTime(step.m, v)) step.fail(`${nameOf(step.m, v)} is switched off, and its thread is real-time`);
        }
      },
    }),
    fault: {
      says: 'the switch unboosts nobody',
      funcs: {
        kvm_set_pv_sched_enabled(this: pvsched, kvm: { pv_sched_enabled?: boolean }, on: boolean) {
          kvm.pv_sched_enabled = on;
        },
      },
    },
  }),
  always('what was chosen for a VM stands when the parameter of the host is written', {
    of: 'B6.3',
    given: rawVms({ weights: switching, knobs }),
    watch() {
      const chosen = new Map<number, boolean>();
      return {
        notes: () => [...chosen],
        after(step) {
          const { event, m } = step;
          if (event.ev === 'vm_ioctl' && event.arg <= 1) chosen.set(event.vm, event.arg === 1);
          if (event.ev !== 'knob') return;
          for (const [vm, on] of chosen) {
            const is = m.kvm[vm].pv_sched_enabled;
            if (is === undefined) continue;
            step.reach();
            if (is !== on)
              step.fail(
                `${m.vmNames[vm]} was switched ${on ? 'on' : 'off'}; writing the parameter switches it ${is ? 'on' : 'off'}`,
              );
          }
        },
      };
    },
    fault: {
      says: 'the ioctl stores nothing',
      funcs: {
        kvm_arch_vm_ioctl(this: pvsched, kvm: { pv_sched_enabled?: boolean }) {
          kvm.pv_sched_enabled = this.m.knobs?.['kvm_pv_sched'] !== 0;
          return 0;
        },
      },
    },
  }),
];

const B11: Property[] = [
  always('while a vCPU runs its guest, the status that the host has for it is the policy of its thread', {
    of: 'B11.1',
    given: rawVms(),
    watch: agreesWith,
    fault: { says: 'every second boost only counts', funcs: { sched_setscheduler_pi_nocheck: () => 0 } },
  }),
  always(
    'while a vCPU runs its guest, the status that the host has for it is the policy of its thread, also when the administrator sets one',
    {
      of: 'B11.2',
      given: byEvents(guests({ tasks: ({ sleep, work }) => [waker('rt', sleep, work, REALTIME), { comm: 'hog' }] }), {
        setattr: 2,
        intr: 3,
      }),
      watch: agreesWith,
      fault: { says: 'the policy is not changed', funcs: { sched_setscheduler_pi_nocheck: () => 0 } },
    },
  ),
  always('at each entry, the status in the page is the one that the host has for the vCPU', {
    of: 'B11.3',
    means: 'where the page is there and only the host writes the word',
    given: rawVms({ vcpus: 1, weights: switching, knobs }),
    watch: () =>
      atEntry((step, v) => {
        if (!isThere(step.m, v) || statusOf(v) === undefined) return;
        step.reach();
        if (statusWord(step, v) !== statusOf(v))
          step.fail(
            `${nameOf(step.m, v)} enters with status ${statusWord(step, v)} in its page, the host has ${statusOf(v)}`,
          );
      }),
    fault: notPublished,
  }),
];

function agreesWith(): Monitor {
  return {
    notes: () => null,
    after(step) {
      for (const v of step.m.vcpu) {
        if (!inGuest(step.m, v) || !isEnabled(step, v)) continue;
        const boosted = statusOf(v) === BOOSTED;
        if (boosted) step.reach();
        if (boosted === isRealTime(step.m, v)) continue;
        step.fail(`${nameOf(step.m, v)} has status ${statusOf(v)} and is ${sayPolicy(step.m, v)}`);
        return;
      }
    },
  };
}

const B12: Property[] = [
  always('a vCPU whose MSR is disabled is not real-time', {
    of: 'B12.1',
    means: 'it was enabled before; memory at address 0 may be missing',
    given: rawVms({ lies: true, weights: { memslot: 6 } }),
    watch() {
      const had = new Set<number>();
      return {
        notes: () => [...had],
        after(step) {
          for (const v of step.m.vcpu) {
            if (pageOf(v) !== null) had.add(v.id);
            else if (had.has(v.id)) {
              step.reach();
              if (isRealTime(step.m, v))
                step.fail(`${nameOf(step.m, v)} has disabled its MSR, and its thread is real-time`);
            }
          }
        },
      };
    },
    fault: { says: 'who is boosted before stays so', funcs: { kvm_set_vcpu_boosted() {} } },
  }),
  always('a guest that writes 1 disables the feature', {
    of: 'B12.2',
    given: rawVms({ lies: true }),
    watch: () => ({
      notes: () => null,
      after(step) {
        const { event, m } = step;
        if (event.ev !== 'wrmsr' || event.msr !== MSR_KVM_PV_SCHED || event.value !== 1 || event.high !== 0) return;
        const v = m.vcpu[event.vcpu];
        if (statusOf(v) === undefined) return;
        step.reach();
        if (pageOf(v) !== null) step.fail(`${nameOf(m, v)} has written 1: enabled, with its page at ${pageOf(v)}`);
      },
    }),
    fault: {
      says: 'a 1 is not looked at',
      funcs: {
        kvm_set_msr_commonPvSched(this: pvsched, v: kvm_vcpu) {
          pv_sched_of(v).msr_val = u64(PAGE | 1);
          return 0;
        },
      },
    },
  }),
];

const B13: Property[] = [
  always('nothing that a guest writes to MSR and page, and no page that goes away, makes the host warn or die', {
    of: 'B13.1',
    given: rawVms({ lies: true, vms: 2, vcpus: 2, apicv: [false, true], events: 8_000 }),
    watch: () => ({
      notes: () => null,
      after(step) {
        for (const v of step.m.vcpu) if (pageOf(v) !== null && !isThere(step.m, v)) step.reach();
      },
    }),
    fault: {
      says: 'a page that is gone is a bug',
      funcs: {
        record_vcpu_boost_status(this: pvsched, v: kvm_vcpu) {
          const { data } = pv_sched_of(v);
          this.warnOn(
            this.kvm_read_guest_offset_cached(this.m.kvm[v.kvm], data, 0) === null,
            'record_vcpu_boost_status',
          );
        },
      },
    },
  }),
  always('the host writes nothing of the guest but the status word of the page that its MSR names', {
    of: 'B13.2',
    given: rawVms({ lies: true }),
    watch: () => ({
      notes: () => null,
      probes: {
        record_vcpu_boost_status: {
          enter(step, args) {
            const v = args[0] as kvm_vcpu;
            if (pageOf(v) === null) return;
            step.reach();
            const { gpa } = pv_sched_of(v).data;
            if (toNumber(gpa) !== pageOf(v))
              step.fail(`the MSR of ${nameOf(step.m, v)} names ${pageOf(v)}, and ${toNumber(gpa)} is written`);
          },
        },
      },
    }),
    fault: {
      says: 'the status goes to address 0 as well',
      funcs: {
        kvm_arch_vcpu_set_boost_status(this: pvsched, v: kvm_vcpu, boost: number) {
          pv_sched_of(v).boost = boost;
          pv_sched_of(v).data.gpa = ZERO;
        },
      },
    },
  }),
];

const hooks = { says: 'who was boosted stays so', funcs: { kvm_vcpu_needs_boost: () => true } };

const B14: Property[] = [
  always('a vCPU whose guest never wrote the MSR is not boosted', {
    of: 'B14.1',
    means: 'nothing else makes its thread real-time here',
    given: rawVms({ vcpus: 2, msrs: [NOTIFY] }),
    watch: () => ({
      notes: () => null,
      after(step) {
        for (const v of step.m.vcpu) {
          if (statusOf(v) === undefined || pageOf(v) !== null) continue;
          step.reach();
          if (isRealTime(step.m, v)) step.fail(`${nameOf(step.m, v)} never wrote the MSR, and is real-time`);
        }
      },
    }),
    fault: { says: 'everybody has enabled it', funcs: { kvm_arch_vcpu_pv_sched_enabled: () => true } },
  }),
  always('a guest with the MSR and without hooks is unboosted by its first exit with nothing pending', {
    of: 'B14.2',
    given: rawVms({ vcpus: 2, weights: { store: 0 } }),
    watch: () => ({
      notes: () => null,
      probes: {
        kvm_vcpu_do_pv_sched: {
          leave(step, _result, args) {
            const v = args[0] as kvm_vcpu;
            const { kernel } = step;
            const pending = kernel.kvm_cpu_has_interrupt(v) || kernel.kvm_cpu_has_pending_timer(v) !== 0;
            if (!isEnabled(step, v) || pending || shared(step.m, v) === null) return;
            step.reach();
            if (isRealTime(step.m, v))
              step.fail(`${nameOf(step.m, v)} asks for nothing, nothing is pending, and it is real-time`);
          },
        },
      },
    }),
    fault: hooks,
  }),
  leadsTo('a tick of the host ends the boost of a guest with the MSR and without hooks', {
    of: 'B14.3',
    means: 'of a vCPU that runs its guest, with nothing pending',
    given: byEvents(
      guests({ tasks: ({ sleep, work }) => [waker('task', sleep, work), { comm: 'hog' }], pv_sched: false }),
      { wrmsr: 2, intr: 2, tick: 12 },
      [ENABLE],
    ),
    watch: () => ({
      notes: () => null,
      after(step) {
        const { event, m, kernel } = step;
        if (event.ev !== 'tick') return;
        for (const v of m.vcpu) {
          if (v.cpu !== event.cpu || !inGuest(m, v) || !isEnabled(step, v)) continue;
          if (kernel.kvm_cpu_has_interrupt(v) || guestState(m, v)?.plain !== true) continue;
          step.reach();
          if (isRealTime(m, v))
            step.fail(`${nameOf(m, v)} has come through a tick with nothing pending, and is real-time`);
        }
      },
    }),
    fault: hooks,
  }),
];

/** A vCPU that runs is not real-time for longer than this. */
function boostEnds(bound: (m: Step['m']) => number): Monitor {
  const ran = new Map<number, number>();
  return {
    notes: () => [...ran],
    after(step) {
      for (const v of step.m.vcpu) {
        const p = threadOf(step.m, v);
        if (p === undefined || !isRealTime(step.m, v)) {
          ran.delete(v.id);
          continue;
        }
        if (!inGuest(step.m, v)) continue;
        step.reach();
        const at = ran.get(v.id) ?? now(step.m);
        ran.set(v.id, at);
        if (now(step.m) - at > bound(step.m))
          step.fail(`${nameOf(step.m, v)} has been real-time for ${now(step.m) - at} ns`);
      }
    },
  };
}

const B15: Property[] = [
  leadsTo('each boost of two vCPUs that wake each other all the time ends within two ticks', {
    of: 'B15.1',
    means: 'fair tasks that compute 20 to 400 us each time; a busy host on either CPU',
    given: pingPongWorld,
    watch: () => boostEnds((m) => 2e9 / m.HZ),
    fault: hooks,
  }),
  always('two vCPUs that wake each other all the time leave half of its time to the host task beside them', {
    of: 'B15.2',
    means: 'of CPU time since boot, less two slices and two ticks',
    given: pingPongWorld,
    watch: () => ({
      notes: () => null,
      after(step) {
        const { m } = step;
        if (now(m) < 20_000_000 || step.event.ev !== 'tick') return;
        step.reach();
        const p = m.task.find((it) => it.comm === 'host1');
        if (p === undefined) return;
        const had = toNumber(m.se[p.se].sum_exec_runtime);
        const due = now(m) / 2 - 2e9 / m.HZ - 2 * sliceOf(m);
        if (had < due) step.fail(`host1 has had ${had} ns of ${now(m)} ns`);
      },
    }),
    fault: hooks,
  }),
];

export const statuses: Claim[] = [
  { id: 'B6', words: 'a guest can tell that it is off; each VM has a switch', properties: B6 },
  { id: 'B11', words: 'the status is the policy of the thread', properties: B11 },
  { id: 'B12', words: 'a disabled MSR leaves nobody boosted', properties: B12 },
  { id: 'B13', words: 'memory safety, whatever the page holds', properties: B13 },
  { id: 'B14', words: 'a guest without the hooks is boosted for a bounded time', properties: B14 },
  { id: 'B15', words: 'vCPUs cannot keep each other boosted by IPIs', properties: B15 },
];
