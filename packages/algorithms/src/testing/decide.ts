import type { BackendView, RequestView } from '@routesim/core'
import type { RouterDefinition } from '../definition/define-router.js'
import { testCluster } from '../test-kit/test-cluster.js'
import { testRequest } from '../test-kit/test-request.js'
import { summary } from './summary.js'

/** One row of a decision table: what a fresh router meets. */
export interface DecisionRow {
  readonly states: readonly Partial<BackendView>[]
  /** Cached tokens by backend; nothing by default. */
  readonly matched?: readonly number[]
  readonly request?: Partial<RequestView>
  readonly parameters?: Readonly<Record<string, unknown>>
}

/** What a fresh router decides, ties to the lowest id unless the parameters say otherwise. */
export function decide(router: RouterDefinition, row: DecisionRow): number | string {
  const { states, matched, request, parameters } = row
  const options = matched === undefined ? {} : { matchedTokens: matched }
  const ties = Object.hasOwn(router.parameters, 'ties') ? { ties: 'first' } : {}
  const made = router.create({ ...ties, ...parameters })
  return summary(made.route(testRequest(request), testCluster(states, options)))
}

/** Backends with so many running requests each; -1 for one that is not healthy. */
export function loads(...counts: readonly number[]): Partial<BackendView>[] {
  return counts.map((running) => (running < 0 ? { healthy: false } : { running }))
}

/** Backends with so many waiting requests each. */
export function queues(...counts: readonly number[]): Partial<BackendView>[] {
  return counts.map((waiting) => ({ waiting }))
}
