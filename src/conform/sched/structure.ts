// SPDX-License-Identifier: GPL-2.0-only
/** Recomputes, from the entities, what a queue keeps in sums: a kernel whose sums are wrong is wrong soon. */
import type { Schema } from '../../native/format.js';
import type { ConformState, Word } from '../../operation/sched.js';

const WEIGHT_SHIFT = 10n;
const low64 = (x: bigint) => BigInt.asIntN(64, x);

/** The entity's row, and the queue it is on as `cpu/group`. */
interface Row {
  readonly name: number;
  readonly values: readonly Word[];
}

/**
 * Where the sums of a state (with `more` columns) are not those of its entities: one sentence a queue, or none.
 * `groupOf` says which group a task is in, `parentOf` which group a group is in.
 */
export function structureFaults(
  schema: Schema,
  state: ConformState,
  groupOf: readonly number[],
  parentOf: readonly number[],
): string[] {
  const faults: string[] = [];
  const task = (name: string) => schema.task.indexOf(name);
  const se = (name: string) => schema.se.indexOf(name);
  const cfs = (name: string) => schema.cfs.indexOf(name);
  for (const [c, cpu] of state.cpu.entries()) {
    for (const [g, queue] of cpu.cfs.entries()) {
      const rows: Row[] = [];
      for (const [i, row] of state.t.entries()) {
        const here = groupOf[i] === g && row[task('cpu')] === c;
        if (here) rows.push({ name: i, values: row.slice(schema.task.length) });
      }
      for (const [child, row] of cpu.gse.entries()) {
        if (row !== null && parentOf[child] === g) rows.push({ name: 1000 + child, values: row });
      }
      const queued = rows.filter((row) => row.values[se('on_rq')] === 1);
      const inTree = queued.filter((row) => row.name !== queue[cfs('curr')]);
      const zero = BigInt(queue[cfs('zero_vruntime')]!);
      let [load, weight, sum] = [0n, 0n, 0n];
      for (const row of queued) load += BigInt(row.values[se('weight')]!);
      for (const row of inTree) {
        const scaled = BigInt(row.values[se('weight')]!) >> WEIGHT_SHIFT;
        const w = scaled < 2n ? 2n : scaled;
        weight += w;
        sum += low64(BigInt(row.values[se('vruntime')]!) - zero) * w;
      }
      const expect = (name: string, want: bigint) => {
        const got = BigInt(queue[cfs(name)]!);
        if (low64(got) !== low64(want))
          faults.push(`cpu[${c}].cfs[${g}].${name} is ${got}, its entities make ${low64(want)}`);
      };
      expect('nr_queued', BigInt(queued.length));
      expect('load', load);
      expect('sum_weight', weight);
      expect('sum_w_vruntime', sum);
    }
  }
  return faults;
}
