// SPDX-License-Identifier: GPL-2.0-only
/** Paravirt Scheduling (Dynamic vcpu priority management), v2, on the pin in place of v6.8.2, as far as its patches are known. */
import { defineSeries } from '../series.js';
import framework from './0001-pvsched-paravirt-scheduling-framework.js';
import kvm from './0002-kvm-Implement-the-paravirt-sched-framework-for-kvm.js';
import manage from './0003-kvm-interface-for-managing-pvsched-driver-for-guest-V.js';
import type { Adds } from './adds.js';

export default defineSeries<Adds>({
  id: 'pvsched-v2',
  title: 'Paravirt Scheduling (Dynamic vcpu priority management), v2, patches 1 to 3',
  base: 'v6.12.117',
  cover: '20240403140116.3002809-1-vineeth@bitbyteword.org',
  patches: [framework, kvm, manage],
});
