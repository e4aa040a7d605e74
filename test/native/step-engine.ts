// SPDX-License-Identifier: GPL-2.0-only
/** The kernel's own code as an engine of single steps, as the replay drives the model. */

import type { Engine } from '../../src/conform/sched/model-engine.js';
import type { NativeEngine } from '../../src/native/engine.js';
import { type ConformState, operation } from '../../src/operation/sched.js';

/** A native engine, reset and driven one operation at a time. Throws where the kernel would have died. */
export function stepEngine(native: NativeEngine): Engine {
  native.reset();
  let state: ConformState | null = null;
  const look = (more: boolean) => native.run([operation('ADVANCE')], more ? 'more' : 'state').results[0]!;
  return {
    execute(op) {
      const { results, ending } = native.run([op]);
      if (ending !== null) throw new Error(`${ending.kind}: ${ending.what}`);
      state = native.decode(results[0]!);
      return Number(results[0]!.r);
    },
    state() {
      state ??= native.decode(look(false));
      return state;
    },
    words: (more) => [...look(more).words],
  };
}
