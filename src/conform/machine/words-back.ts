// SPDX-License-Identifier: GPL-2.0-only
/**
 * The other way round: words of the native machine (src/native/c/machine/machine.h) written into a machine of the model, so that
 * whoever reads that reads the state of the C code. What the words do not have stays as it was, or follows from them (`derive`).
 */
import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import { RB_BLACK, RB_RED } from '../../lib/rbtree_augmented.js';
import { add, u64 as toU64, type u64 } from '../../lib/types.js';
import type { machine } from '../../machine/state.js';
import type { Schema } from '../../native/format.js';
import type { Changes, MachineSchema } from '../../native/machine-engine.js';
import { type kernel_frame, UNTIL_EXIT, WHEN_BACK, WHILE_BUSY } from '../../sched/kernel-stack.js';
import { type cfs_rq, NULL, type rq, type sched_avg, type sched_entity, type task_struct } from '../../sched/sched.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';

type Word = number | bigint;
type Setter = (word: Word) => void;
/** One for each column of a record; a column without one is passed over. */
type Columns = Readonly<Record<string, Setter>>;

/** Numbers of entities of groups begin here. */
const FIRST_GROUP = 1000;
const APIC_REGS = 64;
/** `enum native_place` */
const IN_GUEST = 1;
const POLLS = 2;

/** 64-bit values of either signedness are such words. */
const wide = (word: Word): never => word as never;

/** Sets members of `o` of the same name, or of the name behind the colon. */
function members(o: object, kind: (word: Word) => unknown, ...names: string[]): Columns {
  const record = o as Record<string, unknown>;
  return Object.fromEntries(
    names.map((name) => {
      const [column, member] = name.split(':') as [string, string?];
      return [
        column,
        (word: Word): void => {
          record[member ?? column] = kind(word);
        },
      ];
    }),
  );
}

function pelt(avg: sched_avg): Columns {
  const names = ['last_update_time', 'load_sum', 'runnable_sum', 'load_avg', 'runnable_avg', 'util_avg'];
  return { ...members(avg, wide, ...names), ...members(avg, Number, 'util_sum', 'period_contrib') };
}

export class WordsBack {
  private readonly setters: Setter[] = [];
  private readonly firstTask: number;
  /** of each vCPU, where its thread is */
  private readonly place: number[];
  /** ... and for which of its halts it polls */
  private readonly pollsFor: number[] = [];
  /** of each CPU, current's flag; nobody else has one */
  private readonly needResched: number[];

  constructor(
    private readonly k: vmlinux_x86,
    { schema, machine: more }: { schema: Schema; machine: MachineSchema },
  ) {
    const m = k.m as machine;
    this.firstTask = m.rq.length;
    this.place = m.vcpu.map(() => NULL);
    this.needResched = m.rq.map(() => 0);
    const push = (names: readonly string[], columns: Columns): void => {
      for (const name of names) this.setters.push(columns[name] ?? (() => {}));
    };
    push(schema.head, {
      now: (word) => {
        m.sched_clock = wide(word);
      },
      w: (word) => {
        m.warns = Number(word);
      },
    });
    const cfs = [...schema.cfs, ...schema.cfs_more, ...schema.pelt.map((name) => `avg.${name}`)];
    const se = [...schema.se, ...schema.se_more, ...schema.pelt.map((name) => `avg.${name}`)];
    for (const rq of m.rq) {
      push([...schema.rq, ...schema.rq_more], this.ofQueue(rq));
      for (const tg of m.task_group) push(cfs, this.ofCfs(m.cfs_rq[tg.cfs_rq[rq.cpu]], rq.cpu));
      for (const tg of m.task_group) if (tg.id !== 0) push(se, this.ofEntity(m.se[tg.se[rq.cpu]], rq.cpu));
    }
    for (const p of m.task.slice(this.firstTask)) {
      push([...schema.task, ...schema.task_more], this.ofTask(p));
      push(se, this.ofEntity(m.se[p.se], NULL));
    }
    for (const tg of m.task_group) push(schema.tg_more, members(tg, wide, 'shares', 'load_avg'));
    for (const rq of m.rq) {
      push(more.machine_cpu, {
        running_vcpu: (word) => {
          m.kvm_running_vcpu[rq.cpu] = Number(word);
        },
        wakes: (word) => {
          rq.wake_list = m.task.flatMap(({ id }) => (inMask(word, id - this.firstTask) ? [id] : []));
        },
      });
    }
    for (const kvm of m.kvm) push(more.machine_vm, members(kvm, Number, 'last_boosted_vcpu'));
    for (const vcpu of m.vcpu) {
      push(more.machine_vcpu, this.ofVcpu(vcpu));
      const { regs } = vcpu.arch.apic;
      for (let i = 0; i < APIC_REGS; i++)
        this.setters.push((word) => {
          regs[4 * i] = Number(word) >>> 0;
        });
    }
    for (const p of m.task.slice(this.firstTask)) {
      this.setters.push((word) => {
        p.sched_task_group = Number(word);
      });
    }
    // how many VMs and vCPUs there are
    this.setters.push(
      () => {},
      () => {},
    );
  }

