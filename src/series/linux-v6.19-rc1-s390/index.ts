// SPDX-License-Identifier: GPL-2.0-only
/**
 * v6.19-rc1 built for s390, on the pin built for s390: what kernel/sched and virt/kvm do otherwise. Of x86's half nothing is linked.
 *
 * DEVIATION DV-681: s390's half is the pin's: arch/s390/kvm of v6.19-rc1 was not read.
 */
import { kvm } from '../linux-v6.19-rc1/kvm.js';
import { sched } from '../linux-v6.19-rc1/sched.js';
import { defineSeries, type Series } from '../series.js';

/** 3e7f43188ee2 and 32bd348be3fa: to virt/kvm/kvm_main.c; the others are x86's. */
const GENERIC = ['3e7f43188ee2', '32bd348be3fa'];

export default defineSeries({
  id: 'v6.19-rc1-s390',
  title: 'Linux v6.19-rc1, built for s390',
  base: 'v6.12.117-s390',
  release: true,
  patches: [...sched, ...kvm.filter(({ commit }) => GENERIC.includes(commit ?? ''))] as Series['patches'],
});
