// SPDX-License-Identifier: GPL-2.0-only
/** Recomputes, from the entities, what a queue keeps in sums, counts and minima: a kernel whose books are wrong is wrong soon. */
import { membersOf, type Schema } from '../../native/format.js';
import { difference, type EntityRef, type View } from './state-view.js';

const low64 = (x: bigint) => BigInt.asIntN(64, x);

/** Columns whose meaning is 6.12's in this tree. */
function comparable(schema: Schema): (column: string) => boolean {
  const other = new Set([...schema.absent, ...[...membersOf(schema).keys()].filter((name) => name.startsWith('h_'))]);
  return (column) => !other.has(column);
}

/** One sentence each. */
export interface Faults {
  /** sums, counts, order, the least vruntime of every subtree */
  readonly books: string[];
  /** the least slice of every subtree */
  readonly slices: string[];
}

/** Tasks in and below a queue: [queued, queued and not delayed]. */
function tasksBelow(view: View, cpu: number, list: readonly EntityRef[]): [number, number] {
  let [queued, runnable] = [0, 0];
  for (const entity of list) {
    if (entity.name < 1000) {
      queued++;
      if (view.se(entity, 'sched_delayed') === 0) runnable++;
    } else {
      queued += Number(view.cfs(cpu, entity.name - 1000, 'h_nr_queued'));
      runnable += Number(view.cfs(cpu, entity.name - 1000, 'h_nr_runnable'));
    }
  }
  return [queued, runnable];
}

/** The tree in order, its minima recomputed on the way; at most `left` nodes, because a broken tree may have circles. */
class Tree {
  readonly order: EntityRef[] = [];
  readonly faults: Faults = { books: [], slices: [] };

  constructor(
    private readonly view: View,
    private readonly cpu: number,
    private readonly where: string,
    private readonly has: (column: string) => boolean,
    private left: number,
  ) {}

  /** The least vruntime and slice of a subtree. */
  walk(name: number): { vruntime: bigint; slice: bigint } | null {
    if (name < 0 || this.left-- <= 0) return null;
    const { view } = this;
    const entity = view.entity(this.cpu, name);
    const below = [this.walk(Number(view.se(entity, 'left')))];
    this.order.push(entity);
    below.push(this.walk(Number(view.se(entity, 'right'))));
    let [vruntime, slice] = [view.big(entity, 'vruntime'), view.big(entity, 'slice')];
    for (const least of below) {
      if (least === null) continue;
      if (low64(least.vruntime - vruntime) < 0n) vruntime = least.vruntime;
      if (BigInt.asUintN(64, least.slice) < BigInt.asUintN(64, slice)) slice = least.slice;
    }
    this.expect(entity, 'min_vruntime', vruntime);
    this.expect(entity, 'min_slice', slice);
    return { vruntime, slice };
  }

  private expect(entity: EntityRef, column: string, want: bigint): void {
    const got = this.view.big(entity, column);
    if (this.has(column) && got !== want)
      this.faults[column === 'min_slice' ? 'slices' : 'books'].push(
        `${this.where}: ${column} of entity ${entity.name} is ${got}, its subtree makes ${want}`,
      );
  }
}

function treeFaults(view: View, cpu: number, group: number, inTree: number, has: (column: string) => boolean): Faults {
  const where = `cpu[${cpu}].cfs[${group}]`;
  const tree = new Tree(view, cpu, where, has, inTree + 1);
  tree.walk(Number(view.cfs(cpu, group, 'root')));
  const { books, slices } = tree.faults;
  if (tree.order.length !== inTree) books.push(`${where}: ${tree.order.length} entities in the tree, ${inTree} queued`);
  for (const [i, entity] of tree.order.entries()) {
    if (i > 0 && view.deadlineBefore(entity, tree.order[i - 1]!))
      books.push(`${where}: the tree has entity ${entity.name} behind one of a later deadline`);
  }
  const leftmost = Number(view.cfs(cpu, group, 'leftmost'));
  if (leftmost !== (tree.order[0]?.name ?? -1)) books.push(`${where}: leftmost is entity ${leftmost}`);
  return { books, slices };
}

/** Where the books of a state are not what its entities make. */
export function structureFaults(schema: Schema, view: View): Faults {
  const [faults, slices]: [string[], string[]] = [[], []];
  const has = comparable(schema);
  const members = membersOf(schema);
  for (let cpu = 0; cpu < view.cpus; cpu++) {
    for (let group = 0; group < view.groups; group++) {
      const list = view.queued(cpu, group);
      const curr = Number(view.cfs(cpu, group, 'curr'));
      const inTree = list.filter((entity) => entity.name !== curr);
      const zero = view.cfs(cpu, group, 'zero_vruntime');
      let [load, weight, sum] = [0n, 0n, 0n];
      for (const entity of list) load += view.big(entity, 'weight');
      for (const entity of inTree) {
        weight += view.weight(entity);
        sum += difference(view.se(entity, 'vruntime'), zero) * view.weight(entity);
      }
      const expect = (column: string, want: bigint) => {
        const got = BigInt(view.cfs(cpu, group, column));
        if (has(column) && low64(got) !== low64(want))
          faults.push(
            `cpu[${cpu}].cfs[${group}].${members.get(column) ?? column} is ${got}, its entities make ${low64(want)}`,
          );
      };
      const [queued, runnable] = tasksBelow(view, cpu, list);
      expect('nr_queued', BigInt(list.length));
      expect('load', load);
      expect('sum_weight', weight);
      expect('sum_w_vruntime', sum);
      expect('h_nr_queued', BigInt(queued));
      expect('h_nr_runnable', BigInt(runnable));
      const next = Number(view.cfs(cpu, group, 'next'));
      const buddy = list.find((entity) => entity.name === next);
      if (next >= 0 && buddy === undefined)
        faults.push(`cpu[${cpu}].cfs[${group}].next is ${next}, which is not queued`);
      if (buddy !== undefined && view.se(buddy, 'sched_delayed') !== 0)
        faults.push(`cpu[${cpu}].cfs[${group}].next is ${next}, which is delayed`);
      const tree = treeFaults(view, cpu, group, inTree.length, has);
      faults.push(...tree.books);
      slices.push(...tree.slices);
    }
  }
  return { books: faults, slices };
}