  private get m(): machine {
    return this.k.m as machine;
  }

  private readonly task = (word: Word): number => (Number(word) < 0 ? NULL : Number(word) + this.firstTask);

  /** The entity of a number, on this CPU for a group's; of a task's own wherever the task is. */
  private entityOf(word: Word, cpu: number): number {
    const n = Number(word);
    if (n < 0) return NULL;
    if (n >= FIRST_GROUP) return this.m.task_group[n - FIRST_GROUP].se[cpu];
    return this.m.task[n + this.firstTask].se;
  }

  private ofQueue(rq: rq): Columns {
    const m = this.m;
    const timer = m.hrtimer[rq.fair_server.dl_timer];
    return {
      ...members(rq, Number, 'nr_running', 'clock_update_flags', 'nr_uninterruptible', 'yld_count'),
      ...members(rq, wide, 'clock', 'clock_task', 'clock_pelt', 'nr_switches', 'lost_idle_time', 'avg_idle'),
      curr: (word) => {
        rq.curr = Number(word) < 0 ? rq.idle : this.task(word);
        rq.donor = rq.curr;
      },
      need_resched: (word) => {
        this.needResched[rq.cpu] = Number(word);
      },
      ...members(rq.rt, Number, 'rt_nr_running', 'rr_nr_running', 'rt_queued', 'rt_overloaded:overloaded'),
      ...members(rq.rt.highest_prio, Number, 'rt_highest:curr', 'rt_next_highest:next'),
      ...members(rq.dl, Number, 'dl_nr_running'),
      ...members(rq.fair_server, Number, 'server_active:dl_server_active', 'server_throttled:dl_throttled'),
      ...members(rq.fair_server, Number, 'server_armed:dl_defer_armed', 'server_running:dl_defer_running'),
      ...members(rq.fair_server, wide, 'server_runtime:runtime', 'server_deadline:deadline'),
      ...(timer === undefined ? {} : { server_timer: timerSetter(timer) }),
    };
  }

  private ofCfs(q: cfs_rq, cpu: number): Columns {
    const entity = (word: Word): number => this.entityOf(word, cpu);
    return {
      ...members(q, Number, 'nr_queued:nr_running', 'h_nr_queued', 'h_nr_runnable'),
      ...members(q, wide, 'sum_w_vruntime:avg_vruntime', 'sum_weight:avg_load', 'zero_vruntime'),
      ...members(q, wide, 'tg_load_avg_contrib', 'propagate', 'prop_runnable_sum'),
      ...members(q.load, wide, 'load:weight'),
      ...members(q, entity, 'curr', 'next'),
      ...members(q.tasks_timeline, entity, 'root:rb_node', 'leftmost:rb_leftmost'),
      ...prefixed('avg.', pelt(q.avg)),
    };
  }

  private ofEntity(se: sched_entity, cpu: number): Columns {
    const { run_node: node } = se;
    const where = (): number => (cpu === NULL ? this.m.task[se.task].cpu : cpu);
    return {
      ...members(se, Number, 'on_rq', 'sched_delayed', 'rel_deadline', 'custom_slice'),
      ...members(se, wide, 'vruntime', 'deadline', 'vlag', 'slice', 'min_vruntime', 'min_slice', 'exec_start'),
      ...members(se, wide, 'sum_exec_runtime', 'prev_sum_exec_runtime'),
      ...(se.my_q === NULL ? {} : members(se, wide, 'runnable_weight')),
      ...members(se.load, wide, 'weight'),
      ...members(se.load, Number, 'inv_weight'),
      left: (word) => {
        node.rb_left = this.entityOf(word, where());
      },
      right: (word) => {
        node.rb_right = this.entityOf(word, where());
      },
      red: (word) => {
        if (word !== NULL) node.color = Number(word) === 1 ? RB_RED : RB_BLACK;
      },
      ...prefixed('avg.', pelt(se.avg)),
    };
  }

  private ofTask(p: task_struct): Columns {
    return {
      ...members(
        p,
        Number,
        'on_rq',
        'state:__state',
        'cpu',
        'static_prio',
        'prio',
        'normal_prio',
        'rt_priority',
        'policy',
      ),
      ...members(p.rt, Number, 'time_slice', 'rt_on_rq:on_rq'),
    };
  }

