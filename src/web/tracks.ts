// SPDX-License-Identifier: GPL-2.0-only
/**
 * A run as tracks: who runs on each CPU, where each vCPU's life stands, and what goes from one to another. Times are event numbers:
 * position i is before event i. It is recorded a stretch at a time, so that a page can draw while it is.
 */
import { toNumber } from '../lib/types.js';
import { apply } from '../machine/apply.js';
import { cloneMachine } from '../machine/clone.js';
import type { machine } from '../machine/state.js';
import { vcpuLife, vcpuStateOf } from '../machine/vcpu-life.js';
import type { task_struct } from '../sched/sched.js';
import type { Timeline } from '../step/timeline.js';
import type { trace_event } from '../trace/trace-event.js';
import { type AnyFunction, bind, type Kernel } from '../vmlinux/bind.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';

export interface Row {
  readonly kind: 'cpu' | 'vcpu';
  readonly id: number;
  readonly label: string;
  /** positions at which a stretch begins, ascending; the first is 0 */
  readonly starts: number[];
  /** of a CPU: the task that runs; of a vCPU: the index of its state in `vcpuLife.states` */
  readonly values: number[];
}

/** What goes from one row to another. */
export interface Arrow {
  readonly kind: 'boost' | 'interrupt' | 'wake';
  /** rows by index; -1 for nobody (a timer) */
  readonly from: number;
  readonly to: number;
  readonly at: number;
  /** where it lands; the same position for what happens at once */
  landed: number;
  /** an interrupt's vector and, once there is one, the position of its EOI; -1 until then */
  readonly vector: number;
  ended: number;
  /** a boost that yield_to() refused */
  readonly refused: boolean;
}

export class Tracks {
  readonly rows: Row[] = [];
  readonly arrows: Arrow[] = [];
  /** ns since boot at each position */
  readonly time: number[] = [];
  /** tasks by id */
  readonly comms: readonly string[];
  private readonly m: machine;
  private readonly k: vmlinux_x86;
  private readonly boot: number;
  private readonly waking = new Map<number, Arrow>();
  private readonly pending = new Map<string, Arrow>();
  private readonly byPid: ReadonlyMap<number, number>;
  private next = 0;

  constructor(
    kernel: Kernel,
    start: machine,
    /** what is recorded, as far as it has been run */
    private readonly line: Timeline,
  ) {
    const m = cloneMachine(start);
    this.m = m;
    this.boot = toNumber(m.bootClock);
    this.comms = m.task.map((p) => p.comm);
    this.byPid = new Map(m.task.filter(({ pid }) => pid !== 0).map(({ pid, id }) => [pid, id]));
    this.k = bind(this.watched(kernel), m, (hit) => this.hears(hit));
    for (const { cpu } of m.rq) this.rows.push({ kind: 'cpu', id: cpu, label: `CPU ${cpu}`, starts: [], values: [] });
    for (const { id } of m.vcpu) {
      const thread = m.vcpuOfTask.indexOf(id);
      this.rows.push({ kind: 'vcpu', id, label: m.task[thread]?.comm ?? `vCPU ${id}`, starts: [], values: [] });
    }
    this.look();
  }

  /** Events that can be run to their end, as far as is known. */
  get length(): number {
    return this.line.length;
  }

  /** Recorded to the end. */
  get isWhole(): boolean {
    return this.line.isWhole && this.next >= this.length;
  }

  /** Positions that are known: 0 to this. */
  get known(): number {
    return this.next;
  }

  /** Records `most` more events. */
  record(most: number): void {
    const end = Math.min(this.length, this.next + most);
    while (this.next < end) {
      apply(this.k, this.line.events[this.next]);
      this.next++;
      this.look();
    }
  }

  private look(): void {
    const { m, rows } = this;
    this.time.push(toNumber(m.sched_clock) - this.boot);
    let row = 0;
    for (const { curr } of m.rq) stretch(rows[row++], this.next, curr);
    for (const vcpu of m.vcpu) stretch(rows[row++], this.next, STATE.get(vcpuStateOf(m, vcpu)) ?? 0);
  }

