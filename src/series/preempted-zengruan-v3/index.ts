// SPDX-License-Identifier: GPL-2.0-only
/** arm64: vcpu_is_preempted() by one call of KVM\'s own, v3 of 2020. */
import { defineSeriesArm64 } from '../series-arm64.js';
import probe from './0001-arm-arm64-Probe-for-the-presence-of-KVM-hypervisor-ser.js';
import uid from './0002-arm-arm64-KVM-Advertise-KVM-UID-to-guests-via-SMCCC.js';
import calls from './0004-KVM-arm64-Add-SMCCC-paravirtualised-lock-calls.js';
import host, { type HostAdds } from './0005-KVM-arm64-Support-pvlock-preempted-via-shared-structu.js';
import attributes, { type AttrAdds } from './0006-KVM-arm64-Provide-vcpu-attributes-for-PV-lock.js';
import asked, { type Adds } from './0007-KVM-arm64-Add-interface-to-support-VCPU-preempted-check.js';
import guest, { type GuestAdds } from './0008-KVM-arm64-Support-the-VCPU-preemption-check.js';

export default defineSeriesArm64<HostAdds & AttrAdds & Adds & GuestAdds>({
  id: 'preempted-zengruan-v3',
  title: "arm64: vcpu_is_preempted() by one call of KVM's own, v3 of 2020",
  base: 'v6.12.117-arm64',
  cover: '20200116124626.1155-1-yezengruan@huawei.com',
  patches: [probe, uid, calls, host, attributes, asked, guest],
});
