// SPDX-License-Identifier: GPL-2.0-only
/** Faults to plant in arm64's mirrored functions: each has to be found by holding that function alone. */
import { HCR_TWE, HCR_TWI, type kvm_vcpu } from '../../src/arch/arm64/kvm_host.js';
import { u64, ZERO } from '../../src/lib/types.js';
import type { AnyFunction } from '../../src/vmlinux/bind.js';
import type { vmlinux_arm64 } from '../../src/vmlinux/vmlinux-arm64.js';

export interface Arm64Fault {
  /** the function it is in */
  readonly in: string;
  readonly what: string;
  plant(right: AnyFunction): AnyFunction;
}

type Body = (k: vmlinux_arm64, v: kvm_vcpu, right: () => unknown) => unknown;
const around = (name: string, what: string, body: Body): Arm64Fault => ({
  in: name,
  what,
  plant: (right) =>
    function (this: vmlinux_arm64, v: kvm_vcpu, ...rest: never[]) {
      return body(this, v, () => right.call(this, v, ...rest));
    },
});

export const arm64Faults: readonly Arm64Fault[] = [
  around('kvm_handle_wfx', 'a WFET in the past yields', (_k, v, right) => {
    v.arch.rt = u64(2 ** 52);
    return right();
  }),
  around('kvm_handle_wfx', 'the stat of the other instruction', (_k, v, right) => {
    const [wfe, wfi] = [v.arch.wfe_exit_stat, v.arch.wfi_exit_stat];
    const r = right();
    [v.arch.wfe_exit_stat, v.arch.wfi_exit_stat] = [wfe + v.arch.wfi_exit_stat - wfi, wfi + v.arch.wfe_exit_stat - wfe];
    return r;
  }),
  around('kvm_handle_wfx', 'a timed form without a register keeps its bit', (_k, v, right) => {
    if ((v.arch.fault.esr_el2 & 6) === 2) v.arch.in_wfit = true;
    return right();
  }),
  around('kvm_vcpu_wfi', 'the CPU interface is not put', (k, v) => {
    v.arch.in_wfi = true;
    k.kvm_vcpu_halt(v);
    const current = k.get_current();
    if (k.notReturned(current)) k.whenBack(current, 'kvm_vcpu_wfiWoken', v.id);
    else k.kvm_vcpu_wfiWoken(v.id);
  }),
  around('kvm_vcpu_should_clear_twi', 'a lone vCPU is enough', (k) =>
    k.m.kvm_arm64_params.kvm_wfi_trap_policy === 0
      ? k.single_task_running()
      : k.m.kvm_arm64_params.kvm_wfi_trap_policy === 1,
  ),
  around('kvm_vcpu_should_clear_twe', 'WFI policy for WFE', (k) =>
    k.m.kvm_arm64_params.kvm_wfi_trap_policy === 0
      ? k.single_task_running()
      : k.m.kvm_arm64_params.kvm_wfi_trap_policy === 1,
  ),
  around('kvm_arch_vcpu_load', 'the two traps are one', (_k, v, right) => {
    right();
    if (v.arch.hcr_el2 & HCR_TWE) v.arch.hcr_el2 |= HCR_TWI;
  }),
  around('kvm_arch_vcpu_load', 'the timer before the vgic', (k, v) => {
    v.cpu = k.m.cpu;
    k.kvm_timer_vcpu_load(v);
    k.kvm_vgic_load(v);
    k.kvm_arch_vcpu_loadTraps(v);
  }),
  around('kvm_arch_vcpu_put', 'the CPU stays', (_k, v, right) => {
    const { cpu } = v;
    right();
    v.cpu = cpu;
  }),
  around('kvm_cpu_has_pending_timer', 'a deadline that is near is past', (k, v) =>
    Number(k.vcpu_has_wfit_active(v) && k.wfit_delay_ns(v) !== ZERO),
  ),
  around('check_vcpu_requests', 'an interrupt asked for stays asked for', (k, v) => {
    if (!k.kvm_request_pending(v)) return 1;
    return 1;
  }),
  around('vcpu_clear_wfx_traps', 'it leaves TWI as it was', (_k, v, right) => {
    const twi = v.arch.hcr_el2 & HCR_TWI;
    right();
    v.arch.hcr_el2 = (v.arch.hcr_el2 & ~HCR_TWI) | twi;
  }),
  around('vgic_supports_direct_msis', 'a GICv4 without an ITS', (k) => {
    const { has_gicv4, has_gicv4_1 } = k.m.kvm_vgic_global_state;
    return has_gicv4 || has_gicv4_1;
  }),
  around('smccc_get_function', 'all 64 bits of x0', (_k, v) => v.arch.regs[0]),
  around('smccc_get_arg1', 'x2', (_k, v) => v.arch.regs[2]),
  around('smccc_set_retval', 'x3 stays', (_k, v, right) => {
    const x3 = v.arch.regs[3];
    right();
    v.arch.regs[3] = x3;
  }),
  {
    in: 'kvm_smccc_test_fw_bmap',
    what: "stolen time goes with KVM's own calls",
    plant: (right) =>
      function (this: vmlinux_arm64, v: kvm_vcpu, func_id: number) {
        if (func_id >>> 0 !== 0xc500_0020) return right.call(this, v, func_id);
        return (this.m.kvm[v.kvm].arch.smccc_feat.vendor_hyp_bmap & 1) !== 0;
      },
  },
  {
    in: 'kvm_smccc_default_allowed',
    what: "one more of the standard's ids",
    plant: () => (func_id: number) =>
      func_id >>> 0 === 0x8000_0000 ||
      func_id >>> 0 === 0x8000_0001 ||
      (((func_id >>> 24) & 0x3f) === 4 && (func_id & 0xffff) <= 0x20),
  },
];
