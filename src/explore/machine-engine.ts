// SPDX-License-Identifier: GPL-2.0-only
/** The machine itself as an engine. */
import { apply } from '../machine/apply.js';
import { boot } from '../machine/boot.js';
import { legal } from '../machine/event-table.js';
import { asBug } from '../machine/exception.js';
import { checkKvm } from '../machine/invariants-kvm.js';
import { checkSched } from '../machine/invariants-sched.js';
import { nextEvent } from '../machine/next-event.js';
import type { machine } from '../machine/state.js';
import type { Engine } from './engine.js';

const witness = (m: machine): string[] => [...checkSched(m), ...checkKvm(m)];

/** WHY not a helper that takes the call: this is called millions of times. */
export const machineEngine: Engine = {
  boot(kernel, scenario) {
    try {
      return boot(kernel, scenario);
    } catch (thrown) {
      throw asBug(thrown);
    }
  },
  apply(k, event) {
    try {
      apply(k, event);
    } catch (thrown) {
      throw asBug(thrown);
    }
  },
  next: nextEvent,
  legal,
  witness,
};
