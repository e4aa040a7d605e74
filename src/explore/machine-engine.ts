// SPDX-License-Identifier: GPL-2.0-only
/** The machine itself as an engine. */
import { apply } from '../machine/apply.js';
import { boot } from '../machine/boot.js';
import { legal } from '../machine/event-table.js';
import { checkKvm } from '../machine/invariants-kvm.js';
import { checkSched } from '../machine/invariants-sched.js';
import { nextEvent } from '../machine/next-event.js';
import type { machine } from '../machine/state.js';
import type { Engine } from './engine.js';

const witness = (m: machine): string[] => [...checkSched(m), ...checkKvm(m)];

export const machineEngine: Engine = { boot, apply, next: nextEvent, legal, witness };
