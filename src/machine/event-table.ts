// SPDX-License-Identifier: GPL-2.0-only
/**
 * The one table of events: of each kind, when it may happen and what it does.
 *
 * Whoever makes events asks `legal`, whoever lets them happen asks `apply`, which asks the same.
 */
import type { ApicEvent, EventKind, MachineEvent } from '../scenario/events.js';
import { apicLegal, performAmid, performApic } from './apics.js';
import { arm64Events } from './arm64-events.js';
import { guestEvents } from './guest-events.js';
import { hostEvents } from './host-events.js';
import { hotplugEvents, isOnline } from './hotplug-events.js';
import { setKnob } from './knobs.js';
import { advance, stall } from './pass-time.js';
import { programEvents } from './program-events.js';
import { recordedEvents } from './recorded-events.js';
import type { Rule, Rules } from './rules.js';
import { s390Events } from './s390-events.js';
import type { machine } from './state.js';
import { vmmEvents } from './vmm-events.js';

const timeEvents: Rules<'advance' | 'stall'> = {
  advance: {
    // 0 ns: timers that are due fire
    legal: (_, e) => e.ns >= 0,
    perform: (k, m, e) => advance(k, m, e.ns),
  },
  stall: { legal: apicLegal, perform: (k, m, e) => stall(k, m, e.ns) },
};

const knobEvents: Rules<'knob'> = {
  knob: { legal: () => true, perform: (k, m, e) => setKnob(k, m, e.name, e.value) },
};

const apic: Rule<ApicEvent> = { legal: apicLegal, perform: performApic };

const apicEvents: Rules<Exclude<ApicEvent['ev'], 'stall' | keyof typeof vmmEvents> | 'amid'> = {
  mmio_read: apic,
  write_icr: apic,
  pv_ipi: apic,
  msi: apic,
  pin: apic,
  redirect: apic,
  window: apic,
  enter: apic,
  set_sregs: apic,
  cpuid: apic,
  amid: { legal: apicLegal, perform: performAmid },
};

/** The rules of every kind of event. */
export const eventTable: Rules<EventKind> = {
  ...timeEvents,
  ...hostEvents,
  ...hotplugEvents,
  ...recordedEvents,
  ...guestEvents,
  ...arm64Events,
  ...s390Events,
  ...programEvents,
  ...knobEvents,
  ...vmmEvents,
  ...apicEvents,
};

/** The rules of the event's kind. */
export const ruleOf = <E extends MachineEvent>(event: E): Rule<E> => eventTable[event.ev] as unknown as Rule<E>;

/** Whether the event may happen to the machine as it is now. */
export function legal(m: machine, event: MachineEvent): boolean {
  if ('cpu' in event && !(event.cpu >= 0 && event.cpu < m.rq.length && isOnline(m, event.cpu))) return false;
  return ruleOf(event).legal(m, event);
}
