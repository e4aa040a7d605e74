// SPDX-License-Identifier: GPL-2.0-only
/** An s390 machine for tests: boots a scenario and lets events or its programs happen, with what was traced. */
import type { kvm_vcpu_arch } from '../../src/arch/s390/kvm_host.js';
import { sub, toNumber } from '../../src/lib/types.js';
import { apply } from '../../src/machine/apply.js';
import { boot } from '../../src/machine/boot.js';
import { legal } from '../../src/machine/event-table.js';
import { checkKvm } from '../../src/machine/invariants-kvm.js';
import { checkSched } from '../../src/machine/invariants-sched.js';
import { nextEvent } from '../../src/machine/next-event.js';
import { asS390, s390Machine } from '../../src/machine/s390-events.js';
import type { machine } from '../../src/machine/state.js';
import { vcpuStateOf } from '../../src/machine/vcpu-life.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import { checkScenario } from '../../src/scenario/read-scenario.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { pinS390 } from '../../src/series/registry.js';
import type { trace_event } from '../../src/trace/trace-event.js';
import { bind, type Kernel } from '../../src/vmlinux/bind.js';

export function s390(scenario: Omit<Scenario, 'arch'>, kernel: Kernel = pinS390) {
  const m: machine = boot(kernel, checkScenario({ ...scenario, arch: 's390' }, 'test'));
  const traces: trace_event[] = [];
  const k = bind(kernel, m, (event) => traces.push(event));
  const at = (): number => toNumber(sub(m.sched_clock, m.bootClock));
  const does = (...events: MachineEvent[]): void => {
    for (const event of events) {
      if (!legal(m, event)) throw new Error(`not legal: ${JSON.stringify(event)}`);
      apply(k, event);
      const faults = [...checkKvm(m), ...checkSched(m)];
      if (faults.length > 0) throw new Error(faults.join('; '));
    }
  };
  return {
    m,
    k: asS390(k),
    own: s390Machine(m),
    arch: (i: number): kvm_vcpu_arch => s390Machine(m).vcpu[i]!.arch,
    state: (i: number): string => vcpuStateOf(m, m.vcpu[i]!),
    at,
    does,
    pass: (ns: number): void => does({ ev: 'advance', ns }),
    /** programs decide */
    runUntil(ns: number): void {
      while (at() < ns) {
        const event = nextEvent(m);
        if (event === null) return;
        does(event.ev === 'advance' ? { ev: 'advance', ns: Math.min(event.ns, ns - at()) } : event);
      }
    },
    /** names of KVM's tracepoints since the last call */
    traced: (): string[] =>
      traces.splice(0).flatMap(({ system, event }) => (system === 'kvm' ? [event.replace('kvm_s390_', '')] : [])),
  };
}
