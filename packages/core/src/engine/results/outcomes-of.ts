import type { RequestProgress } from '../../requests/request-progress.js'
import type { RankTable } from './rank-table.js'
import type { RequestOutcomes } from './run-result.js'

/** What became of each request, by backend even where backends have several ranks. */
export function outcomesOf(
  progress: RequestProgress,
  ranks: RankTable | undefined,
): RequestOutcomes {
  if (ranks === undefined) return progress
  return {
    ...progress,
    backend: ranks.backendsOf(progress.backend),
    prefillBackend: ranks.backendsOf(progress.prefillBackend),
  }
}
