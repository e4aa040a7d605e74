// SPDX-License-Identifier: GPL-2.0-only
/** What the authors of WFx trap control promise, D1 to D7. */
import { HCR_TWE, HCR_TWI, KVM_WFX_NOTRAP, KVM_WFX_TRAP, type kvm_vcpu } from '../../../src/arch/arm64/kvm_host.js';
import { toNumber } from '../../../src/lib/types.js';
import { apply } from '../../../src/machine/apply.js';
import { arm64Machine } from '../../../src/machine/arm64-events.js';
import { boot } from '../../../src/machine/boot.js';
import { nextEvent } from '../../../src/machine/next-event.js';
import type { machine } from '../../../src/machine/state.js';
import type { Scenario } from '../../../src/scenario/scenario.js';
import { KVM_CAP_ARM_DISABLE_EXITS } from '../../../src/series/wfx-2026/0001-KVM-arm64-Add-KVM_CAP_ARM_DISABLE_EXITS-for-WFI-WFE.js';
import {
  depthOf,
  KVM_CAP_ARM_WFX_TRAP_RUNQUEUE_DEPTH,
} from '../../../src/series/wfx-v2/0001-KVM-arm64-Add-KVM_CAP-to-control-WFx-trapping.js';
import { bind, type Kernel } from '../../../src/vmlinux/bind.js';
import type { vmlinux_arm64 } from '../../../src/vmlinux/vmlinux-arm64.js';
import { rebuilt } from '../../rebuilt.js';
import { agrees, always, type Claim, type Monitor, type Property, sometimes } from '../../vocabulary.js';
import { leaves, nameOf, now, onCpu, ruleOf, trapsOf, vcpusOf } from './monitors.js';
import { anyhow, lone } from './worlds.js';

/** Every load turns the traps over. */
const turned = {
  says: 'a load leaves the opposite of what was decided',
  funcs: {
    kvm_timer_vcpu_load(this: vmlinux_arm64, v: kvm_vcpu) {
      v.arch.hcr_el2 ^= HCR_TWE | HCR_TWI;
    },
    kvm_arch_vcpu_loadTraps(this: vmlinux_arm64, v: kvm_vcpu) {
      v.arch.hcr_el2 ^= HCR_TWE | HCR_TWI;
    },
  },
};
const neverTraps = {
  says: 'nothing ever traps',
  funcs: {
    kvm_arch_vcpu_loadTraps(this: vmlinux_arm64, v: kvm_vcpu) {
      v.arch.hcr_el2 &= ~(HCR_TWE | HCR_TWI);
    },
  },
};
const alwaysTraps = {
  says: 'everything traps',
  funcs: {
    kvm_arch_vcpu_loadTraps(this: vmlinux_arm64, v: kvm_vcpu) {
      v.arch.hcr_el2 |= HCR_TWE | HCR_TWI;
    },
  },
};

const D1: Property[] = [
  always('without a parameter or a capability, each load leaves the traps that it left before the series', {
    of: 'D1.1',
    means: 'alone on the CPU: WFE does not trap, and WFI does not if interrupts come without the host; else both do',
    given: anyhow(),
    watch: () => leaves(({ m }, v) => ruleOf(m, v)),
    fault: turned,
  }),
];

const D2: Property[] = [
  always(
    'a threshold of d has WFE trap where more than d tasks are runnable, and WFI there and where interrupts need the host',
    {
      of: 'D2.1',
      about: 'nr_running_this_cpu' as never,
      given: anyhow({ ioctls: [KVM_CAP_ARM_WFX_TRAP_RUNQUEUE_DEPTH] }),
      watch: () => leaves(({ m }, v) => ruleOf(m, v, toNumber(depthOf(arm64Machine(m).kvm[v.kvm])))),
      fault: turned,
    },
  ),
];

/** What the scenario asked for, of each instruction; null where the kernel cannot be asked. */
function policies(scenario: Scenario, has: (name: string) => boolean): { wfi: number; wfe: number } | null {
  const { knobs = {} } = scenario;
  const one = knobs['kvm_interrupt_passthrough'];
  const two = has('kvm_vcpu_should_clear_twe') || has('kvm_should_clear_wfx_trap');
  if (!two && one === undefined) return null;
  return two ? { wfi: knobs['kvm_wfi_trap_policy'], wfe: knobs['kvm_wfe_trap_policy'] } : { wfi: one, wfe: one };
}

