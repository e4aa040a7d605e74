// SPDX-License-Identifier: GPL-2.0-only
/** The family about KVM and the host's scheduler: directed yield, halting, kicks and requests. */
import type { Claim } from '../vocabulary.js';
import { haltProperties } from './kvm-halt.js';
import { kickProperties } from './kvm-kick.js';
import { windowProperties } from './kvm-window.js';
import { yieldProperties } from './kvm-yield.js';

export const kvm: Claim = {
  id: 'kvm',
  words: 'a vCPU is reached, sleeps and is yielded to as KVM means',
  properties: [...yieldProperties, ...haltProperties, ...kickProperties, ...windowProperties],
};
