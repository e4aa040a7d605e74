// SPDX-License-Identifier: GPL-2.0-only
/** An interrupt from one vCPU to another, as the VM and its hardware are set up; what the trace still shows. */
import { describe, expect, it, vi } from 'vitest';
import type { VmConfig } from '../../src/arch/x86/boot-vm.js';
import { KVM_REQ_EVENT } from '../../src/arch/x86/kvm_host.js';
import { type TestMachine, testMachine } from '../kvm/machine.js';

function pair(config: Partial<VmConfig> = {}): TestMachine {
  const tm = testMachine(2, { vendor: 'vmx', vcpus: 2, x2apic: true, ...config }, [[0], [1]]);
  tm.seen();
  return tm;
}

const ipi = (tm: TestMachine, vector = 0x41): void => {
  tm.k.guestIcr(0, 0x4000 | vector, 1);
  tm.settle();
};

/** vCPU 1 serves what it has taken. */
const serve = (tm: TestMachine): void => {
  tm.v(1).arch.taken.shift();
  tm.k.guestEoi(1);
  tm.settle();
  tm.k.guestIret(1);
  tm.settle();
};

const inService = (tm: TestMachine): boolean =>
  tm
    .v(1)
    .arch.apic.regs.slice(64, 96)
    .some((word) => word !== 0);

