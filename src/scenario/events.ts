// SPDX-License-Identifier: GPL-2.0-only
/**
 * Everything that can happen to a machine. A run is a list of these; a counterexample is a short one.
 *
 * `cpu` is the CPU on which the kernel executes. An event that is not legal in the present state (a PAUSE exit where
 * no vCPU is in guest mode) does nothing: a shrunk list stays a list.
 */
export type MachineEvent =
  /** time passes, in ns; timers due on the way fire at their expiry, in order */
  | { ev: 'advance'; ns: number }
  /** the periodic tick: sched_tick() */
  | { ev: 'tick'; cpu: number }
  /** return from interrupt: schedule() if need_resched(). An eager machine does this by itself after every event */
  | { ev: 'resched'; cpu: number }
  /** schedule() by current, still runnable (cond_resched() that found work) */
  | { ev: 'schedule'; cpu: number }
  /** sched_yield() by current */
  | { ev: 'yield'; cpu: number }
  /** yield_to(task, true) by current */
  | { ev: 'yield_to'; cpu: number; task: number }
  /** current sleeps, TASK_INTERRUPTIBLE unless `state` says otherwise: a letter of sched_switch's prev_state; X exits */
  | { ev: 'block'; cpu: number; state?: 'S' | 'D' | 'I' | 'T' | 't' | 'P' | 'X' }
  /** try_to_wake_up(task) executed on cpu; with `target`, select_task_rq() finds no other CPU allowed */
  | { ev: 'wake'; cpu: number; task: number; target?: number }
  /** wake_up_new_task(task) by current: of a task that starts `unborn`; `target` as with `wake` */
  | { ev: 'fork'; cpu: number; task: number; target?: number }
  /** a queued task that does not run is moved to another CPU, as load balancing does: move_queued_task() */
  | { ev: 'migrate'; cpu: number; task: number; target: number }
  /** dequeued and queued again where it is: by sched_move_task() with `move` (autogroup at exit), else by __do_set_cpus_allowed() */
  | { ev: 'requeue'; cpu: number; task: number; move: boolean }
  /** a recording names where a task stands, virtual ns as decimal s64: `vlag` off the queue is its lag; `delayed`: asleep and queued */
  | { ev: 'place'; task: number; vruntime: string; deadline: string; vlag: string; delayed?: boolean }
  /** a recording says so: since its last update current has run for `ns` */
  | { ev: 'ran'; cpu: number; ns: number }
  /** a recording says so: TIF_NEED_RESCHED of current */
  | { ev: 'need_resched'; cpu: number; on: boolean }
  /** a recording says so: current, runnable as it is, leaves the CPU for `task`, whatever the kernel would pick */
  | { ev: 'switch'; cpu: number; task: number }
  | { ev: 'nice'; cpu: number; task: number; nice: number }
  /** sched_setattr(): policy SCHED_NORMAL 0, FIFO 1, RR 2, BATCH 3, IDLE 5; slice in ns, 0 = default; priority for FIFO and RR */
  | { ev: 'setattr'; cpu: number; task: number; policy: number; nice: number; slice: number; priority: number }
  /** cpu.shares of a group, unscaled */
  | { ev: 'shares'; cpu: number; group: number; shares: number }
  /** cgroup change */
  | { ev: 'move'; cpu: number; task: number; group: number }
  /** a vCPU in guest mode on cpu executes PAUSE long enough for an exit */
  | { ev: 'pause'; cpu: number }
  | { ev: 'hlt'; cpu: number }
  /** a vCPU of an arm64 machine executes WFI, or WFE with its event register clear; WFIT and WFET with a deadline `ns` from now */
  | { ev: 'wfi'; cpu: number }
  | { ev: 'wfe'; cpu: number }
  | { ev: 'wfit'; cpu: number; ns: number }
  | { ev: 'wfet'; cpu: number; ns: number }
  /** s390: a vCPU executes diagnose 0x44, diagnose 0x9c with CPU address `to`, or loads a PSW that waits, enabled for interrupts */
  | { ev: 'diag44'; cpu: number }
  | { ev: 'diag9c'; cpu: number; to: number }
  | { ev: 'enabledWait'; cpu: number }
  /**
   * arm64: a device sends an LPI to vCPU `vcpu` (an index over all VMs): by the ITS itself if `direct`, else through KVM. `cpu` takes
   * the device's interrupt, or the doorbell that rings
   */
  | { ev: 'lpi'; cpu: number; vcpu: number; intid: number; direct: boolean }
  /** it sends an IPI to vCPU `to` of its VM: x86 writes the ICR (fixed, physical, no shorthand), arm64 sends an SGI, s390 does SIGP */
  | { ev: 'ipi'; cpu: number; to: number; vector: number }
  /** it writes any ICR value */
  | { ev: 'icr'; cpu: number; low: number; dest: number }
  /** it ends the interrupt in service: register write, accelerated or PV as the VM is set up */
  | { ev: 'eoi'; cpu: number }
  /** it goes to CPL 0 or 3 */
  | { ev: 'cpl'; cpu: number; cpl: number }
  /** STI / CLI; with `shadow`, what the guest does next is the one instruction that an STI keeps interrupts from */
  | { ev: 'if'; cpu: number; on: boolean; shadow?: boolean }
  /** it makes a hypercall */
  | { ev: 'hypercall'; cpu: number; nr: number; a0: number; a1: number; a2: number; a3: number }
  /** an external interrupt other than the tick makes it exit */
  | { ev: 'intr'; cpu: number }
  /** the program of current on cpu completes its present instruction and begins the next */
  | { ev: 'step'; cpu: number }
  /** the deadline of the halt-polling phase of the vCPU on cpu passes */
  | { ev: 'pollEnd'; cpu: number }
  /** a VM's APICv is inhibited or not (kvm_set_apicv_inhibit(), reason ABSENT), by a thread of its VMM on cpu */
  | { ev: 'apicv'; cpu: number; vm: number; on: boolean }
  /** CPU `target` is to go offline, as written to its `online` in sysfs: it does once its hotplug thread gets to run there */
  | { ev: 'cpu_down'; cpu: number; target: number }
  /** CPU `target` comes back online */
  | { ev: 'cpu_up'; cpu: number; target: number }
  /** the guest, or anybody who writes its memory, stores 8 bytes at guest physical address `gpa` (VMs with `memory` or a kernel) */
  | { ev: 'store'; vm: number; gpa: number; value: number }
  /** its VMM takes the memory slot of page `frame` away, or puts it back */
  | { ev: 'memslot'; vm: number; frame: number; there: boolean }
  /** its VMM makes an ioctl of the VM that a series brings, by number */
  | { ev: 'vm_ioctl'; vm: number; nr: number; arg: number }
  /** a knob: sysctl, debugfs, module parameter or SCHED_FEAT by its kernel name */
  | { ev: 'knob'; name: string; value: number }
  | ApicEvent
  | AmidEvent;

