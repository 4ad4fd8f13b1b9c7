import type { RequestProgress } from '../../requests/request-progress.js'
import type { RankTable } from './rank-table.js'
import type { RequestOutcomes } from './run-result.js'

/** What became of each request, by backend even where backends have several ranks. */
export function outcomesOf(
  progress: RequestProgress,
  ranks: RankTable | undefined,
  isNative: boolean,
): RequestOutcomes {
  if (isNative) return kept(progress)
  if (ranks === undefined) return progress
  return {
    ...progress,
    backend: ranks.backendsOf(progress.backend),
    prefillBackend: ranks.backendsOf(progress.prefillBackend),
  }
}

/** Copies what stands in the memory of the native engine, so that a result does not hold all of that. */
function kept(progress: RequestProgress): RequestOutcomes {
  const { outcome, prefillBackend, finishedMs, rejectReason, attempts } = progress
  const { transferStartMs, transferEndMs } = progress
  return {
    ...{ outcome, prefillBackend, finishedMs, rejectReason, attempts },
    ...(transferStartMs && { transferStartMs }),
    ...(transferEndMs && { transferEndMs }),
    backend: progress.backend.slice(),
    admittedMs: progress.admittedMs.slice(),
    firstTokenMs: progress.firstTokenMs.slice(),
    cachedTokens: progress.cachedTokens.slice(),
    preemptions: progress.preemptions.slice(),
  }
}