describe('without APICv', () => {
  it('x2APIC: fast path, kick, injection', () => {
    const tm = pair();
    ipi(tm);
    expect(tm.seen('kvm')).toEqual([
      ...['kvm_exit', 'kvm_apic_ipi', 'kvm_apic_accept_irq', 'kvm_apic', 'kvm_msr', 'kvm_entry'],
      ...['kvm_exit', 'kvm_inj_virq', 'kvm_entry'],
    ]);
    expect(tm.v(1).arch.taken).toEqual([0x41]);
    expect([tm.v(1).arch.if_flag, tm.v(1).arch.cpl]).toEqual([false, 0]);
    expect(inService(tm)).toBe(true);
    serve(tm);
    expect(tm.seen('kvm')).toEqual(['kvm_exit', 'kvm_apic', 'kvm_eoi', 'kvm_msr', 'kvm_entry']);
    expect(tm.v(1).arch.if_flag).toBe(true);
    expect(inService(tm)).toBe(false);
  });

  it('xAPIC: two stores, each an exit', () => {
    const tm = pair({ x2apic: false });
    ipi(tm);
    expect(tm.seen('kvm')).toEqual([
      ...['kvm_exit', 'kvm_apic', 'kvm_entry'],
      ...['kvm_exit', 'kvm_apic', 'kvm_apic_ipi', 'kvm_apic_accept_irq', 'kvm_entry'],
      ...['kvm_exit', 'kvm_inj_virq', 'kvm_entry'],
    ]);
    serve(tm);
    expect(tm.seen('kvm')).toEqual(['kvm_exit', 'kvm_apic', 'kvm_eoi', 'kvm_entry']);
  });

  it('interrupts off: the window is asked for, and opens with STI', () => {
    for (const vendor of ['vmx', 'svm'] as const) {
      const tm = pair({ vendor });
      tm.k.guestSetIf(1, false);
      ipi(tm);
      expect(tm.v(1).arch.taken).toEqual([]);
      expect(tm.v(1).arch.irq_window).toBe(true);
      tm.seen();
      tm.k.guestSetIf(1, true);
      tm.settle();
      expect(tm.seen('kvm')).toEqual(['kvm_exit', 'kvm_inj_virq', 'kvm_entry']);
      expect(tm.v(1).arch.taken).toEqual([0x41]);
      expect(tm.v(1).stat.irq_window_exits).toBe(1);
    }
  });

  it('two at once: the higher first, the lower through the window after its EOI', () => {
    const tm = pair();
    tm.k.guestSetIf(1, false);
    ipi(tm, 0x41);
    ipi(tm, 0x81);
    tm.k.guestSetIf(1, true);
    tm.settle();
    expect(tm.v(1).arch.taken).toEqual([0x81]);
    expect(tm.v(1).arch.irq_window).toBe(false); // 0x41 is below PPR
    serve(tm);
    expect(tm.v(1).arch.taken).toEqual([0x41]);
    serve(tm);
    expect(tm.v(1).arch.irq_frames).toEqual([]);
  });

  it('PV EOI: the guest clears a bit, and KVM finds it at the next exit', () => {
    const tm = pair({ pv_eoi: true });
    ipi(tm);
    tm.seen();
    expect(tm.v(1).arch.pv_eoi.memory & 1).toBe(1);
    serve(tm);
    expect(tm.seen('kvm')).toEqual([]);
    expect(inService(tm)).toBe(true);
    tm.tick(1);
    expect(tm.seen('kvm')).toEqual(['kvm_exit', 'kvm_eoi', 'kvm_pv_eoi', 'kvm_entry']);
    expect(inService(tm)).toBe(false);
  });

  it('an NMI is taken with interrupts off, one more is pending, a third is lost', () => {
    const tm = pair();
    tm.k.guestSetIf(1, false);
    for (let i = 0; i < 3; i++) {
      tm.m.cpu = 0;
      tm.k.kvm_inject_nmi(tm.v(1));
    }
    tm.k.kvm_vcpu_kick(tm.v(1));
    tm.settle();
    expect(tm.v(1).arch.taken).toEqual([2]);
    expect([tm.v(1).arch.nmi_masked, tm.v(1).arch.nmi_pending]).toEqual([true, 1]);
    tm.v(1).arch.taken.shift();
    tm.k.guestIret(1);
    tm.settle();
    expect(tm.v(1).arch.taken).toEqual([2]);
    tm.v(1).arch.taken.shift();
    tm.k.guestIret(1);
    tm.settle();
    expect(tm.v(1).arch.taken).toEqual([]);
    expect(tm.v(1).stat.nmi_injections).toBe(2);
  });

  const reasons = (tm: TestMachine): unknown[] =>
    tm.events.filter((e) => e.event === 'kvm_exit' && e.cpu === 1).map((e) => e.fields.exit_reason);

  it('on SVM the IRET exits and is then stepped over, where another NMI waits', () => {
    const tm = pair({ vendor: 'svm' });
    tm.k.guestSetIf(1, false);
    tm.m.cpu = 0;
    for (let i = 0; i < 2; i++) tm.k.kvm_inject_nmi(tm.v(1));
    tm.k.kvm_vcpu_kick(tm.v(1));
    tm.settle();
    expect([tm.v(1).arch.taken, tm.v(1).arch.nmi_masked, tm.v(1).arch.nmi_pending]).toEqual([[2], true, 1]);
    tm.v(1).arch.taken.shift();
    tm.events.length = 0;
    tm.k.guestIret(1);
    tm.settle();
    // SVM_EXIT_IRET, and the #DB behind it
    expect(reasons(tm)).toEqual([0x74, 0x41]);
    expect([tm.v(1).arch.taken, tm.v(1).arch.nmi_masked]).toEqual([[2], true]);
    tm.v(1).arch.taken.shift();
    tm.events.length = 0;
    tm.k.guestIret(1);
    tm.settle();
    // nobody waits: NMIs stay masked for KVM until whatever exit comes next
    expect(reasons(tm)).toEqual([0x74]);
    expect([tm.v(1).arch.nmi_masked, tm.v(1).arch.vmcb.awaiting_iret_completion]).toEqual([true, true]);
    tm.tick(1);
    expect([tm.v(1).arch.nmi_masked, tm.v(1).arch.vmcb.awaiting_iret_completion]).toEqual([false, false]);
    expect(tm.v(1).stat.nmi_injections).toBe(2);
  });

  it('on SVM an NMI in the shadow of STI is delivered behind a single step', () => {
    const tm = pair({ vendor: 'svm' });
    tm.k.guestSetIf(1, false);
    tm.k.guestSetIf(1, true, true);
    tm.m.cpu = 0;
    tm.k.kvm_inject_nmi(tm.v(1));
    tm.events.length = 0;
    tm.k.kvm_vcpu_kick(tm.v(1));
    tm.settle();
    expect(reasons(tm)).toEqual([0x60, 0x41]);
    expect([tm.v(1).arch.taken, tm.v(1).arch.vmcb.nmi_singlestep]).toEqual([[2], false]);
  });

  it.each(['vmx', 'svm'] as const)('%s: an SMI that comes in SMM waits for RSM', (vendor) => {
    const tm = pair({ vendor });
    const enter = () => {
      tm.v(1).arch.smi_pending = true;
      tm.k.kvm_make_request(KVM_REQ_EVENT, tm.v(1));
      tm.m.cpu = 0;
      tm.k.kvm_vcpu_kick(tm.v(1));
      tm.settle();
    };
    enter();
    expect([tm.v(1).arch.smi_pending, tm.v(1).arch.smi_count, tm.k.is_smm(tm.v(1))]).toEqual([false, 1, true]);
    enter();
    expect([tm.v(1).arch.smi_pending, tm.v(1).arch.smi_count]).toEqual([true, 1]);
    tm.m.cpu = 0;
    tm.k.emulator_leave_smm(tm.v(1));
    tm.k.kvm_vcpu_kick(tm.v(1));
    tm.settle();
    expect([tm.v(1).arch.smi_pending, tm.v(1).arch.smi_count, tm.k.is_smm(tm.v(1))]).toEqual([false, 2, true]);
  });

  it('an NMI and an interrupt at once: the NMI is delivered and an exit forced, as the timer or an IPI does it', () => {
    for (const [vendor, timer, reason] of [
      ['vmx', true, 52],
      ['vmx', false, 1],
      ['svm', true, 0x60],
    ] as const) {
      const tm = pair({ vendor });
      tm.m.kvm_x86_params.enable_preemption_timer = timer;
      const ticks = vi.spyOn(tm.k, 'sched_tick');
      tm.seen();
      tm.m.cpu = 0;
      tm.k.kvm_inject_nmi(tm.v(1));
      tm.k.guestIcr(0, 0x4041, 1);
      const from = tm.events.length;
      tm.tick(1);
      const after = tm.events.slice(from).filter((e) => e.cpu === 1);
      const immediate = after.findIndex((e) => e.event === 'kvm_entry' && e.fields.immediate_exit === true);
      const exit = after.slice(immediate).find((e) => e.event === 'kvm_exit');
      expect(exit?.fields).toMatchObject({ exit_reason: reason, intr_info: reason === 1 ? 0x8000_00fd : 0 });
      const ipis = after.filter((e) => e.event === 'ipi_send_cpu');
      expect(ipis.length).toBe(reason === 52 ? 0 : 1);
      // the interrupt of the forced exit is not the one of the exit before it
      expect(ticks).toHaveBeenCalledTimes(1);
      expect(tm.v(1).arch.taken).toEqual([2]);
    }
  });

  it('wakes a halted vCPU', () => {
    const tm = pair();
    tm.k.exitHlt(1);
    tm.settle();
    tm.seen();
    ipi(tm);
    expect(tm.v(1).arch.taken).toEqual([0x41]);
    const seen = tm.seen();
    expect(seen.indexOf('kvm_apic_accept_irq')).toBeLessThan(seen.indexOf('sched_waking'));
    expect(seen.slice(seen.indexOf('sched_switch') + 1)).toEqual(['kvm_vcpu_wakeup', 'kvm_inj_virq', 'kvm_entry']);
  });
});

