// SPDX-License-Identifier: GPL-2.0-only
/** The model's local APICs as an engine of the operations of apic-operations.ts. */
import type { kvm_lapic_irq, kvm_msi_route, kvm_vcpu } from '../../arch/x86/kvm_host.js';
import {
  EXIT_FASTPATH_NONE,
  HF_SMM_MASK,
  KVM_X86_QUIRK_LAPIC_MMIO_HOLE,
  KVM_X86_QUIRK_LINT0_REENABLED,
  MCG_CMCI_P,
} from '../../arch/x86/kvm_host.js';
import { APIC_DEST_LOGICAL, APIC_INT_LEVELTRIG } from '../../lapic/apicdef.js';
import type { int_out, kvm_lapic } from '../../lapic/lapic.js';
import { add, and, gt, not, s64, shr, to_u32, type u64 as U64, u64, ZERO } from '../../lib/types.js';
import { addVcpu, createLapicMachine, type LapicMachine, type LapicOptions } from '../../machine/lapic-machine.js';
import { APIC_BAD_OP, APIC_FLAGS, APIC_IDLE, APIC_MAX_VCPUS, type ApicOperation } from '../../operation/apic.js';
import type { Kernel } from '../../vmlinux/bind.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { type ApicWorld, newApicWorld, shimmedKernel } from './shims.js';

const LEVEL = 1n << 32n;
const HINT = 1n << 33n;

/** Sequences of operations on machines of local APICs: a CREATE makes the next one. */
export class ApicModel {
  readonly world: ApicWorld = newApicWorld();
  private readonly kernel: Kernel;
  private options: LapicOptions = { vcpus: 0 };
  machine: LapicMachine | null = null;

  constructor(kernel: Kernel) {
    this.kernel = shimmedKernel(kernel, this.world);
  }

  /** Back to where no VM is. */
  reset(): void {
    this.machine = null;
  }

  /** Executes one operation; what it returns. KernelBug where the kernel would have died. */
  execute(op: ApicOperation): number {
    const w = this.world;
    w.calls = [];
    w.data = ZERO;
    if (op.op === 'CREATE') return this.create(op);
    const { machine } = this;
    if (machine === null) return APIC_BAD_OP;
    machine.m.kvm_running_vcpu[0] = op.cpu < machine.vcpus.length ? op.cpu : -1;
    const r = this.vmOp(machine, op);
    if (r !== APIC_BAD_OP || op.cpu < 0 || op.cpu >= machine.vcpus.length) return r;
    return Number(this.vcpuOp(machine, machine.vcpus[op.cpu]!, op));
  }

  private create(op: ApicOperation): number {
    const has = (flag: number): boolean => (op.flags & flag) !== 0;
    const ids = Number(BigInt(op.b) & 0xffff_ffffn);
    if (op.id > APIC_MAX_VCPUS) return APIC_BAD_OP;
    const w = this.world;
    w.flags = op.flags;
    w.staged.fill(0);
    w.pir = Array.from({ length: APIC_MAX_VCPUS }, () => new Array<number>(8).fill(0));
    this.options = {
      vcpus: 0,
      x2apic: has(APIC_FLAGS.X2APIC),
      tsc_deadline: has(APIC_FLAGS.TSC_DEADLINE),
      irqchip_split: has(APIC_FLAGS.SPLIT_IRQCHIP),
      vendor: has(APIC_FLAGS.INTEL) ? 'vmx' : 'svm',
      enable_apicv: has(APIC_FLAGS.APICV),
      tsc_khz: Number(op.a),
      vector_hashing: has(APIC_FLAGS.HASHING),
      x2apic_format: has(APIC_FLAGS.X2APIC_FORMAT),
      x2apic_broadcast_quirk_disabled: has(APIC_FLAGS.NO_BROADCAST_QUIRK),
      disabled_quirks:
        (has(APIC_FLAGS.NO_LINT0_QUIRK) ? KVM_X86_QUIRK_LINT0_REENABLED : 0) |
        (has(APIC_FLAGS.NO_HOLE_QUIRK) ? KVM_X86_QUIRK_LAPIC_MMIO_HOLE : 0),
      cmci: has(APIC_FLAGS.CMCI),
      maxphyaddr: Number(BigInt(op.b) >> 32n),
      timer_advance: has(APIC_FLAGS.ADVANCE_TIMER),
    };
    this.machine = createLapicMachine(this.kernel, this.options);
    const { m } = this.machine;
    m.sched_clock = u64(1_000_000_000);
    m.kvm_x86_params.pi_inject_timer = has(APIC_FLAGS.PI_INJECT);
    const { arch } = m.kvm[0]!;
    arch.bsp_vcpu_id = ids & 0xffff;
    arch.mwait_in_guest = has(APIC_FLAGS.MWAIT_IN_GUEST);
    arch.hlt_in_guest = has(APIC_FLAGS.HLT_IN_GUEST);
    for (let i = 0; i < op.id; i++) this.addVcpu(this.machine, (ids & 0xffff) + i * (ids >>> 16));
    return m.vcpu.length;
  }

