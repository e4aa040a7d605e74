// SPDX-License-Identifier: GPL-2.0-only
/** A state of the native engine, read by name straight from its words, and what stands in it about entities and queues. */
import type { Schema } from '../../native/format.js';
import type { Operation } from '../../operation/sched.js';
import { MAX_RT_PRIO } from '../../sched/sched.js';

type Num = number | bigint;

const low64 = (x: bigint): bigint => BigInt.asIntN(64, x);
/** nice 0, as scale_load_down() has it */
const NICE_0 = 1024n;

/** Where each column stands, of states with load tracking. */
export class Columns {
  readonly head: number;
  readonly rq: ReadonlyMap<string, number>;
  readonly cfs: ReadonlyMap<string, number>;
  readonly se: ReadonlyMap<string, number>;
  readonly task: ReadonlyMap<string, number>;
  readonly width: { readonly rq: number; readonly cfs: number; readonly se: number; readonly task: number };

  constructor(schema: Schema) {
    const numbered = (names: readonly string[]) => new Map(names.map((name, i) => [name, i]));
    const [rq, cfs] = [
      [...schema.rq, ...schema.rq_more],
      [...schema.cfs, ...schema.cfs_more],
    ];
    const se = [...schema.se, ...schema.se_more, ...schema.pelt];
    this.head = schema.head.length;
    this.rq = numbered(rq);
    this.cfs = numbered(cfs);
    this.se = numbered(se);
    const task = [...schema.task, ...schema.task_more];
    this.task = numbered(task);
    const width = { rq: rq.length, cfs: cfs.length + schema.pelt.length, se: se.length };
    this.width = { ...width, task: task.length + se.length };
  }
}

/** An entity: a task's number, or 1000 + the group's, and where its columns begin. */
export interface EntityRef {
  readonly name: number;
  readonly at: number;
}

/** Which group a task is in, which group a group is in, what may run where: the state does not say. */
export class Places {
  readonly groupOf: number[] = [];
  readonly parentOf: number[] = [-1];
  /** CPUs that each task may run on, as bits */
  readonly allowed: number[] = [];
  /** CPUs that share a cache with all others, as bits */
  llc = 0;

  constructor(private readonly cpus: number) {}

  /** Follows an operation that returned `r`. */
  did(op: Operation, r: number): void {
    if (op.op === 'GROUP') this.parentOf.push(Number(op.a));
    if (op.op === 'FORK') {
      this.groupOf.push(Number(op.b));
      this.allowed.push(op.flags & 1 ? 2 ** this.cpus - 1 : 1 << op.cpu);
    }
    if (op.op === 'MOVE') this.groupOf[op.id] = Number(op.a);
    if (op.op === 'LLC') this.llc = Number(op.a);
    if (r !== 0) return;
    if (op.op === 'AFFINITY') this.allowed[op.id] = Number(op.a);
  }
}

/** One state. */
export class View {
  readonly cpus: number;
  readonly tasks: number;
  readonly groups: number;
  private readonly perCpu: number;
  private readonly firstTask: number;
  private readonly groupOf: readonly number[];

  constructor(
    readonly columns: Columns,
    readonly words: readonly Num[],
    readonly places: Places,
  ) {
    [, , this.cpus, this.tasks, this.groups] = words as number[] as [number, number, number, number, number];
    const { rq, cfs, se } = columns.width;
    this.perCpu = rq + this.groups * cfs + (this.groups - 1) * se;
    this.firstTask = columns.head + this.cpus * this.perCpu;
    this.groupOf = [...places.groupOf];
  }

  get now(): Num {
    return this.words[0]!;
  }

  get warnings(): number {
    return Number(this.words[1]);
  }

  rq(cpu: number, name: string): Num {
    return this.words[this.columns.head + cpu * this.perCpu + this.columns.rq.get(name)!]!;
  }

  cfs(cpu: number, group: number, name: string): Num {
    const { rq, cfs } = this.columns.width;
    return this.words[this.columns.head + cpu * this.perCpu + rq + group * cfs + this.columns.cfs.get(name)!]!;
  }