  private ofVcpu(vcpu: kvm_vcpu): Columns {
    const { arch, stat, spin_loop } = vcpu;
    const { apic } = arch;
    const timer = this.m.hrtimer[apic.lapic_timer.timer];
    const counts = Object.keys(stat).filter((name) => name !== 'halt_wait_ns');
    const times = ['halt_poll_success_ns', 'halt_poll_fail_ns', 'halt_wait_ns'];
    return {
      ...members(vcpu, Number, 'cpu', 'mode', 'halt_poll_ns'),
      ...members(vcpu, wide, 'requests'),
      ...members(vcpu, this.task, 'pid', 'wait'),
      ...members(vcpu, Boolean, 'wants_to_run', 'preempted', 'ready', 'scheduled_out'),
      ...members(spin_loop, Boolean, 'in_spin_loop', 'dy_eligible'),
      ...members(vcpu.run, Number, 'exit_reason'),
      ...members(stat, Number, ...counts.map((name) => `stat.${name}:${name}`)),
      ...members(stat, wide, ...times.map((name) => `stat.${name}:${name}`)),
      ...members(arch, Number, 'mp_state', 'nmi_pending', 'cpl', 'ple_window'),
      ...members(arch, Boolean, 'preempted_in_kernel', 'at_instruction_boundary', 'if:if_flag', 'irq_window'),
      ...members(arch.pv, Boolean, 'pv_unhalted'),
      ...members(arch.interrupt, Boolean, 'interrupt.injected:injected'),
      ...members(arch.interrupt, Number, 'interrupt.nr:nr'),
      ...members(arch.exception, Boolean, 'exception.pending:pending'),
      ...members(apic.lapic_timer, Number, 'apic_timer_pending:pending'),
      ...members(apic, Boolean, 'irr_pending'),
      ...members(apic, Number, 'isr_count', 'highest_isr_cache'),
      ...(timer === undefined ? {} : { apic_timer: timerSetter(timer) }),
      place: (word) => {
        this.place[vcpu.id] = Number(word);
      },
    };
  }

  /** Polling begins without time passing, and ends a window later. */
  private polls(vcpu: kvm_vcpu): void {
    const { halt, stat } = vcpu;
    const isNew = !halt.polling || this.pollsFor[vcpu.id] !== stat.halt_exits;
    halt.polling = this.place[vcpu.id] === POLLS;
    if (!halt.polling || !isNew) return;
    this.pollsFor[vcpu.id] = stat.halt_exits;
    halt.start = this.m.sched_clock;
    halt.stop = add(halt.start, toU64(vcpu.halt_poll_ns));
  }

  /** The vCPU whose guest runs on the CPU; NULL for none. */
  guestOn(cpu: number): number {
    const id = this.m.vcpuOfTask[this.m.rq[cpu].curr];
    return id !== NULL && id !== undefined && this.place[id] === IN_GUEST ? id : NULL;
  }

  apply({ at, to }: Changes): void {
    for (let i = 0; i < at.length; i++) this.setters[at[i]!]?.(to[i]!);
    if (at.length > 0) this.derive();
  }

  /** What follows from the words: where entities hang, parents in trees, what is left to do in a vCPU's thread. */
  derive(): void {
    const m = this.m;
    for (const p of m.task) {
      const isCurrent = m.rq[p.cpu].curr === p.id;
      p.on_cpu = Number(isCurrent);
      p.tif_need_resched = isCurrent ? this.needResched[p.cpu]! : 0;
    }
    for (const p of m.task.slice(this.firstTask)) {
      const se = m.se[p.se];
      const tg = m.task_group[p.sched_task_group];
      se.cfs_rq = tg.cfs_rq[p.cpu];
      se.parent = tg.se[p.cpu];
      se.depth = se.parent === NULL ? 0 : m.se[se.parent].depth + 1;
    }
    for (const se of m.se) se.run_node.empty = 1;
    for (const q of m.cfs_rq) this.hang(q.tasks_timeline.rb_node, NULL, m.se.length);
    for (const q of m.cfs_rq) q.h_nr_delayed = q.h_nr_queued - q.h_nr_runnable;
    for (const vcpu of m.vcpu) {
      this.polls(vcpu);
      if (vcpu.pid === NULL) continue;
      const p = m.task[vcpu.pid];
      p.preempt_notifier = vcpu.id;
      p.kernel_stack = stackAt(this.place[vcpu.id]!);
    }
  }

  private hang(id: number, parent: number, depth: number): void {
    if (id === NULL || depth === 0) return;
    const node = this.m.se[id].run_node;
    node.parent = parent;
    node.empty = 0;
    this.hang(node.rb_left, id, depth - 1);
    this.hang(node.rb_right, id, depth - 1);
  }
}

function stackAt(place: number): kernel_frame[] {
  const waits = place === IN_GUEST ? UNTIL_EXIT : place === POLLS ? WHILE_BUSY : WHEN_BACK;
  return [{ fn: 'schedule', args: [], waits }];
}

const inMask = (word: Word, bit: number): boolean => bit >= 0 && ((BigInt(word) >> BigInt(bit)) & 1n) === 1n;

const prefixed = (prefix: string, columns: Columns): Columns =>
  Object.fromEntries(Object.entries(columns).map(([name, setter]) => [`${prefix}${name}`, setter]));

/** Of a timer: when it expires, -1 for one that is not queued. */
function timerSetter(timer: { queued: number; expires: u64 }): Setter {
  return (word) => {
    timer.queued = Number(word === -1 ? 0 : 1);
    if (word !== -1) timer.expires = wide(word);
  };
}