  private addVcpu(machine: LapicMachine, id: number): number {
    if (machine.vcpus.length >= APIC_MAX_VCPUS) return APIC_BAD_OP;
    const vcpu = addVcpu(machine, id, this.options);
    if ((this.world.flags & APIC_FLAGS.RUNNING) !== 0) vcpu.arch.mp_state = 0;
    return vcpu.id;
  }

  private vmOp(machine: LapicMachine, op: ApicOperation): number {
    const { k, m } = machine;
    const kvm = m.kvm[0]!;
    switch (op.op) {
      case 'ADD_VCPU':
        return this.addVcpu(machine, Number(op.a));
      case 'ADVANCE':
        m.sched_clock = add(m.sched_clock, u64(op.a));
        return 0;
      case 'STAGE':
        this.world.staged[op.id] = Number(op.a) >>> 0;
        return 0;
      case 'MSI':
        return k.kvm_set_msi(route(op), kvm, (op.flags & 1) === 0 ? 1 : 0);
      case 'MSI_INATOMIC':
        return k.kvm_arch_set_irq_inatomic(route(op), kvm);
      case 'SINGLE_VCPU': {
        const message = irqOf({ ...op, a: 0, b: 0 });
        k.kvm_set_msi_irq(kvm, route(op), message);
        return k.kvm_intr_is_single_vcpu(kvm, message);
      }
      case 'DEST_VCPUS': {
        const bitmap: number[] = [];
        k.kvm_bitmap_or_dest_vcpus(kvm, irqOf(op), bitmap);
        return bitmap.reduce((mask, set, i) => mask | (set << i), 0);
      }
      case 'DELIVER':
        return k.kvm_irq_delivery_to_apic(kvm, apicOf(m.vcpu, op.cpu), irqOf(op), null);
      case 'PV_IPI':
        return k.kvm_pv_send_ipi(kvm, u64(op.a), u64(op.b), op.id >>> 0, u64(op.flags & 0x7fff_ffff), op.flags >>> 31);
      case 'INHIBIT':
        k.kvm_set_or_clear_apicv_inhibit(kvm, op.id, op.a !== 0);
        return 0;
      case 'ROUTE':
        kvm.arch.irq_routing = [...kvm.arch.irq_routing.filter((e) => e.gsi !== op.id), { ...route(op), gsi: op.id }];
        k.kvm_arch_post_irq_routing_update(kvm);
        return 0;
      case 'QUIRKS':
        kvm.arch.disabled_quirks = Number(op.a);
        return 0;
      case 'PARAM':
        return setParam(machine, op);
      case 'IOAPIC_READ':
      case 'IOAPIC_WRITE':
      case 'IOAPIC_IRQ':
        return this.ioapicOp(machine, op);
      case 'MATCH':
        return Number(
          k.kvm_apic_match_dest(
            m.vcpu[op.cpu]!,
            apicOf(m.vcpu, op.id),
            (op.flags & 3) << 18,
            Number(op.a) >>> 0,
            (op.flags & 4) !== 0 ? APIC_DEST_LOGICAL : 0,
          ),
        );
      default:
        return APIC_BAD_OP;
    }
  }