  /** `on_rq`, `state`, `cpu` ...: what is the task's, not its entity's */
  task(task: number, name: string): number {
    return Number(this.words[this.firstTask + task * this.columns.width.task + this.columns.task.get(name)!]);
  }

  isRealtime(task: number): boolean {
    return this.task(task, 'prio') < MAX_RT_PRIO;
  }

  entityOfTask(task: number): EntityRef {
    const at = this.firstTask + task * this.columns.width.task + this.columns.width.task - this.columns.width.se;
    return { name: task, at };
  }

  entityOfGroup(cpu: number, group: number): EntityRef {
    const { rq, cfs, se } = this.columns.width;
    const at = this.columns.head + cpu * this.perCpu + rq + this.groups * cfs + (group - 1) * se;
    return { name: 1000 + group, at };
  }

  /** The entity that `name` is on this CPU. */
  entity(cpu: number, name: number): EntityRef {
    return name >= 1000 ? this.entityOfGroup(cpu, name - 1000) : this.entityOfTask(name);
  }

  se(entity: EntityRef, name: string): Num {
    return this.words[entity.at + this.columns.se.get(name)!]!;
  }

  big(entity: EntityRef, name: string): bigint {
    return BigInt(this.se(entity, name));
  }

  /** The group whose queue the entity is on. */
  queueOf(name: number): number {
    return (name >= 1000 ? this.places.parentOf[name - 1000] : this.groupOf[name]) ?? 0;
  }

  /** What is queued on the queue of a group, running or not. */
  queued(cpu: number, group: number): EntityRef[] {
    const list: EntityRef[] = [];
    for (let i = 0; i < this.tasks; i++) {
      if (this.groupOf[i] !== group || this.task(i, 'cpu') !== cpu) continue;
      const entity = this.entityOfTask(i);
      if (this.se(entity, 'on_rq') === 1) list.push(entity);
    }
    for (let g = 1; g < this.groups; g++) {
      if (this.places.parentOf[g] !== group) continue;
      const entity = this.entityOfGroup(cpu, g);
      if (this.se(entity, 'on_rq') === 1) list.push(entity);
    }
    return list;
  }

  /** scale_load_down() */
  weight(entity: EntityRef): bigint {
    const scaled = this.big(entity, 'weight') >> 10n;
    return scaled < 2n ? 2n : scaled;
  }

  /** ns of CPU time as virtual time of the entity */
  virtual(entity: EntityRef, ns: bigint): bigint {
    return (ns * NICE_0) / this.weight(entity);
  }

  /** V - v, by the queue's own V */
  lag(cpu: number, entity: EntityRef): bigint {
    const V = BigInt(this.cfs(cpu, this.queueOf(entity.name), 'avg_vruntime()'));
    return low64(V - this.big(entity, 'vruntime'));
  }

  /** Σ w_j (v_j - v) >= 0 over all that is queued beside it, exactly */
  eligible(entity: EntityRef, beside: readonly EntityRef[]): boolean {
    const v = this.big(entity, 'vruntime');
    let sum = 0n;
    for (const other of beside) sum += this.weight(other) * low64(this.big(other, 'vruntime') - v);
    return sum >= 0n;
  }

  deadlineBefore(a: EntityRef, b: EntityRef): boolean {
    return low64(this.big(a, 'deadline') - this.big(b, 'deadline')) < 0n;
  }

  /** The runqueue's clock is now, and what runs on the queue is charged up to it. */
  settled(cpu: number, group: number): boolean {
    if (this.rq(cpu, 'clock') !== this.now) return false;
    const curr = Number(this.cfs(cpu, group, 'curr'));
    return curr < 0 || this.se(this.entity(cpu, curr), 'exec_start') === this.rq(cpu, 'clock_task');
  }
}

/** The difference of two u64. */
export const difference = (a: Num, b: Num): bigint => low64(BigInt(a) - BigInt(b));
