// SPDX-License-Identifier: GPL-2.0-only
/**
 * The life of one vector in one local APIC: IRR, ISR, EOI.
 *
 *   absent      in neither register
 *   pending     in IRR: accepted, not yet taken
 *   inService   in ISR: taken, not yet ended
 *   both        taken and accepted anew
 */
import { setup } from 'xstate';
import { type LifeConfig, lifeTable } from './life-table.js';

export type InterruptState = 'absent' | 'pending' | 'inService' | 'both';
export type InterruptEvent = 'accept' | 'ack' | 'eoi';

export const interruptLifeConfig: LifeConfig<InterruptState, InterruptEvent> = {
  id: 'interrupt',
  initial: 'absent',
  states: {
    absent: { on: { accept: 'pending' } },
    pending: { on: { accept: 'pending', ack: 'inService' } },
    inService: { on: { accept: 'both', eoi: 'absent' } },
    both: { on: { accept: 'both', eoi: 'pending' } },
  },
};

export const interruptLife = lifeTable(interruptLifeConfig);

export const interruptLifeMachine = setup({ types: { events: {} as { type: InterruptEvent } } }).createMachine(
  interruptLifeConfig as never,
);

/** The state from the two register bits. */
export function interruptStateOf(irr: boolean, isr: boolean): InterruptState {
  if (isr) return irr ? 'both' : 'inService';
  return irr ? 'pending' : 'absent';
}