/**
 * What can happen to a machine of local APICs (`scenario.apics`), besides time and knobs. `vcpu` is an index; registers and
 * values are unsigned. No task runs such a vCPU: what it does takes no CPU time.
 *
 * On machines with VMs: `set_lapic`, `restore` and `tsc_offset`, for which a signal brings the vCPU's thread out of KVM_RUN;
 * and while the guest runs, `cr8`, `mmio_write`, `wrmsr` and `rdmsr`, but of EOI and ICR, which have events of their own there.
 */
export type ApicEvent =
  /** the guest stores to its xAPIC page, or loads from it, at an offset */
  | { ev: 'mmio_write'; vcpu: number; reg: number; value: number }
  | { ev: 'mmio_read'; vcpu: number; reg: number }
  /** it writes or reads an MSR of its APIC, or IA32_TSC; `high` is the high half of the value */
  | { ev: 'wrmsr'; vcpu: number; msr: number; value: number; high: number }
  | { ev: 'rdmsr'; vcpu: number; msr: number }
  /** it sends an IPI by the ICR of its mode */
  | { ev: 'write_icr'; vcpu: number; low: number; dest: number }
  /** KVM_HC_SEND_IPI: a bitmap of 32 ids from `min` on, and of the 96 behind them; none of these when absent */
  | { ev: 'pv_ipi'; vcpu: number; bitmap: number; min: number; icr: number; more?: readonly [number, number, number] }
  /** KVM_SIGNAL_MSI */
  | { ev: 'msi'; address: number; data: number }
  /** the level of a pin of the in-kernel IOAPIC, and its redirection entry */
  | { ev: 'pin'; pin: number; level: number }
  | { ev: 'redirect'; pin: number; low: number; high: number }
  /** the guest opens interrupts for as long as any comes */
  | { ev: 'window'; vcpu: number }
  /** an entry with interrupts off: NMIs, INITs and SIPIs are taken */
  | { ev: 'enter'; vcpu: number }
  /** KVM_GET_LAPIC, one register changed, KVM_SET_LAPIC */
  | { ev: 'set_lapic'; vcpu: number; reg: number; value: number }
  /** KVM_SET_SREGS with this low half of IA32_APICBASE: from any mode to any other */
  | { ev: 'set_sregs'; vcpu: number; apic_base: number }
  /**
   * everything of its APIC is saved, the vCPU reset, and everything set again, as on a fresh vCPU of another host:
   * IA32_APICBASE, the whole page, the TSC deadline, mp_state
   */
  | { ev: 'restore'; vcpu: number }
  /** KVM_VCPU_TSC_OFFSET: the guest's TSC is the host's and this, ns */
  | { ev: 'tsc_offset'; vcpu: number; ns: number }
  /** KVM_SET_CPUID2: x2APIC and the TSC-deadline timer */
  | { ev: 'cpuid'; vcpu: number; x2apic: boolean; tsc_deadline: boolean }
  /** the guest writes CR8: bits 7:4 of TPR */
  | { ev: 'cr8'; vcpu: number; value: number }
  /** the host is busy for so many ns: what expires meanwhile fires at the end */
  | { ev: 'stall'; ns: number };

/** Functions of the kernel at whose beginning another CPU may come in: nothing that is held there keeps it out. */
export const AMID = ['kvm_lapic_set_vector', 'kvm_recalculate_phys_map', 'kvm_recalculate_logical_map'] as const;

/**
 * `other` happens on another CPU in the middle of `of`: when that comes to the function `fn` for the first time; it
 * does not happen when `of` never comes there. Where `other` needs apic_map_lock, it gets it when `of` is through.
 */
export interface AmidEvent {
  ev: 'amid';
  fn: (typeof AMID)[number];
  of: ApicEvent;
  other: ApicEvent;
}

export type EventKind = MachineEvent['ev'];
