// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import {
  type Actor,
  acknowledge,
  createActor,
  dueIn,
  elapse,
  type GuestVm,
  stepActor,
  takeInterrupt,
} from '../../src/guest/actor.js';
import type { Program } from '../../src/guest/instructions.js';

const vm = (lockKind: 'ticket' | 'tas'): GuestVm => ({
  lockKind,
  locks: [{ holder: -1, queue: [] }],
  handler_ns: 2000,
});

/** Its PAUSE window is 1500 ns. */
const spawn = (program: number): Actor => ({ ...createActor(program), window_ns: 1500 });

/** Gives the actor the CPU until it asks for something. */
function run(programs: Program[], actor: Actor, world: GuestVm, self: number): { ns: number; ask: string } {
  let ns = 0;
  for (let i = 0; i < 50; i++) {
    const due = dueIn(actor, world, self);
    elapse(actor, due);
    ns += due;
    const request = stepActor(programs, actor, world, self);
    if (request.ask !== 'nothing') return { ns, ask: request.ask };
  }
  throw new Error('asks for nothing');
}

const critical: Program = [
  { op: 'lock', lock: 0 },
  { op: 'compute', ns: 5000 },
  { op: 'unlock', lock: 0 },
  { op: 'hlt' },
];

describe('a program in execution', () => {
  it('computes for as long as it says', () => {
    const actor = spawn(0);
    expect(run([[{ op: 'compute', ns: 700 }, { op: 'hlt' }]], actor, vm('tas'), 0)).toEqual({ ns: 700, ask: 'hlt' });
    expect(actor.laps).toBe(1);
  });

  it('spins with one PAUSE exit a window while another holds the lock', () => {
    const world = vm('tas');
    const [a, b] = [spawn(0), spawn(0)];
    stepActor([critical], a, world, 0);
    expect(run([critical], b, world, 1)).toEqual({ ns: 1500, ask: 'pause' });
    expect(run([critical], b, world, 1)).toEqual({ ns: 1500, ask: 'pause' });
    expect(run([critical], a, world, 0)).toEqual({ ns: 5000, ask: 'hlt' });
    expect(run([critical], b, world, 1)).toEqual({ ns: 5000, ask: 'hlt' });
  });

  it('a ticket lock is handed over in order, to a waiter that does not run as well', () => {
    const world = vm('ticket');
    const actors = [spawn(0), spawn(0), spawn(0)];
    for (const self of [0, 1, 2]) stepActor([critical], actors[self], world, self);
    run([critical], actors[0], world, 0);
    expect(world.locks[0].holder).toBe(1);
    expect(dueIn(actors[2], world, 2)).toBe(1500);
    expect(dueIn(actors[1], world, 1)).toBe(0);
  });

  it('a test-and-set lock goes to whoever looks first', () => {
    const world = vm('tas');
    const actors = [spawn(0), spawn(0), spawn(0)];
    for (const self of [0, 1, 2]) stepActor([critical], actors[self], world, self);
    run([critical], actors[0], world, 0);
    stepActor([critical], actors[2], world, 2);
    expect(world.locks[0]).toEqual({ holder: 2, queue: [1] });
  });

  it('waits for the acknowledgement of every IPI it sent', () => {
    const world = vm('tas');
    const program: Program = [{ op: 'ipi', to: 1, vector: 0xf1 }, { op: 'waitAck' }, { op: 'hlt' }];
    const [sender, receiver] = [spawn(0), spawn(-1)];
    expect(run([program], sender, world, 0).ask).toBe('ipi');
    expect(run([program], sender, world, 0).ask).toBe('pause');
    takeInterrupt(receiver, 0xf1, world.handler_ns);
    expect(run([program], receiver, world, 1)).toEqual({ ns: 2000, ask: 'eoi' });
    acknowledge([sender], 1, 0xf1);
    expect(run([program], sender, world, 0)).toEqual({ ns: 0, ask: 'hlt' });
  });

  it('an interrupt stops the clock of the instruction under it', () => {
    const world = vm('tas');
    const program: Program = [{ op: 'compute', ns: 1000 }, { op: 'hlt' }];
    const actor = spawn(0);
    stepActor([program], actor, world, 0);
    elapse(actor, 400);
    takeInterrupt(actor, 0x40, 2000);
    expect(run([program], actor, world, 0)).toEqual({ ns: 2000, ask: 'eoi' });
    actor.handlers.pop();
    expect(run([program], actor, world, 0)).toEqual({ ns: 600, ask: 'hlt' });
  });
});