  private vcpuRow(vcpu: number): number {
    return this.m.rq.length + vcpu;
  }

  /** The vCPU that a task is the thread of; else the CPU. */
  private rowOfTask(task: number, cpu: number): number {
    const vcpu = this.m.vcpuOfTask[task] ?? -1;
    return vcpu >= 0 ? this.vcpuRow(vcpu) : cpu;
  }

  private rowOfCurrent(): number {
    const { m } = this;
    const { curr, idle } = m.rq[m.cpu];
    return curr === idle ? -1 : this.rowOfTask(curr, m.cpu);
  }

  private arrow(made: Pick<Arrow, 'kind' | 'from' | 'to'> & Partial<Arrow>): Arrow {
    const arrow: Arrow = { at: this.next, landed: this.next, vector: -1, ended: -1, refused: false, ...made };
    this.arrows.push(arrow);
    return arrow;
  }

  /** The kernel with those functions told of that no tracepoint tells of. */
  private watched(kernel: Kernel): Kernel {
    const { m } = this;
    const own: Record<string, AnyFunction> = {};
    const wrap = (name: string, told: (args: unknown[], result: unknown) => void, first?: () => void): void => {
      const original = kernel.table[name];
      if (original === undefined) return;
      own[name] = function told_(...args: unknown[]) {
        const here = (this as { m: machine }).m === m;
        if (here) first?.();
        const result: unknown = original.apply(this, args);
        if (here) told(args, result);
        return result;
      };
    };
    let from = -1;
    wrap(
      'yield_to',
      ([p], result) => {
        const task = p as task_struct;
        this.arrow({ kind: 'boost', from, to: this.rowOfTask(task.id, task.cpu), refused: Number(result) <= 0 });
      },
      () => {
        from = this.rowOfCurrent();
      },
    );
    wrap('__apic_accept_irq', ([apic, , vector]) => {
      const to = this.vcpuRow((apic as { vcpu: number }).vcpu);
      const made = this.arrow({ kind: 'interrupt', from: this.rowOfCurrent(), to, vector: Number(vector) });
      this.pending.set(`${to} ${vector}`, made);
    });
    wrap('apic_set_eoi', ([apic], vector) => this.eoi((apic as { vcpu: number }).vcpu, Number(vector)));
    wrap('kvm_apic_set_eoi_accelerated', ([vcpu, vector]) => this.eoi((vcpu as { id: number }).id, Number(vector)));
    return { ...kernel, table: Object.freeze({ ...kernel.table, ...own }) };
  }

  private eoi(vcpu: number, vector: number): void {
    const key = `${this.vcpuRow(vcpu)} ${vector}`;
    const made = this.pending.get(key);
    if (made !== undefined) made.ended = this.next;
    this.pending.delete(key);
  }

  private hears(hit: trace_event): void {
    if (hit.vm !== undefined) return;
    const { m } = this;
    if (hit.event === 'sched_waking') {
      const task = this.byPid.get(Number(hit.fields['pid']));
      if (task === undefined) return;
      const to = this.rowOfTask(task, Number(hit.fields['target_cpu'] ?? m.task[task].cpu));
      this.waking.set(task, this.arrow({ kind: 'wake', from: this.rowOfCurrent(), to, landed: -1 }));
    } else if (hit.event === 'sched_switch') {
      const task = this.byPid.get(Number(hit.fields['next_pid'])) ?? -1;
      const made = this.waking.get(task);
      if (made !== undefined) made.landed = this.next;
      this.waking.delete(task);
    }
  }
}

const STATE = new Map(vcpuLife.states.map((state, i) => [state, i]));

function stretch({ starts, values }: Row, position: number, value: number): void {
  if (values[values.length - 1] === value) return;
  starts.push(position);
  values.push(value);
}

/** The last stretch that begins at or before a position. */
export function stretchAt({ starts }: Row, position: number): number {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}
