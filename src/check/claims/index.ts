/** Every claim, in the order in which they are listed. */

import type { Claim } from '../claim.ts';
import { claim as aFailedCallChangesNothing } from './a_failed_call_changes_nothing.ts';
import { claim as aliasOnlyChangeIsFlushed } from './alias_only_change_is_flushed.ts';
import { claim as anErrorLeavesTheOthersAlone } from './an_error_leaves_the_others_alone.ts';
import { claim as arm64InvalidThenValidOfAPmdIsIdentity } from './arm64_invalid_then_valid_of_a_pmd_is_identity.ts';
import { claim as arm64SafeCopyPageDoesNotFault } from './arm64_safe_copy_page_does_not_fault.ts';
import { claim as arm64SetMemoryRoCoversTheLinearAlias } from './arm64_set_memory_ro_covers_the_linear_alias.ts';
import { claim as clearedPoisonIsPresent } from './cleared_poison_is_present.ts';
import { claim as collapseSparesLocklessWalkers } from './collapse_spares_lockless_walkers.ts';
import { claim as collapseSparesPtdump } from './collapse_spares_ptdump.ts';
import { claim as countersFollowMemoryFailure } from './counters_follow_memory_failure.ts';
import { claim as countersFollowTheTables } from './counters_follow_the_tables.ts';
import { claim as cpaLockIsAlwaysReleased } from './cpa_lock_is_always_released.ts';
import { claim as cpaUpdatesAreNotLost } from './cpa_updates_are_not_lost.ts';
import { claim as debugPageallocNeverSplits } from './debug_pagealloc_never_splits.ts';
import { claim as debugPageallocOwnersDoNotRace } from './debug_pagealloc_owners_do_not_race.ts';
import { claim as debugPageallocOwnersDoNotRaceBesideCpa } from './debug_pagealloc_owners_do_not_race_beside_cpa.ts';
import { claim as decryptErrorMeansStillPrivate } from './decrypt_error_means_still_private.ts';
import { claim as directMapRoundTripKeepsPresence } from './direct_map_round_trip_keeps_presence.ts';
import { claim as directMapRoundTripLosesOnlyG } from './direct_map_round_trip_loses_only_g.ts';
import { claim as execmemRestoreCannotFail } from './execmem_restore_cannot_fail.ts';
import { claim as execmemRollbackIsExact } from './execmem_rollback_is_exact.ts';
import { claim as freedPagesArePlain } from './freed_pages_are_plain.ts';
import { claim as guestMemfdRestoreAfter4kZapCannotFail } from './guest_memfd_restore_after_4k_zap_cannot_fail.ts';
import { claim as guestMemfdRestoreAfterLargeZapCannotFail } from './guest_memfd_restore_after_large_zap_cannot_fail.ts';
import { claim as hibernateUnmapLeavesNoStaleTranslation } from './hibernate_unmap_leaves_no_stale_translation.ts';
import { claim as hibernationRoundTripKeepsRw } from './hibernation_round_trip_keeps_rw.ts';
import { claim as hibernationStopsBeforeTouching } from './hibernation_stops_before_touching.ts';
import { claim as kernelMapPagesCannotFail } from './kernel_map_pages_cannot_fail.ts';
import { claim as kernelMapPagesCannotFailBesideCpa } from './kernel_map_pages_cannot_fail_beside_cpa.ts';
import { claim as kernelMapPagesCannotFailOnALargeMap } from './kernel_map_pages_cannot_fail_on_a_large_map.ts';
import { claim as kernelMapPagesReachesEveryCpu } from './kernel_map_pages_reaches_every_cpu.ts';
import { claim as kernelPagePresentAgrees } from './kernel_page_present_agrees.ts';
import { claim as mergeCoversEqualEntriesOnly } from './merge_covers_equal_entries_only.ts';
import { claim as mergedTablesAreFreedAfterTheFlush } from './merged_tables_are_freed_after_the_flush.ts';
import { claim as noLargeNpLeaf } from './no_large_np_leaf.ts';
import { claim as noSleepInAtomicContext } from './no_sleep_in_atomic_context.ts';
import { claim as noSleepInAtomicContextBesideCpa } from './no_sleep_in_atomic_context_beside_cpa.ts';
import { claim as noflushLeavesNoStaleTranslation } from './noflush_leaves_no_stale_translation.ts';
import { claim as npThenPIsIdentity } from './np_then_p_is_identity.ts';
import { claim as npThenPKeepsTheMemoryType } from './np_then_p_keeps_the_memory_type.ts';
import { claim as pagesHandedOutAreWritable } from './pages_handed_out_are_writable.ts';
import { claim as pagesMarked4kAreNotMerged } from './pages_marked_4k_are_not_merged.ts';
import { claim as plainVfreeLeavesNoStaleTranslation } from './plain_vfree_leaves_no_stale_translation.ts';
import { claim as remapOf4kNpCannotFail } from './remap_of_4k_np_cannot_fail.ts';
import { claim as restoreNeverMerges } from './restore_never_merges.ts';
import { claim as resumeDoesNotClearUnmappedPages } from './resume_does_not_clear_unmapped_pages.ts';
import { claim as resumeDoesNotPoisonUnmappedPages } from './resume_does_not_poison_unmapped_pages.ts';
import { claim as returned0MeansAliasesToo } from './returned_0_means_aliases_too.ts';
import { claim as returned0MeansDone } from './returned_0_means_done.ts';
import { claim as returned0MeansDoneAcrossLeaves } from './returned_0_means_done_across_leaves.ts';
import { claim as riscvKernelMapPagesIsAtomicSafe } from './riscv_kernel_map_pages_is_atomic_safe.ts';
import { claim as scatteredPagesAreNotMerged } from './scattered_pages_are_not_merged.ts';
import { claim as secretPagesAreOutOfReach } from './secret_pages_are_out_of_reach.ts';
import { claim as secretmemFaultCannotFailInCpa } from './secretmem_fault_cannot_fail_in_cpa.ts';
import { claim as secretmemRestoreCannotFail } from './secretmem_restore_cannot_fail.ts';
import { claim as setDirectMapInvalidLeaves4kNp } from './set_direct_map_invalid_leaves_4k_np.ts';
import { claim as setDirectMapInvalidLeaves4kNpFromAnyState } from './set_direct_map_invalid_leaves_4k_np_from_any_state.ts';
import { claim as setMemoryNpFlushesForOthers } from './set_memory_np_flushes_for_others.ts';
import { claim as setMemoryNpLeavesNoStaleTranslation } from './set_memory_np_leaves_no_stale_translation.ts';
import { claim as setMemoryRoLeavesNoStaleWrite } from './set_memory_ro_leaves_no_stale_write.ts';
import { claim as setMemoryUcErrorRestoresWb } from './set_memory_uc_error_restores_wb.ts';
import { claim as snapshotAllocatesNothing } from './snapshot_allocates_nothing.ts';
import { claim as snapshotAllocatesNothingWhoeverUnmaps } from './snapshot_allocates_nothing_whoever_unmaps.ts';
import { claim as splitKeepsTheOthers } from './split_keeps_the_others.ts';
import { claim as splitsAreSerialised } from './splits_are_serialised.ts';
import { claim as splitsLoseNoEdit } from './splits_lose_no_edit.ts';
import { claim as splitsOfTwoLevelsLoseNothing } from './splits_of_two_levels_lose_nothing.ts';
import { claim as theDirectMapStaysNx } from './the_direct_map_stays_nx.ts';
import { claim as todaysCallersLeaveNoLargeNpLeaf } from './todays_callers_leave_no_large_np_leaf.ts';
import { claim as twoSplitsMakeOneTable } from './two_splits_make_one_table.ts';
import { claim as v1AndV2LoseRemapsOnArm64 } from './v1_and_v2_lose_remaps_on_arm64.ts';
import { claim as vfreeLeavesNoStaleTranslation } from './vfree_leaves_no_stale_translation.ts';

