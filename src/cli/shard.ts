// SPDX-License-Identifier: GPL-2.0-only
/** Which part of a campaign is this process's: said on the command line, or by the batch engine that started it. */
import type { Options } from './options.js';

export interface Shard {
  /** from 0 */
  index: number;
  of: number;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * `--shard 3/64`. Without it: a Slurm array (SLURM_ARRAY_TASK_ID, _MIN, _COUNT), or an Indexed Job of Kubernetes
 * (JOB_COMPLETION_INDEX, with KVMODEL_SHARDS for its number of completions, which Kubernetes does not say).
 */
export function shardOf(given: string | undefined, env: Env, o: Options): Shard | undefined {
  if (given !== undefined) return parsed('--shard', given, o);
  const task = env['SLURM_ARRAY_TASK_ID'];
  if (task !== undefined) {
    const index = Number(task) - Number(env['SLURM_ARRAY_TASK_MIN'] ?? '0');
    return parsed('SLURM_ARRAY_TASK_ID', `${index}/${env['SLURM_ARRAY_TASK_COUNT'] ?? '?'}`, o);
  }
  const completion = env['JOB_COMPLETION_INDEX'];
  if (completion === undefined) return undefined;
  return parsed('JOB_COMPLETION_INDEX', `${completion}/${env['KVMODEL_SHARDS'] ?? '?'}`, o);
}

function parsed(place: string, text: string, o: Options): Shard | undefined {
  const [, i, n] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? [];
  const [index, of] = [Number(i), Number(n)];
  if (i !== undefined && index < of) return { index, of };
  o.fault(place, 'I/N with I from 0 to N - 1', JSON.stringify(text));
  return undefined;
}
