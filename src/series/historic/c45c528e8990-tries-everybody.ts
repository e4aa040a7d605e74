// SPDX-License-Identifier: GPL-2.0-only
/** Before c45c528e8990 (v3.9): a spinner asks for all of its VM, however pointless. */
import { defineSeries } from '../series.js';
import { spinScan } from './on-spin.js';

export default defineSeries({
  id: 'revert-c45c528e8990',
  title: 'a spinner asks for all of its VM, however pointless',
  base: 'v6.1',
  notices: 'more than three answers of -ESRCH in one pause exit',
  patches: [
    {
      subject: 'Revert "kvm: Handle yield_to failure return code for potential undercommit case"',
      commit: 'c45c528e8990',
      funcs: { kvm_vcpu_on_spin: spinScan({ tries: true }) as never },
    },
  ],
});
