// SPDX-License-Identifier: GPL-2.0-only
/** One call of kvm_vcpu_on_spin(): whom it might boost, whom it tries, and what another kernel would have tried. */
import type { kvm_vcpu } from '../../../src/arch/x86/kvm_host.js';
import { apply } from '../../../src/machine/apply.js';
import { cloneMachine } from '../../../src/machine/clone.js';
import type { machine } from '../../../src/machine/state.js';
import { kernelByName } from '../../../src/series/registry.js';
import { bind } from '../../../src/vmlinux/bind.js';
import type { vmlinux_x86 } from '../../../src/vmlinux/vmlinux-x86.js';
import type { Monitor, Probe, Step } from '../../vocabulary.js';
import { BASE, withFunctions } from './fork.js';
import { type Ipi, ipiTruth, vcpuName } from './ipi-truth.js';

/** What the heuristics look at, as it was when the spin began. */
export interface Candidate {
  /** vCPU, by pointer */
  id: number;
  preempted: boolean;
  /** preempted at CPL 0 */
  inKernel: boolean;
  /** an interrupt waits in its virtual APIC (APICv) */
  pending: boolean;
  /** it spins itself, and the filter of kvm_vcpu_eligible_for_directed_yield() says no for now */
  refused: boolean;
}

export interface Attempt {
  /** vCPU */
  target: number;
  /** kvm_vcpu_yield_to(): 1 yielded, 0 nothing done, -ESRCH pointless */
  result: number;
}

export interface Spin {
  /** vCPU */
  me: number;
  kernelMode: boolean;
  /** ready to run and not running, others than `me`, in the order of kvm->vcpus */
  candidates: Candidate[];
  attempts: Attempt[];
}

export interface SpinWatcher {
  enter?(step: Step, spin: Spin): void;
  attempt?(step: Step, spin: Spin, it: Attempt): void;
  leave?(step: Step, spin: Spin): void;
}

/** Probes that gather a Spin. */
export function spinProbes(watcher: SpinWatcher): Record<string, Probe> {
  let spin: Spin | null = null;
  return {
    kvm_vcpu_on_spin: {
      enter(step, args) {
        const me = args[0] as kvm_vcpu;
        spin = { me: me.id, kernelMode: args[1] === true, candidates: candidatesOf(step, me), attempts: [] };
        watcher.enter?.(step, spin);
      },
      leave(step) {
        if (spin !== null) watcher.leave?.(step, spin);
        spin = null;
      },
    },
    kvm_vcpu_yield_to: {
      leave(step, result, args) {
        if (spin === null) return;
        const it = { target: (args[0] as kvm_vcpu).id, result: result as number };
        spin.attempts.push(it);
        watcher.attempt?.(step, spin, it);
      },
    },
  };
}

function candidatesOf({ m, kernel }: Step, me: kvm_vcpu): Candidate[] {
  return m.kvm[me.kvm].vcpus
    .map((id) => m.vcpu[id])
    .filter((v) => v.id !== me.id && v.ready && !(kernel.kvm_vcpu_is_blocking(v) && !kernel.vcpu_dy_runnable(v)))
    .map((v) => ({
      id: v.id,
      preempted: v.preempted,
      inKernel: v.arch.preempted_in_kernel,
      pending: kernel.kvm_arch_dy_has_pending_interrupt(v),
      refused: v.spin_loop.in_spin_loop && !v.spin_loop.dy_eligible,
    }));
}

/** Would the heuristics before the series take it? */
export const acceptable = (it: Candidate, kernelMode: boolean): boolean =>
  !it.refused && (!it.preempted || !kernelMode || it.pending || it.inKernel);

/** How it came off its CPU, for messages. */
export function sayCandidate(m: machine, it: Candidate): string {
  const how = it.preempted ? `preempted in ${it.inKernel ? 'kernel' : 'user'} mode` : 'woken, not preempted';
  return `${vcpuName(m, it.id)} (${how}${it.pending ? ', interrupt pending' : ''}${it.refused ? ', spinning' : ''})`;
}

export const boosted = (attempts: readonly Attempt[]): number => attempts.find((it) => it.result > 0)?.target ?? -1;

/** A kernel bound to a copy of the machine, with functions of its own. */
export type Elsewhere = (m: machine) => vmlinux_x86;

const base: Elsewhere = (m) => bind(kernelByName(BASE), m);

/** The event of this step on a copy of the machine, by another kernel: whom it tries, and the machine after it. */
export function spinElsewhere(step: Step, kernel: Elsewhere = base): { attempts: Attempt[]; m: machine } {
  const m = cloneMachine(step.m);
  const attempts: Attempt[] = [];
  const k = kernel(m);
  const original = k.kvm_vcpu_yield_to;
  withFunctions(k, {
    kvm_vcpu_yield_to(this: vmlinux_x86, target: kvm_vcpu) {
      const result = original.call(this, target);
      attempts.push({ target: target.id, result });
      return result;
    },
  });
  apply(k, step.event);
  return { attempts, m };
}

/** Watches spins, knowing which IPIs are under way. */
export function spins(watch: (open: () => readonly Ipi[]) => SpinWatcher): Monitor {
  const truth = ipiTruth();
  return { notes: () => truth.open, probes: { ...truth.probes, ...spinProbes(watch(() => truth.open)) } };
}
