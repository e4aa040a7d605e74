// SPDX-License-Identifier: GPL-2.0-only
/** Paravirt scheduling, the late generation of v3, on v6.19 in place of v7.1: a reconstruction, see cover.md. */
import { defineSeries } from '../series.js';
import budgets from './0001-pvsched-budgets-as-debt.js';
import attributes from './0002-sched-attributes-without-priority-inheritance.js';
import policy from './0003-pvsched-default-policy.js';
import runtime from './0004-pvsched-runner-runtime.js';
import hooks from './0005-KVM-x86-tell-of-runs-entries-exits-and-halts.js';
import attach from './0006-pvsched-attach-a-page-of-a-guest.js';
import guest from './0007-pvsched-guest-core.js';
import type { Adds } from './adds.js';

export default defineSeries<Adds>({
  id: 'pvsched-v3',
  title: 'Paravirt scheduling, v3 (late generation), reconstructed',
  base: 'v6.19',
  patches: [budgets, attributes, policy, runtime, hooks, attach, guest],
});
