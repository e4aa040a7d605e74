// SPDX-License-Identifier: GPL-2.0-only
/**
 * Bugs that Linux once had, each put back as a small series: faults with which a property shows that it can fail.
 *
 * revert-COMMIT takes the fix of that commit back; mutant-NAME never was in a release.
 */
import type { Series } from '../series.js';
import revert0fc5a36dd6b3 from './0fc5a36dd6b3-eoi-of-moved-pin.js';
import revert2f2fc17bab00 from './2f2fc17bab00-stale-slice.js';
import revert5b84b0291702 from './5b84b0291702-aliased-xapic-id.js';
import revert6cd88243c7e0 from './6cd88243c7e0-preempted-amidst-an-exit.js';
import revert6d1cafd8b56e from './6d1cafd8b56e-yield_to-own-cpu.js';
import revert7b270f609982 from './7b270f609982-yield_to-when-pointless.js';
import revert7fbc85a5fb2b from './7fbc85a5fb2b-ple-window-overflow.js';
import revert11b1b8bc2b98 from './11b1b8bc2b98-reweight-stale-curr.js';
import revert17d68b763f09 from './17d68b763f09-cluster-beyond-map.js';
import revert17e433b54393 from './17e433b54393-dy_runnable-reads-vmcs.js';
import revert18ab3fc8e880 from './18ab3fc8e880-timer-catches-up.js';
import revert32bd348be3fa from './32bd348be3fa-last_boosted-offset.js';
import revert35fe7cfbab2e from './35fe7cfbab2e-set_lapic-hv-timer.js';
import revert44d527170731 from './44d527170731-map-clean-too-early.js';
import revert52acd22faa1a from './52acd22faa1a-pending-interrupt.js';
import revert73b42dc69be8 from './73b42dc69be8-icr-in-one-piece.js';
import revert97b6847ac10b from './97b6847ac10b-halt-poll-capped-late.js';
import revert046ddeed0461 from './046ddeed0461-gate-on-the-woken.js';
import revert493afbd187c4 from './493afbd187c4-delayed-buddy.js';
import revert650cad561cce from './650cad561cce-avg_vruntime-floor.js';
import revert1560d1f6eb6b from './1560d1f6eb6b-reweight-unclamped-lag.js';
import revert3429dd57f0de from './3429dd57f0de-delayed-group-counted.js';
import revert4364b287982b from './4364b287982b-id-beyond-map.js';
import revert5063c41bebac from './5063c41bebac-aliased-logical-id.js';
import revert66951e4860d3 from './66951e4860d3-empty-group-reweighted.js';
import revert79104becf42b from './79104becf42b-no-forfeit.js';
import revert118964562969 from './118964562969-preempted-outside-run.js';
import revertaf28dfacbe00 from './af28dfacbe00-set_lapic-keeps-map.js';
import revertafae8002b4fd from './afae8002b4fd-reweight-average-too-late.js';
import revertb3d99f43c72b from './b3d99f43c72b-zero_vruntime-of-a-lone-runner.js';
import revertb963a22e6d1a from './b963a22e6d1a-tmcct-divides-by-zero.js';
import revertb2849bec936b from './b2849bec936b-svi-stale.js';
import revertb043138246a4 from './b043138246a4-flush-lost.js';
import revertbbce3de72be5 from './bbce3de72be5-delayed-group-slice.js';
import revertbdf7ffc89922 from './bdf7ffc89922-pv-ipi-beyond-map.js';
import revertc5ae366e12db from './c5ae366e12db-buddy-off-queue.js';
import revertcd9626e9ebc7 from './cd9626e9ebc7-delayed-is-preempted.js';
import revertd3ddef46f22e from './d3ddef46f22e-irr_pending-after-toggle.js';
import revertd4ac164bde7a from './d4ac164bde7a-lone-entity-resched.js';
import revertd32960528702 from './d32960528702-idle-policy-weight.js';
import reverte9cb61055fee from './e9cb61055fee-stale-pv_unhalted.js';
import reverteab03c23c2a1 from './eab03c23c2a1-reweight-vruntime.js';
import revertf210f7572bed from './f210f7572bed-irr_pending-before-irr.js';
import revertf553741ac8c0 from './f553741ac8c0-idle-keeps-protection.js';
import revertfc1892becd56 from './fc1892becd56-delayed-is-runnable.js';
import revertfdba608f15e2 from './fdba608f15e2-posted-to-oneself.js';
import mutantBuddiesStay from './mutant-buddies-stay.js';
import mutantForfeitAlways from './mutant-forfeit-always.js';
import mutantNoDelayZero from './mutant-no-delay-zero.js';
import mutantUnsignedEligible from './mutant-unsigned-eligible.js';
import mutantUnsignedEntityBefore from './mutant-unsigned-entity_before.js';
import mutantUnsignedMinVruntime from './mutant-unsigned-min_vruntime.js';
import mutantZeroVruntimeWithoutSum from './mutant-zero_vruntime-without-sum.js';
import revertPprCr8Refresh from './ppr-without-cr8-refresh.js';

export const historic: readonly Series[] = [
  revert32bd348be3fa,
  revert046ddeed0461,
  revert52acd22faa1a,
  revert17e433b54393,
  revert6cd88243c7e0,
  revertfdba608f15e2,
  revert97b6847ac10b,
  revert7fbc85a5fb2b,
  revertb2849bec936b,
  revert118964562969,
  revert11b1b8bc2b98,
  revert1560d1f6eb6b,
  revert2f2fc17bab00,
  revert3429dd57f0de,
  revert493afbd187c4,
  revert650cad561cce,
  revert66951e4860d3,
  revert6d1cafd8b56e,
  revert79104becf42b,
  revert7b270f609982,
  revertafae8002b4fd,
  revertb3d99f43c72b,
  revertbbce3de72be5,
  revertc5ae366e12db,
  revertcd9626e9ebc7,
  revertd32960528702,
  revertd4ac164bde7a,
  reverteab03c23c2a1,
  revertf553741ac8c0,
  revertfc1892becd56,
  revertf210f7572bed,
  revertd3ddef46f22e,
  revert4364b287982b,
  revert44d527170731,
  revertaf28dfacbe00,
  revert35fe7cfbab2e,
  revert5b84b0291702,
  revert5063c41bebac,
  revertbdf7ffc89922,
  revert73b42dc69be8,
  revert17d68b763f09,
  revertb963a22e6d1a,
  revert18ab3fc8e880,
  revert0fc5a36dd6b3,
  revertPprCr8Refresh,
  revertb043138246a4,
  reverte9cb61055fee,
  mutantBuddiesStay,
  mutantForfeitAlways,
  mutantNoDelayZero,
  mutantUnsignedEligible,
  mutantUnsignedEntityBefore,
  mutantUnsignedMinVruntime,
  mutantZeroVruntimeWithoutSum,
];