const D3: Property[] = [
  always(
    'with trap or notrap for an instruction, a load leaves just that, whatever runs and whoever delivers interrupts',
    {
      of: 'D3.1',
      given: anyhow({ policies: [KVM_WFX_NOTRAP, KVM_WFX_TRAP] }),
      watch: (scenario) =>
        leaves(({ kernel }) => {
          const asked = policies(scenario, (name) => name in kernel);
          return asked === null ? null : { twe: asked.wfe === KVM_WFX_TRAP, twi: asked.wfi === KVM_WFX_TRAP };
        }),
      fault: neverTraps,
    },
  ),
];

/** Interrupts in the order in which each vCPU took them, in the time of the scenario. */
function takenOn(kernel: Kernel, scenario: Scenario): number[][] {
  const m = boot(kernel, scenario);
  const taken: number[][] = m.vcpu.map(() => []);
  const k = bind(kernel, m);
  for (let i = 0; i < 4_000; i++) {
    const event = nextEvent(m);
    if (event === null || now(m) >= (scenario.until ?? 0)) break;
    const before = m.actor.map((actor) => actor.handlers.length);
    apply(k, event);
    noteTaken(m, before, taken);
  }
  return taken;
}

function noteTaken(m: machine, before: readonly number[], taken: number[][]): void {
  for (const v of m.vcpu) {
    if (v.pid < 0) continue;
    const { handlers } = m.actor[v.pid];
    for (const handler of handlers.slice(before[v.pid])) taken[v.id].push(handler.vector);
  }
}

const D4: Property[] = [
  agrees('a guest takes the same interrupts in the same order whether WFI and WFE trap or not: only the time differs', {
    of: 'D4.1',
    means: 'vCPUs that work, set their timer and wait; over as many interrupts as both runs have',
    given: lone({ visitor: true, ms: 60 }),
    watch(scenario) {
      const taken: number[][] = [];
      let before: number[] = [];
      return {
        before({ m }) {
          before = m.actor.map((actor) => actor.handlers.length);
        },
        after({ m }) {
          for (const v of m.vcpu) taken[v.id] ??= [];
          noteTaken(m, before, taken);
        },
        end(step) {
          for (const [says, fault] of [
            ['where everything traps', alwaysTraps],
            ['where nothing does', neverTraps],
          ] as const) {
            const kernel = rebuilt(step.kernel, 'arm64', fault.funcs);
            const there = takenOn(kernel, scenario);
            taken.forEach((here, id) => {
              const n = Math.min(here.length, there[id].length);
              if (n < 5) return;
              step.reach();
              const at = here.slice(0, n).findIndex((vector, i) => vector !== there[id][i]);
              if (at >= 0) step.fail(`interrupt ${at} of vCPU ${id} is ${here[at]}, and ${there[id][at]} ${says}`);
            });
          }
        },
      };
    },
    fault: {
      says: 'a vCPU that halts in WFI gets an SGI that nobody sent',
      funcs: {
        kvm_vcpu_wfiWoken(this: vmlinux_arm64, id: number) {
          const v = this.m.vcpu[id];
          v.arch.in_wfi = false;
          v.arch.in_wfit = false;
          v.arch.vgic_cpu.pending_latch |= 1 << 7;
          this.kvm_vgic_load(v);
        },
      },
    },
  }),
];

const D5: Property[] = [
  always('where WFI does not trap, an interrupt that the GIC delivers by itself finds its handler without an exit', {
    of: 'D5.1',
    means: 'from the WFI on, if nothing else makes the vCPU exit meanwhile',
    given: anyhow({
      direct: true,
      hosts: [0],
      vms: [1],
      weights: { tick: 0, intr: 0, ipi: 0, block: 0, wake: 0, lpi: 30, wfi: 24, eoi: 20 },
    }),
    watch() {
      const waits = new Map<number, number>();
      return {
        notes: () => [...waits],
        before({ m, event }) {
          for (const v of vcpusOf(m)) {
            if (v.arch.standing !== 'wfi') waits.delete(v.id);
            else if (!waits.has(v.id)) waits.set(v.id, v.stat.exits);
          }
          if (event.ev !== 'lpi') return;
        },
        after(step) {
          const { event } = step;
          if (event.ev !== 'lpi' || !event.direct) return;
          const v = vcpusOf(step.m)[event.vcpu];
          const exits = waits.get(v.id);
          if (exits === undefined || !v.arch.running.includes(event.intid)) return;
          step.reach();
          if (v.stat.exits !== exits)
            step.fail(`${nameOf(step.m, v)} exits ${v.stat.exits - exits} times for LPI ${event.intid}`);
        },
      };
    },
    fault: {
      says: "each interrupt is the host's first",
      funcs: {
        gicInjects(this: vmlinux_arm64, v: kvm_vcpu, intid: number) {
          this.hostTakes(Math.max(v.cpu, 0), 'irqfdInjects', v.id, intid);
          return false;
        },
      },
    },
  }),
];

