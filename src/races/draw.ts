// SPDX-License-Identifier: GPL-2.0-only
/** Cases that chance draws: two to four CPUs, as many vCPUs or one more, up to six operations each. */
import { drawBelow } from '../machine/rng.js';
import { FLAGS, hasTarget, hasVector, type Op, type OpName, type RaceCase, WAYS } from './world.js';

/** How often each operation is drawn, relative to the others. */
const WEIGHTS: readonly [OpName, number][] = [
  ['ipi', 8],
  ['hlt', 6],
  ['pause', 2],
  ['kick', 2],
  ['exit', 2],
  ['cli', 2],
  ['sti', 2],
  ['nmi', 1],
  ['all', 1],
  ['self', 1],
  ['yield', 1],
  ['preempt', 1],
];
const OPS_MAX = 6;

interface Chance {
  rng: number;
}

function drawOf<T>(chance: Chance, of: readonly T[]): T {
  return of[drawBelow(chance, of.length)];
}

function drawOp(chance: Chance, vcpus: number, self: number): Op {
  let at = drawBelow(
    chance,
    WEIGHTS.reduce((sum, [, weight]) => sum + weight, 0),
  );
  const [op] = WEIGHTS.find(([, weight]) => {
    at -= weight;
    return at < 0;
  }) as [OpName, number];
  // one's own vCPU now and then
  const other = (self + 1 + drawBelow(chance, vcpus - 1)) % vcpus;
  const to = hasTarget(op) ? (drawBelow(chance, 12) === 0 ? self : other) : -1;
  // of thirteen priority classes; that two senders use the same one happens
  const vector = hasVector(op) ? 0x20 + drawBelow(chance, 13) * 0x10 + drawBelow(chance, 2) : -1;
  return { op, to, vector };
}

/** A case; `chance.rng` is a state of `seedRng`, and moves on. */
export function drawCase(chance: Chance): RaceCase {
  const cpus = 2 + drawBelow(chance, 3);
  const vcpus = Math.min(4, cpus + drawBelow(chance, 2));
  const way = drawOf(chance, Object.keys(WAYS));
  const flags = FLAGS.filter((flag) => {
    // a guest that is descheduled between its two stores to an xAPIC's ICR is not modelled
    if (flag === 'xapic' && vcpus > cpus) return false;
    return drawBelow(chance, 4) === 0;
  });
  const programs = Array.from({ length: vcpus }, (_, self) =>
    Array.from({ length: 1 + drawBelow(chance, OPS_MAX) }, () => drawOp(chance, vcpus, self)),
  );
  return { way, flags, cpus, programs };
}
