// SPDX-License-Identifier: GPL-2.0-only
/** The family about interrupts: local APICs, the way to them, and their timers. */
import type { Claim } from '../vocabulary.js';
import { accessProperties } from './access.js';
import { deliveryProperties } from './delivery.js';
import { icrProperties } from './icr.js';
import { registerProperties } from './registers.js';
import { restoreProperties } from './restore.js';
import { serviceProperties } from './service.js';
import { threadProperties } from './threads.js';
import { timerProperties } from './timer.js';
import { virtualProperties } from './virtual.js';

export const interrupts: Claim = {
  id: 'interrupts',
  words: 'no interrupt is lost, doubled, early or misdirected',
  properties: [
    ...serviceProperties,
    ...deliveryProperties,
    ...timerProperties,
    ...threadProperties,
    ...registerProperties,
    ...icrProperties,
    ...accessProperties,
    ...restoreProperties,
    ...virtualProperties,
  ],
};