describe('with APICv', () => {
  it('a posted interrupt reaches a running vCPU without an exit of its own', () => {
    const tm = pair({ apicv: true });
    ipi(tm);
    expect(tm.seen('kvm')).toEqual([
      ...[
        'kvm_exit',
        'kvm_apic_ipi',
        'kvm_apic_accept_irq',
        'kvm_apicv_accept_irq',
        'kvm_apic',
        'kvm_msr',
        'kvm_entry',
      ],
    ]);
    expect(tm.v(1).arch.taken).toEqual([0x41]);
    expect(tm.v(1).arch.vmcs.guest_intr_status >> 8).toBe(0x41);
    serve(tm);
    expect(tm.seen('kvm')).toEqual([]);
    expect(inService(tm)).toBe(false);
    expect(tm.v(1).stat.irq_injections).toBe(0);
  });

  it('waits in IRR while interrupts are off, with RVI', () => {
    const tm = pair({ apicv: true });
    tm.k.guestSetIf(1, false);
    ipi(tm);
    expect(tm.v(1).arch.vmcs.guest_intr_status).toBe(0x41);
    expect(tm.v(1).arch.taken).toEqual([]);
    tm.k.guestSetIf(1, true);
    tm.settle();
    expect(tm.v(1).arch.taken).toEqual([0x41]);
  });

  it('wakes a halted vCPU, that finds it in PIR', () => {
    const tm = pair({ apicv: true });
    tm.k.exitHlt(1);
    tm.settle();
    ipi(tm);
    expect(tm.v(1).arch.mp_state).toBe(0);
    expect(tm.v(1).arch.taken).toEqual([0x41]);
    expect(tm.v(1).arch.pi_desc.on).toBe(0);
  });

  it('an EOI that the IOAPIC listens to exits', () => {
    const tm = pair({ apicv: true });
    tm.v(1).arch.vmcs.eoi_exit_bitmap[2] = 1 << 1;
    ipi(tm);
    tm.seen();
    serve(tm);
    expect(tm.seen('kvm')).toEqual(['kvm_exit', 'kvm_eoi', 'kvm_entry']);
  });

  it('IPI virtualization: nothing at all in the trace, and a halted receiver is woken all the same', () => {
    const tm = pair({ apicv: true, ipiv: true });
    ipi(tm);
    expect(tm.seen()).toEqual([]);
    expect(tm.v(1).arch.taken).toEqual([0x41]);
    serve(tm);
    expect(tm.seen()).toEqual([]);
    tm.k.exitHlt(1);
    tm.settle();
    expect(tm.v(1).arch.pi_desc.nv).toBe(0xf1);
    tm.seen();
    ipi(tm);
    expect(tm.v(1).arch.taken).toEqual([0x41]);
    expect(tm.v(1).arch.pi_desc.nv).toBe(0xf2);
    expect(tm.seen('kvm')).toEqual(['kvm_vcpu_wakeup', 'kvm_entry']);
  });

  it('IPI virtualization: a preempted receiver has SN set, and is a candidate for it', () => {
    const tm = testMachine(2, { vendor: 'vmx', vcpus: 3, x2apic: true, apicv: true, ipiv: true }, [[0], [1], [1]]);
    tm.advance(4_000_000);
    tm.tick(1);
    const off = tm.m.rq[1].curr === tm.t(1).id ? 2 : 1;
    expect([tm.v(off).preempted, tm.v(off).arch.pi_desc.sn]).toEqual([true, 1]);
    tm.k.guestIcr(0, 0x4041, off);
    tm.settle();
    expect(tm.v(off).arch.pi_desc.on).toBe(0);
    expect(tm.k.kvm_arch_dy_has_pending_interrupt(tm.v(off))).toBe(true);
    tm.advance(8_000_000);
    tm.tick(1);
    expect(tm.m.rq[1].curr).toBe(tm.t(off).id);
    expect(tm.v(off).arch.taken).toEqual([0x41]);
    expect(tm.v(off).arch.pi_desc.sn).toBe(0);
  });

  it('AVIC: a running target is rung, one that sleeps makes the sender exit', () => {
    const tm = pair({ vendor: 'svm', apicv: true, x2apic: false });
    ipi(tm);
    expect(tm.v(1).arch.taken).toEqual([0x41]);
    expect(tm.seen('kvm')).toEqual([]);
    serve(tm);
    expect(tm.seen('kvm')).toEqual([]);
    tm.k.exitHlt(1);
    tm.settle();
    expect(tm.v(1).arch.vmcb.is_running).toBe(false);
    tm.seen();
    ipi(tm);
    expect(tm.seen('kvm').slice(0, 3)).toEqual(['kvm_exit', 'kvm_avic_incomplete_ipi', 'kvm_apicv_accept_irq']);
    // the cause, a target that does not run, above the index
    const [exit] = tm.events.filter((e) => e.fields.exit_reason === 0x401);
    expect(exit?.fields.info2).toBe('0x100000001');
    expect(tm.v(1).arch.taken).toEqual([0x41]);
    expect(tm.k.kvm_arch_dy_has_pending_interrupt(tm.v(1))).toBe(false);
  });
});

