// SPDX-License-Identifier: GPL-2.0-only
/** vcpu_is_preempted() of arm64, as first proposed by the author of the tables. */
import { defineSeriesArm64 } from '../series-arm64.js';
import calls from './0001-arm64-kvm-define-pv_state-SMCCC-HV-calls.js';
import guest, { type Adds as GuestAdds } from './0002-arm64-add-guest-pvstate-support.js';
import host, { type Adds as HostAdds } from './0003-arm64-add-host-pvstate-support.js';
import asked from './0004-arm64-do-not-use-dummy-vcpu_is_preempted-anymore.js';

export default defineSeriesArm64<GuestAdds & HostAdds>({
  id: 'preempted-rfc-2020',
  title: "arm64: teach a guest's scheduler that vCPUs can be preempted, RFC of 2020",
  base: 'v6.12.117-arm64',
  cover: '20200721041742.197354-1-sergey.senozhatsky@gmail.com',
  patches: [calls, guest, host, asked],
});