  /** The registers at 0x00 and 0x10 of the IOAPIC's page; ioapic_mmio_read() and _write() are not in the model. */
  private ioapicOp({ k, m }: LapicMachine, op: ApicOperation): number {
    const { vioapic } = m.kvm[0]!.arch;
    if (vioapic === null) return APIC_BAD_OP;
    if (op.op === 'IOAPIC_IRQ') {
      return k.kvm_ioapic_set_irq(vioapic, op.id, op.flags >>> 1, Number(op.a), (op.flags & 1) !== 0);
    }
    const window = (Number(op.a) & 0xff) === 0x10;
    if (op.op === 'IOAPIC_READ') this.world.data = u64(window ? k.ioapic_read_indirect(vioapic) : vioapic.ioregsel);
    else if (window) k.ioapic_write_indirect(vioapic, Number(op.b) >>> 0);
    else vioapic.ioregsel = Number(op.b) & 0xff;
    return 0;
  }

  private vcpuOp(machine: LapicMachine, vcpu: kvm_vcpu, op: ApicOperation): number | boolean {
    const { k } = machine;
    const w = this.world;
    switch (op.op) {
      case 'MMIO_READ': {
        const data: int_out = { value: -1 };
        const r = k.apic_mmio_read(vcpu, u64(op.a), op.id, data);
        w.data = u64(merged(data.value, op.id));
        return r;
      }
      case 'MMIO_WRITE':
        return k.apic_mmio_write(vcpu, u64(op.a), op.id, Number(op.b) >>> 0);
      case 'RDMSR': {
        const msr = { host_initiated: (op.flags & 1) !== 0, index: op.id, data: ZERO };
        const r = k.kvm_get_msr_commonApic(vcpu, msr);
        if (r === 0) w.data = msr.data;
        return r;
      }
      case 'WRMSR':
        return k.kvm_set_msr_commonApic(vcpu, {
          host_initiated: (op.flags & 1) !== 0,
          index: op.id,
          data: u64(op.a),
        });
      case 'FASTPATH':
        return fastpath(k, vcpu, op);
      case 'HV_WRITE':
        return k.kvm_hv_vapic_msr_write(vcpu, op.id, u64(op.a));
      case 'HV_READ': {
        const data = { value: ZERO as U64 };
        const r = k.kvm_hv_vapic_msr_read(vcpu, op.id, data);
        if (r === 0) w.data = data.value;
        return r;
      }
      case 'GET_STATE':
        return k.kvm_apic_get_state(vcpu, { regs: w.staged });
      case 'SET_STATE':
        return k.kvm_apic_set_state(vcpu, { regs: w.staged });
      default:
        return this.interruptOp(machine, vcpu, op);
    }
  }

  private interruptOp(machine: LapicMachine, vcpu: kvm_vcpu, op: ApicOperation): number | boolean {
    const { k } = machine;
    switch (op.op) {
      case 'SET_CR8':
        return done(k.kvm_lapic_set_tpr(vcpu, u64(op.a)));
      case 'GET_CR8':
        return Number(k.kvm_lapic_get_cr8(vcpu));
      case 'GET_INTERRUPT':
        return k.kvm_cpu_get_interrupt(vcpu);
      case 'HAS_INTERRUPT':
        return k.kvm_cpu_has_interrupt(vcpu);
      case 'HAS_INJECTABLE':
        return k.kvm_cpu_has_injectable_intr(vcpu);
      case 'APIC_HAS':
        return k.kvm_apic_has_interrupt(vcpu);
      case 'ACCEPT_PIC':
        return k.kvm_apic_accept_pic_intr(vcpu);
      case 'EOI':
        return done(k.kvm_lapic_set_eoi(vcpu));
      case 'EOI_ACCELERATED':
        return done(k.kvm_apic_set_eoi_accelerated(vcpu, Number(op.a)));
      case 'NODECODE':
        return done(k.kvm_apic_write_nodecode(vcpu, op.id));
      case 'EVENTS':
        return k.kvm_apic_accept_events(vcpu);
      case 'GET_MP_STATE':
        return k.kvm_arch_vcpu_ioctl_get_mpstate(vcpu);
      case 'SET_MP_STATE':
        return k.kvm_arch_vcpu_ioctl_set_mpstate(vcpu, Number(op.a));
      case 'LOCAL':
        return k.kvm_apic_local_deliver(vcpu.arch.apic, op.id);
      case 'NMI_WATCHDOG':
        return done(k.kvm_apic_nmi_wd_deliver(vcpu));
      default:
        return this.entryOp(machine, vcpu, op);
    }
  }

