// SPDX-License-Identifier: GPL-2.0-only
/** Diagnose 0x44 and 0x9c, handler by handler: who is yielded to, what is ignored, forwarded and counted. */
import { describe, expect, it } from 'vitest';
import { PSW_MASK_PSTATE } from '../../src/arch/s390/kvm_host.js';
import { NotModelled } from '../../src/lib/bug.js';
import { or, u64 } from '../../src/lib/types.js';
import { pinS390 } from '../../src/series/registry.js';
import { s390 } from './s390.js';

const result = { value: 0 };
const kernel = {
  ...pinS390,
  table: Object.freeze({ ...pinS390.table, kvm_vcpu_yield_to: (): number => result.value }),
};

/** vCPU 0 executes it; the others are off their CPUs. */
function machine() {
  const it = s390({ cpus: 1, hz: 250, vms: [{ name: 'vm', vcpus: 3 }] }, kernel);
  for (const v of it.own.vcpu) v.cpu = -1;
  return it;
}
type Machine = ReturnType<typeof machine>;

const handle = ({ k, own }: Machine, code: number, gpr: number | bigint): number => {
  const [v] = own.vcpu;
  v!.arch.sie_block.ipa = 0x8310;
  v!.arch.gprs[1] = u64(gpr);
  v!.arch.base_disp = u64(code);
  const r = k.kvm_s390_handle_diag(v!);
  k.get_current().kernel_stack = [];
  return r;
};
const counts = ({ arch }: Machine): number[] => {
  const { stat } = arch(0);
  return [stat.instruction_diagnose_9c, stat.diag_9c_ignored, stat.diag_9c_forward];
};

describe('diagnose 0x9c', () => {
  it('is ignored for oneself, for nobody, and when the yield comes to nothing', () => {
    const it = machine();
    expect(handle(it, 0x9c, 0)).toBe(0);
    handle(it, 0x9c, 77);
    result.value = 0;
    handle(it, 0x9c, 1);
    result.value = -3;
    handle(it, 0x9c, 1);
    expect(counts(it)).toEqual([4, 4, 0]);
    // success has no counter of its own; of the register, the low half counts
    result.value = 1;
    handle(it, 0x9c, 1);
    handle(it, 0x9c, 2n ** 32n + 1n);
    expect(counts(it)).toEqual([6, 4, 0]);
    expect(it.m.kvm[0]!.last_boosted_vcpu).toBe(0);
  });

  it('to one that is loaded is forwarded within the budget, to a CPU that is preempted itself', () => {
    const it = machine();
    it.own.vcpu[1]!.cpu = 0;
    handle(it, 0x9c, 1); // forwarding is off
    it.own.kvm_s390_params.diag9c_forwarding_hz = 500; // two a jiffy at HZ 250
    handle(it, 0x9c, 1); // the CPU runs: but the budget is spent
    const taken = (): void => {
      it.own.lpar.lpar_preempted = 1;
    };
    taken();
    handle(it, 0x9c, 1);
    taken();
    handle(it, 0x9c, 1); // overrun
    expect(counts(it)).toEqual([4, 3, 1]);
    it.m.sched_clock = u64(2_000_000_000);
    handle(it, 0x9c, 1);
    expect(counts(it)).toEqual([5, 3, 2]);
    expect(it.own.yielded_to).toEqual([0, 0]);
  });

  it('is never forwarded with fewer than HZ a second', () => {
    const it = machine();
    it.own.vcpu[1]!.cpu = 0;
    it.own.kvm_s390_params.diag9c_forwarding_hz = 249;
    it.own.lpar.lpar_preempted = 1;
    handle(it, 0x9c, 1);
    expect(counts(it)).toEqual([1, 1, 0]);
  });
});

describe('diagnose 0x44', () => {
  it('looks for somebody, and takes the kick of whom it asks', () => {
    const it = machine();
    result.value = 0;
    for (const i of [1, 2]) {
      it.m.vcpu[i]!.ready = true;
      it.m.vcpu[i]!.wait = 1;
    }
    it.own.kvm[0]!.arch.kicked_mask = 0b111;
    expect(handle(it, 0x44, 0)).toBe(0);
    expect(it.own.kvm[0]!.arch.kicked_mask).toBe(0b001);
    expect(it.arch(0).stat.instruction_diagnose_44).toBe(1);
  });

  it('is privileged, and others are left to userspace', () => {
    const it = machine();
    const { gpsw } = it.arch(0).sie_block;
    const { mask } = gpsw;
    gpsw.mask = or(mask, PSW_MASK_PSTATE);
    expect(() => handle(it, 0x44, 0)).toThrow(NotModelled);
    gpsw.mask = mask;
    expect(handle(it, 0x501, 0)).toBe(-95);
    expect(() => handle(it, 0x308, 0)).toThrow(NotModelled);
  });
});