describe('the guest timer', () => {
  it('TSC deadline through the preemption timer: an exit in time, then the interrupt', () => {
    const tm = pair();
    tm.k.exitWrmsr64(0, 0x832, 0x4_0000 | 0x51, 0); // LVTT: TSC deadline
    const now = tm.k.kvm_read_l1_tsc(tm.v(0), tm.k.rdtsc());
    const deadline = Number(now as unknown as number) + 2_000_000; // 1 ms at 2 GHz
    tm.k.exitWrmsr64(0, 0x6e0, deadline >>> 0, Math.floor(deadline / 2 ** 32));
    tm.settle();
    expect(tm.v(0).arch.apic.lapic_timer.hv_timer_in_use).toBe(true);
    tm.advance(900_000);
    expect(tm.v(0).arch.taken).toEqual([]);
    tm.advance(100_000);
    expect(tm.v(0).arch.taken).toEqual([0x51]);
  });

  it('becomes an hrtimer while its vCPU halts', () => {
    const tm = pair();
    tm.k.exitWrmsr64(0, 0x832, 0x4_0000 | 0x51, 0);
    const now = tm.k.kvm_read_l1_tsc(tm.v(0), tm.k.rdtsc());
    const deadline = Number(now as unknown as number) + 2_000_000;
    tm.k.exitWrmsr64(0, 0x6e0, deadline >>> 0, Math.floor(deadline / 2 ** 32));
    tm.k.exitHlt(0);
    tm.settle();
    expect(tm.v(0).arch.apic.lapic_timer.hv_timer_in_use).toBe(false);
    expect(tm.m.hrtimer[tm.v(0).arch.apic.lapic_timer.timer].queued).toBe(1);
  });
});