/** The flags of each VM as its ioctls have made them. */
function disableExits(look: (flags: readonly number[]) => Monitor): Monitor {
  const flags: number[] = [];
  const inner = look(flags);
  return {
    ...inner,
    notes: () => [...flags],
    before(step) {
      for (const kvm of step.m.kvm) flags[kvm.id] ??= 0;
      const { event } = step;
      if (event.ev === 'vm_ioctl' && event.nr === KVM_CAP_ARM_DISABLE_EXITS && event.arg <= 3)
        flags[event.vm] |= event.arg;
      inner.before?.(step);
    },
  };
}

const capability = anyhow({ ioctls: [KVM_CAP_ARM_DISABLE_EXITS], vms: [2] });
const everyVm = {
  says: "the capability of one VM is every VM's",
  funcs: {
    kvm_vm_ioctl_enable_cap(this: vmlinux_arm64, _kvm: unknown, _cap: number, args: number) {
      for (const kvm of this.m.kvm) {
        if (args & 1) kvm.arch.wfi_in_guest = true;
        if (args & 2) kvm.arch.wfe_in_guest = true;
      }
      return 0;
    },
  },
};

const D6: Property[] = [
  always("a VM without the capability keeps to the host's policy, whatever other VMs have", {
    of: 'D6.1',
    given: capability,
    watch: () =>
      disableExits((flags) =>
        leaves(({ m }, v) => (flags[v.kvm] === 0 && flags.some((it) => it !== 0) ? ruleOf(m, v) : null)),
      ),
    fault: everyVm,
  }),
  always('an instruction whose exits were disabled for a VM does not trap at any later load', {
    of: 'D6.2',
    given: capability,
    watch: () =>
      disableExits((flags) =>
        leaves((_, v) => {
          const mask = flags[v.kvm];
          if (mask === 0) return null;
          return { ...(mask & 1 ? { twi: false } : {}), ...(mask & 2 ? { twe: false } : {}) };
        }),
      ),
    fault: alwaysTraps,
  }),
  always('a mask of 0 changes nothing', {
    of: 'D6.3',
    given: capability,
    watch() {
      let before = '';
      const flagsOf = (m: machine): string =>
        JSON.stringify(arm64Machine(m).kvm.map(({ arch }) => [arch.wfi_in_guest === true, arch.wfe_in_guest === true]));
      return {
        notes: () => null,
        before({ m }) {
          before = flagsOf(m);
        },
        after(step) {
          const { event, m } = step;
          if (event.ev !== 'vm_ioctl' || event.arg !== 0) return;
          step.reach();
          if (flagsOf(m) !== before) step.fail(`flags of the VMs: ${before} before, ${flagsOf(m)} after`);
        },
      };
    },
    fault: {
      says: 'a mask of 0 takes the flags away',
      funcs: {
        kvm_vm_ioctl_enable_cap(this: vmlinux_arm64, kvm: { id: number }, _cap: number, args: number) {
          const { arch } = this.m.kvm[kvm.id];
          arch.wfi_in_guest = (args & 1) !== 0;
          arch.wfe_in_guest = (args & 2) !== 0;
          return 0;
        },
      },
    },
  }),
];

/** Somebody else is queued on the CPU that the vCPU has. */
const inCompany = (m: machine, v: kvm_vcpu): boolean => onCpu(m, v) && m.rq[v.cpu].nr_running > 1;

const D7: Property[] = [
  sometimes('a vCPU runs untrapped while somebody else waits for its CPU: the decision is of the last load', {
    of: 'D7.1',
    given: anyhow({ hosts: [1, 2] }),
    watch: () => ({
      notes: () => null,
      after(step) {
        for (const v of vcpusOf(step.m)) {
          if (!inCompany(step.m, v) || trapsOf(v).twe) continue;
          step.reach(
            `${nameOf(step.m, v)} has CPU ${v.cpu} with ${step.m.rq[v.cpu].nr_running} runnable, and WFE does not trap`,
          );
        }
      },
    }),
    fault: alwaysTraps,
  }),
];

const claim = (id: string, words: string, properties: Property[]): Claim => ({ id, words, properties });

export const promises: readonly Claim[] = [
  claim('D1', 'without being asked, the traps are those of before', D1),
  claim('D2', 'a threshold of runqueue depth decides', D2),
  claim('D3', 'the policy of the host is upheld unconditionally', D3),
  claim('D4', 'the guest sees the same, trapped or not', D4),
  claim('D5', 'direct injection and notrap: no exits', D5),
  claim('D6', 'a VM may be freed of exits, one-way, alone', D6),
  claim('D7', 'the traps are those of the last load', D7),
];
