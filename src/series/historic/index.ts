// SPDX-License-Identifier: GPL-2.0-only
/**
 * Bugs that Linux once had, each put back as a small series: faults with which a property shows that it can fail.
 *
 * revert-COMMIT takes the fix of that commit back; mutant-NAME never was in a release.
 */
import type { Series } from '../series.js';
import eoiOfMovedPin from './0fc5a36dd6b3-eoi-of-moved-pin.js';
import staleSlice from './2f2fc17bab00-stale-slice.js';
import aliasedXapicId from './5b84b0291702-aliased-xapic-id.js';
import spinBeginsWithZero from './5cfc2aabcb28-scan-begins-with-zero.js';
import withoutPiLock from './5d808c78d972-yield_to-without-pi_lock.js';
import preemptedAmidstAnExit from './6cd88243c7e0-preempted-amidst-an-exit.js';
import yieldToOwnCpu from './6d1cafd8b56e-yield_to-own-cpu.js';
import yieldToWhenPointless from './7b270f609982-yield_to-when-pointless.js';
import pleWindowOverflow from './7fbc85a5fb2b-ple-window-overflow.js';
import boostsSpinners from './06e48c510aa3-boosts-spinners.js';
import reweightStaleCurr from './11b1b8bc2b98-reweight-stale-curr.js';
import clusterBeyondMap from './17d68b763f09-cluster-beyond-map.js';
import dyRunnableReadsVmcs from './17e433b54393-dy_runnable-reads-vmcs.js';
import timerCatchesUp from './18ab3fc8e880-timer-catches-up.js';
import lastBoostedOffset from './32bd348be3fa-last_boosted-offset.js';
import setLapicHvTimer from './35fe7cfbab2e-set_lapic-hv-timer.js';
import mapCleanTooEarly from './44d527170731-map-clean-too-early.js';
import readAgain from './49f683b41f28-last_boosted-read-again.js';
import pendingInterrupt from './52acd22faa1a-pending-interrupt.js';
import icrInOnePiece from './73b42dc69be8-icr-in-one-piece.js';
import haltPollCappedLate from './97b6847ac10b-halt-poll-capped-late.js';
import gateOnTheWoken from './046ddeed0461-gate-on-the-woken.js';
import boostsUserMode from './199b5763d329-boosts-user-mode.js';
import delayedBuddy from './493afbd187c4-delayed-buddy.js';
import avgVruntimeFloor from './650cad561cce-avg_vruntime-floor.js';
import reweightUnclampedLag from './1560d1f6eb6b-reweight-unclamped-lag.js';
import delayedGroupCounted from './3429dd57f0de-delayed-group-counted.js';
import idBeyondMap from './4364b287982b-id-beyond-map.js';
import aliasedLogicalId from './5063c41bebac-aliased-logical-id.js';
import emptyGroupReweighted from './66951e4860d3-empty-group-reweighted.js';
import noForfeit from './79104becf42b-no-forfeit.js';
import preemptedOutsideRun from './118964562969-preempted-outside-run.js';
import setLapicKeepsMap from './af28dfacbe00-set_lapic-keeps-map.js';
import reweightAverageTooLate from './afae8002b4fd-reweight-average-too-late.js';
import zeroVruntimeOfALoneRunner from './b3d99f43c72b-zero_vruntime-of-a-lone-runner.js';
import tmcctDividesByZero from './b963a22e6d1a-tmcct-divides-by-zero.js';
import sviStale from './b2849bec936b-svi-stale.js';
import flushLost from './b043138246a4-flush-lost.js';
import delayedGroupSlice from './bbce3de72be5-delayed-group-slice.js';
import pvIpiBeyondMap from './bdf7ffc89922-pv-ipi-beyond-map.js';
import buddyOffQueue from './c5ae366e12db-buddy-off-queue.js';
import triesEverybody from './c45c528e8990-tries-everybody.js';
import delayedIsPreempted from './cd9626e9ebc7-delayed-is-preempted.js';
import irrPendingAfterToggle from './d3ddef46f22e-irr_pending-after-toggle.js';
import loneEntityResched from './d4ac164bde7a-lone-entity-resched.js';
import idlePolicyWeight from './d32960528702-idle-policy-weight.js';
import stalePvUnhalted from './e9cb61055fee-stale-pv_unhalted.js';
import reweightVruntime from './eab03c23c2a1-reweight-vruntime.js';
import irrPendingBeforeIrr from './f210f7572bed-irr_pending-before-irr.js';
import idleKeepsProtection from './f553741ac8c0-idle-keeps-protection.js';
import delayedIsRunnable from './fc1892becd56-delayed-is-runnable.js';
import postedToOneself from './fdba608f15e2-posted-to-oneself.js';
import mutantBuddiesStay from './mutant-buddies-stay.js';
import mutantForfeitAlways from './mutant-forfeit-always.js';
import mutantNoDelayZero from './mutant-no-delay-zero.js';
import mutantUnsignedEligible from './mutant-unsigned-eligible.js';
import mutantUnsignedEntityBefore from './mutant-unsigned-entity_before.js';
import mutantUnsignedMinVruntime from './mutant-unsigned-min_vruntime.js';
import mutantZeroVruntimeWithoutSum from './mutant-zero_vruntime-without-sum.js';
import pprWithoutCr8Refresh from './ppr-without-cr8-refresh.js';
import asksWhoRuns from './preempted-only-asks-who-runs.js';

export const historic: readonly Series[] = [
  lastBoostedOffset,
  gateOnTheWoken,
  pendingInterrupt,
  dyRunnableReadsVmcs,
  preemptedAmidstAnExit,
  postedToOneself,
  haltPollCappedLate,
  pleWindowOverflow,
  sviStale,
  preemptedOutsideRun,
  reweightStaleCurr,
  reweightUnclampedLag,
  staleSlice,
  delayedGroupCounted,
  delayedBuddy,
  avgVruntimeFloor,
  emptyGroupReweighted,
  spinBeginsWithZero,
  asksWhoRuns,
  boostsSpinners,
  boostsUserMode,
  triesEverybody,
  yieldToOwnCpu,
  readAgain,
  withoutPiLock,
  noForfeit,
  yieldToWhenPointless,
  reweightAverageTooLate,
  zeroVruntimeOfALoneRunner,
  delayedGroupSlice,
  buddyOffQueue,
  delayedIsPreempted,
  idlePolicyWeight,
  loneEntityResched,
  reweightVruntime,
  idleKeepsProtection,
  delayedIsRunnable,
  irrPendingBeforeIrr,
  irrPendingAfterToggle,
  idBeyondMap,
  mapCleanTooEarly,
  setLapicKeepsMap,
  setLapicHvTimer,
  aliasedXapicId,
  aliasedLogicalId,
  pvIpiBeyondMap,
  icrInOnePiece,
  clusterBeyondMap,
  tmcctDividesByZero,
  timerCatchesUp,
  eoiOfMovedPin,
  pprWithoutCr8Refresh,
  flushLost,
  stalePvUnhalted,
  mutantBuddiesStay,
  mutantForfeitAlways,
  mutantNoDelayZero,
  mutantUnsignedEligible,
  mutantUnsignedEntityBefore,
  mutantUnsignedMinVruntime,
  mutantZeroVruntimeWithoutSum,
];