  private entryOp(machine: LapicMachine, vcpu: kvm_vcpu, op: ApicOperation): number | boolean {
    const { k, m } = machine;
    const w = this.world;
    switch (op.op) {
      case 'VAPIC_ADDR':
        return k.kvm_lapic_set_vapic_addr(vcpu, u64(op.a));
      case 'SYNC_FROM':
        return done(k.kvm_lapic_sync_from_vapic(vcpu));
      case 'SYNC_TO':
        return done(k.kvm_lapic_sync_to_vapic(vcpu));
      case 'UPDATE_APICV':
        return done(k.__kvm_vcpu_update_apicv(vcpu));
      case 'SYNC_PIR': {
        const max: int_out = { value: -1 };
        const updated = k.kvm_apic_update_irr(vcpu, w.pir[vcpu.id]!, max);
        return max.value * 2 + Number(updated);
      }
      case 'CLEAR_IRR':
        return done(k.kvm_apic_clear_irr(vcpu, Number(op.a) & 0xff));
      case 'SCAN_IOAPIC':
        return done(k.vcpu_scan_ioapic(vcpu));
      case 'RESET':
        return done(k.kvm_lapic_reset(vcpu, op.a !== 0));
      case 'UPDATE_PPR':
        return done(k.kvm_apic_update_ppr(vcpu));
      case 'COMPARE':
        return m.vcpu[op.id] === undefined ? APIC_BAD_OP : k.kvm_apic_compare_prio(vcpu, m.vcpu[op.id]!);
      case 'FREE':
        return done(k.kvm_free_lapic(vcpu));
      default:
        return this.timerOp(machine, vcpu, op);
    }
  }

  private timerOp(machine: LapicMachine, vcpu: kvm_vcpu, op: ApicOperation): number | boolean {
    const { k, m } = machine;
    switch (op.op) {
      case 'FIRE': {
        const timer = m.hrtimer[vcpu.arch.apic.lapic_timer.timer]!;
        if (timer.queued !== 1 || gt(timer.expires, m.sched_clock)) return 0;
        k.hrtimerExpire(timer.id);
        return 1;
      }
      case 'PENDING_TIMER':
        return k.kvm_cpu_has_pending_timer(vcpu);
      case 'INJECT_TIMER':
        return done(k.kvm_inject_pending_timer_irqs(vcpu));
      case 'HV_EXPIRED':
        return done(k.kvm_lapic_expired_hv_timer(vcpu));
      case 'TO_HV_TIMER':
        return done(k.kvm_lapic_switch_to_hv_timer(vcpu));
      case 'TO_SW_TIMER':
        k.kvm_lapic_switch_to_sw_timer(vcpu);
        return k.kvm_lapic_hv_timer_in_use(vcpu);
      case 'RESTART_HV_TIMER':
        if (!k.kvm_lapic_hv_timer_in_use(vcpu)) return APIC_IDLE;
        return done(k.kvm_lapic_restart_hv_timer(vcpu));
      case 'MIGRATE':
        return done(k.__kvm_migrate_timers(vcpu));
      case 'WAIT_EXPIRE':
        return done(k.kvm_wait_lapic_expire(vcpu));
      default:
        return this.around(machine, vcpu, op);
    }
  }