describe('limits and orders of the hardware tables', () => {
  it('AVIC: a vCPU beyond the physical ID table is refused', () => {
    const create = (apicv: boolean, id: number, x2avic = false): number => {
      const tm = pair({ vendor: 'svm', apicv });
      tm.m.kvm_x86_params.x2avic = x2avic;
      return tm.k.kvm_vm_ioctl_create_vcpu(tm.m.kvm[0], id);
    };
    expect([create(true, 0xfe), create(true, 0xff), create(false, 0xff)]).toEqual([0, -22, 0]);
    expect([create(true, 0x1ff, true), create(true, 0x200, true)]).toEqual([0, -22]);
  });

  it('posted interrupts: the wake-up list goes in the order of blocking', () => {
    const tm = pair({ apicv: true, ipiv: true });
    const woken: number[] = [];
    vi.spyOn(tm.k, 'kvm_vcpu_wake_up').mockImplementation((vcpu) => {
      woken.push(vcpu.vcpu_id);
      return true;
    });
    tm.m.cpu = 0;
    for (const i of [1, 0]) {
      const v = tm.v(i);
      v.cpu = 0;
      tm.k.pi_enable_wakeup_handler(v);
      v.arch.pi_desc.on = 1;
    }
    tm.k.pi_wakeup_handler();
    expect(woken).toEqual([1, 0]);
  });
});
