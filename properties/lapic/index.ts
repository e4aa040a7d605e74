// SPDX-License-Identifier: GPL-2.0-only
/** All properties of the local APIC. */
import { deliveryProperties } from './delivery.js';
import type { ApicProperty } from './engine.js';
import { serviceProperties } from './service.js';
import { timerProperties } from './timer.js';

export const lapicProperties: readonly ApicProperty[] = [
  ...serviceProperties,
  ...deliveryProperties,
  ...timerProperties,
];