export const CLAIMS: readonly Claim[] = [
  // the thread of October 2020
  remapOf4kNpCannotFail,
  noLargeNpLeaf,
  todaysCallersLeaveNoLargeNpLeaf,
  setDirectMapInvalidLeaves4kNp,
  setDirectMapInvalidLeaves4kNpFromAnyState,
  // DEBUG_PAGEALLOC
  debugPageallocNeverSplits,
  kernelMapPagesCannotFail,
  kernelMapPagesCannotFailBesideCpa,
  kernelMapPagesCannotFailOnALargeMap,
  cpaUpdatesAreNotLost,
  // hibernation
  hibernationStopsBeforeTouching,
  hibernationRoundTripKeepsRw,
  resumeDoesNotClearUnmappedPages,
  resumeDoesNotPoisonUnmappedPages,
  // out of the direct map and back
  directMapRoundTripKeepsPresence,
  directMapRoundTripLosesOnlyG,
  npThenPIsIdentity,
  npThenPKeepsTheMemoryType,
  restoreNeverMerges,
  // who takes pages out
  secretmemRestoreCannotFail,
  secretPagesAreOutOfReach,
  guestMemfdRestoreAfter4kZapCannotFail,
  guestMemfdRestoreAfterLargeZapCannotFail,
  execmemRestoreCannotFail,
  execmemRollbackIsExact,
  // what others see
  aliasOnlyChangeIsFlushed,
  decryptErrorMeansStillPrivate,
  kernelPagePresentAgrees,
  // what a call promises
  pagesHandedOutAreWritable,
  freedPagesArePlain,
  returned0MeansDone,
  returned0MeansDoneAcrossLeaves,
  returned0MeansAliasesToo,
  theDirectMapStaysNx,
  anErrorLeavesTheOthersAlone,
  aFailedCallChangesNothing,
  setMemoryUcErrorRestoresWb,
  // what is split and merged
  splitKeepsTheOthers,
  splitsAreSerialised,
  mergeCoversEqualEntriesOnly,
  pagesMarked4kAreNotMerged,
  scatteredPagesAreNotMerged,
  mergedTablesAreFreedAfterTheFlush,
  countersFollowTheTables,
  countersFollowMemoryFailure,
  clearedPoisonIsPresent,
  // where nothing may sleep
  noSleepInAtomicContext,
  noSleepInAtomicContextBesideCpa,
  snapshotAllocatesNothing,
  snapshotAllocatesNothingWhoeverUnmaps,
  // stale translations
  noflushLeavesNoStaleTranslation,
  setMemoryNpLeavesNoStaleTranslation,
  setMemoryNpFlushesForOthers,
  setMemoryRoLeavesNoStaleWrite,
  kernelMapPagesReachesEveryCpu,
  hibernateUnmapLeavesNoStaleTranslation,
  vfreeLeavesNoStaleTranslation,
  plainVfreeLeavesNoStaleTranslation,
  // several CPUs at a time
  debugPageallocOwnersDoNotRace,
  debugPageallocOwnersDoNotRaceBesideCpa,
  twoSplitsMakeOneTable,
  splitsOfTwoLevelsLoseNothing,
  splitsLoseNoEdit,
  cpaLockIsAlwaysReleased,
  collapseSparesPtdump,
  collapseSparesLocklessWalkers,
  // not modelled yet
  v1AndV2LoseRemapsOnArm64,
  arm64SafeCopyPageDoesNotFault,
  arm64SetMemoryRoCoversTheLinearAlias,
  arm64InvalidThenValidOfAPmdIsIdentity,
  riscvKernelMapPagesIsAtomicSafe,
  secretmemFaultCannotFailInCpa,
];
