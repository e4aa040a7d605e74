// SPDX-License-Identifier: GPL-2.0-only
/** Calls of one function that differ with a fix and without it, and which of the two the function of a tree follows. */
import { count } from '../../base/text.js';
import type { ExtractEngine } from '../../native/extract/engine.js';
import type { Mirror } from '../../native/mirrors.js';
import type { Kernel } from '../../vmlinux/bind.js';
import { CASES, type Holder, holders, vendorsOf } from '../held/compare.js';
import { xorshift32 } from '../sched/generate.js';
import type { KnownBug } from './known-bugs.js';
import { type Sign, untried } from './sign.js';

/** Calls that are drawn, and of those that tell, how many are made in C. */
const DRAWN = 4000;
const TELLING = 16;

/** Functions of the fix that can be called alone. */
export function aloneOf({ functions }: KnownBug): string[] {
  const alone = new Set(CASES.x86.map((one) => one.as ?? one.name));
  return functions.filter((name) => alone.has(name));
}

interface Voices {
  fixed: number;
  buggy: number;
  other: string;
  otherwise: number;
}

/** Calls with seeds from 1 on, until enough of them tell the two kernels apart. */
function listen(fixed: readonly Holder[], buggy: Holder, voices: Voices, most: number): void {
  const [own] = fixed;
  for (let seed = 1, told = 0; seed <= DRAWN && told < most; seed++) {
    const { call, sleeps } = own!.make(xorshift32(seed));
    const without = buggy.ours(call, sleeps);
    if (buggy.notModelled !== '') continue;
    // a later release has the fix as well: one that does as the buggy kernel does says nothing
    const answers = fixed.flatMap((holder) => {
      const answer = holder.ours(call, sleeps);
      return holder.notModelled === '' && holder.difference(without, answer) !== null ? [answer] : [];
    });
    if (answers.length === 0 || own!.difference(without, own!.ours(call, sleeps)) === null) continue;
    told++;
    const [here] = own!.native([call]);
    const apart = answers.map((answer) => own!.difference(answer, here!));
    if (apart.includes(null)) voices.fixed++;
    else if (own!.difference(without, here!) === null) voices.buggy++;
    else {
      voices.otherwise++;
      const { what, native, model } = apart[0]!;
      voices.other ||= `${what} is ${native}, with the fix ${model}`;
    }
  }
}

/** `others` are released kernels that have the fix, beside the one it is put back on. */
export function functionSign(
  bug: KnownBug,
  name: string,
  engine: ExtractEngine,
  list: readonly Mirror[],
  others: readonly Kernel[],
): Sign {
  const alone = `${name}() alone`;
  const f = engine.built.held.find((one) => one.as === name);
  if (f === undefined) {
    const why = engine.built.left.find(({ held }) => held.as === name)?.why ?? 'the tree has no such function';
    return untried(alone, why);
  }
  const voices: Voices = { fixed: 0, buggy: 0, otherwise: 0, other: '' };
  const vendors = vendorsOf('x86', f);
  for (const vendor of vendors) {
    const of = (kernel: Kernel): Holder => holders(kernel, engine, 'x86', list)(f, vendor);
    listen([bug.fixed, ...others].map(of), of(bug.buggy), voices, Math.ceil(TELLING / vendors.length));
  }
  const all = voices.fixed + voices.buggy + voices.otherwise;
  if (all === 0) return untried(alone, `no call found: ${DRAWN} random ones do not show it on the model`);
  const tried = `${alone}, ${count(all, 'call')}`;
  if (voices.otherwise === 0 && voices.buggy === 0) return { tried, like: 'fixed', otherwise: '', sequence: '' };
  if (voices.otherwise === 0 && voices.fixed === 0) return { tried, like: 'buggy', otherwise: '', sequence: '' };
  const { fixed, buggy, otherwise, other } = voices;
  const parts = `${fixed} as with the fix, ${buggy} as without it, ${otherwise} in neither way`;
  return { tried, like: null, otherwise: other === '' ? parts : `${parts}: ${other}`, sequence: '' };
}
