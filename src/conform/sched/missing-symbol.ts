// SPDX-License-Identifier: GPL-2.0-only
/**
 * What a tree calls and nothing here provides says nothing about the tree: a sequence counts up to such a call, and a
 * question that comes to one is skipped.
 */
import type { Batch, Ending, NativeEngine } from '../../native/engine.js';
import type { Operation } from '../../operation/sched.js';
import type { LockstepEngine, LockstepRun } from './differ.js';

/** The function that a kernel ended in because it is missing; null for an end of the kernel's own. */
export const missingIn = (
  ending: Pick<Ending, 'kind' | 'what'> | { kind: string; what: string } | null,
): string | null => (ending !== null && ending.kind === 'trap' ? ending.what : null);

class Missing extends Error {}

/** The engine, whose runs throw where something is missing. */
function strict(engine: NativeEngine): NativeEngine {
  return new Proxy(engine, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'run') return value.bind(target);
      return (...given: Parameters<NativeEngine['run']>): Batch => {
        const batch = target.run(...given);
        const symbol = missingIn(batch.ending);
        if (symbol !== null) throw new Missing(symbol);
        return batch;
      };
    },
  });
}

/** What `ask` says of the engine; `skipped` with the function that it came to and nothing provides. */
export function askOrSkip<V>(
  engine: NativeEngine,
  ask: (engine: NativeEngine) => V,
): V | { readonly verdict: 'skipped'; readonly evidence: string } {
  try {
    return ask(strict(engine));
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    return { verdict: 'skipped', evidence: `${error.message}() is called, which is not provided here` };
  }
}

/** Both engines cut where the patched one calls what is missing: they agree as far as it can be told. */
export function upToMissing(
  base: LockstepEngine,
  patched: LockstepEngine,
): { base: LockstepEngine; patched: LockstepEngine; missing: ReadonlySet<string> } {
  const missing = new Set<string>();
  let last: { ops: readonly Operation[]; run: LockstepRun } | null = null;
  const ofPatched = (ops: readonly Operation[]): LockstepRun => {
    if (last?.ops !== ops) last = { ops, run: patched.run(ops) };
    return last.run;
  };
  return {
    missing,
    base: {
      name: base.name,
      run(ops) {
        const run = base.run(ops);
        const { ending } = ofPatched(ops);
        const symbol = missingIn(ending);
        if (symbol === null || ending === null || run.answers.length <= ending.op) return run;
        missing.add(symbol);
        return { answers: run.answers.slice(0, ending.op), ending };
      },
    },
    patched: { name: patched.name, run: ofPatched },
  };
}