  private around({ k, m }: LapicMachine, vcpu: kvm_vcpu, op: ApicOperation): number {
    const { arch } = vcpu;
    const a = Number(op.a);
    switch (op.op) {
      case 'PV_EOI_MEMORY':
        arch.pv_eoi.memory = a;
        arch.pv_eoi.fault = (op.flags & 1) !== 0;
        return 0;
      case 'VAPIC_MEMORY':
        arch.apic.vapic_cache = a >>> 0;
        return 0;
      case 'POST': {
        const pir = this.world.pir[vcpu.id]!;
        pir[(a >> 5) & 7] = (pir[(a >> 5) & 7]! | (1 << (a & 31))) >>> 0;
        return 0;
      }
      case 'MODE':
        vcpu.mode = a;
        vcpu.wants_to_run = (op.id & 1) !== 0;
        return 0;
      case 'SMM':
        arch.hflags = a !== 0 ? arch.hflags | HF_SMM_MASK : arch.hflags & ~HF_SMM_MASK;
        return 0;
      case 'CPUID':
        arch.cpuid.x2apic = (op.flags & APIC_FLAGS.X2APIC) !== 0;
        arch.cpuid.tsc_deadline = (op.flags & APIC_FLAGS.TSC_DEADLINE) !== 0;
        arch.cpuid.intel_compatible = (op.flags & APIC_FLAGS.INTEL) !== 0;
        k.kvm_vcpu_after_set_cpuid(vcpu);
        return 0;
      case 'TSC_OFFSET':
        arch.tsc_offset = s64(op.a);
        return 0;
      case 'EXTINT': {
        const kvm = m.kvm[0]!.arch;
        if (kvm.irqchip_split) arch.pending_external_vector = a;
        else kvm.vpic = { output: a >= 0 ? 1 : 0, vector: a };
        return 0;
      }
      case 'TAKE_REQUESTS':
        vcpu.requests = and(vcpu.requests, not(u64(op.a)));
        return 0;
      case 'MCG':
        arch.mcg_cap = a !== 0 ? arch.mcg_cap | MCG_CMCI_P : arch.mcg_cap & ~MCG_CMCI_P;
        k.kvm_apic_after_set_mcg_cap(vcpu);
        return 0;
      case 'NMI':
        if (a !== 0) k.kvm_inject_nmi(vcpu);
        else k.process_nmi(vcpu);
        return 0;
      case 'REPORT_TPR':
        arch.tpr_access_reporting = a !== 0;
        return 0;
      default:
        return APIC_BAD_OP;
    }
  }
}

/** WRMSR with the guest's registers: whether the fast path did it. */
function fastpath(k: vmlinux_x86, vcpu: kvm_vcpu, op: ApicOperation): boolean {
  const { regs } = vcpu.arch;
  const data = u64(op.a);
  regs.rcx = u64(op.id);
  regs.rax = u64(to_u32(data));
  regs.rdx = shr(data, 32);
  return k.handle_fastpath_set_msr_irqoff(vcpu) !== EXIT_FASTPATH_NONE;
}

const done = (_: unknown): number => 0;
const apicOf = (vcpus: readonly kvm_vcpu[], i: number): kvm_lapic | null => vcpus[i]?.arch.apic ?? null;

/** What a buffer of ones holds after `len` bytes of it were read into; -1 for none of them. */
function merged(value: number, len: number): number {
  if (value === -1 || len >= 4) return value >>> 0;
  const mask = 2 ** (8 * len) - 1;
  return ((~mask | (value & mask)) >>> 0) as number;
}

function route(op: ApicOperation): kvm_msi_route {
  const a = BigInt.asUintN(64, BigInt(op.a));
  return {
    gsi: 0,
    address_lo: Number(a & 0xffff_ffffn),
    address_hi: Number(a >> 32n),
    data: Number(op.b) >>> 0,
  };
}

function irqOf(op: ApicOperation): kvm_lapic_irq {
  const [a, b] = [BigInt(op.a), BigInt(op.b)];
  return {
    vector: Number(a & 0xffn),
    delivery_mode: Number(a & 0x700n),
    level: (a & LEVEL) !== 0n,
    msi_redir_hint: (a & HINT) !== 0n,
    dest_id: Number(b & 0xffff_ffffn),
    dest_mode: (b & LEVEL) !== 0n ? APIC_DEST_LOGICAL : 0,
    shorthand: Number((b >> 36n) & 3n) << 18,
    trig_mode: (b & (1n << 56n)) !== 0n ? APIC_INT_LEVELTRIG : 0,
  };
}

function setParam({ m }: LapicMachine, op: ApicOperation): number {
  const params = m.kvm_x86_params;
  const { arch } = m.kvm[0]!;
  if (op.id === 0) params.vector_hashing_enabled = op.a !== 0;
  else if (op.id === 1) params.pi_inject_timer = op.a !== 0;
  else if (op.id === 2) params.min_timer_period_us = Number(op.a);
  else if (op.id === 3) arch.x2apic_format = op.a !== 0;
  else if (op.id === 4) arch.apic_bus_cycle_ns = Number(op.a);
  return 0;
}
