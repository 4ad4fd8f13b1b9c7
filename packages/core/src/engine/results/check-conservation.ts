import { type BackendLoads, COUNTED_COLUMNS } from '../../backend/backend-loads.js'
import { RouteSimError } from '../../errors/routesim-error.js'
import type { KvCacheView, KvUsage } from '../../kv-cache/kv-cache.js'
import type { RequestProgress } from '../../requests/request-progress.js'
import type { RequestTable } from '../../requests/request-table.js'
import type { BackendColumns } from '../../routing/cluster-view.js'
import type { BackendSpec } from '../simulation-options.js'
import { OUTCOME } from './run-result.js'

/**
 * Checks, after a run, that nothing was lost: every request ended once, every completed one has all
 * its tokens, no backend holds a request, and no KV block is held by nobody.
 * @throws RouteSimError `conservation_violated`: a fault of the engine or of a KV cache
 */
export function checkConservation(
  requests: RequestTable,
  progress: RequestProgress,
  loads: BackendLoads,
  kv: KvCacheView,
): void {
  for (let i = 0; i < requests.size; i++) checkEnded(i, requests, progress)
  checkIdle(loads, kv)
}

/**
 * Checks that a request has ended, with all its tokens if it is completed.
 * @throws RouteSimError `conservation_violated`
 */
export function checkEnded(i: number, requests: RequestTable, progress: RequestProgress): void {
  const outcome = progress.outcome[i]
  if (outcome === OUTCOME.unfinished) throw violated(`request ${i} never ended`)
  const emitted = progress.emittedTokens[i]!
  const asked = requests.outputTokens[i]!
  const isBroken = outcome === OUTCOME.failed || outcome === OUTCOME.timed_out
  const expected = outcome === OUTCOME.completed ? asked : 0
  if (isBroken ? emitted > asked : emitted !== expected) {
    throw violated(`request ${i} has ${emitted} of ${isBroken ? asked : expected} output tokens`)
  }
}

/**
 * Checks that no backend holds a request, and that no KV block is held by nobody.
 * @throws RouteSimError `conservation_violated`
 */
export function checkIdle(loads: BackendLoads, kv: KvCacheView): void {
  const usage: KvUsage = { total: 0, held: 0, cached: 0, free: 0 }
  for (let id = 0; id < loads.waiting.length; id++) {
    for (const column of COUNTED_COLUMNS) {
      const left = loads[column][id]!
      if (left !== 0)
        throw violated(`backend ${id}: columns.${column}: expected 0 at the end, got ${left}`)
    }
    kv.usage(id, usage)
    if (usage.held > 0) throw violated(`backend ${id} still holds ${usage.held} KV blocks`)
    if (usage.cached + usage.free !== usage.total) {
      throw violated(
        `backend ${id}: ${usage.cached} cached + ${usage.free} free of ${usage.total} KV blocks`,
      )
    }
  }
  kv.verify()
}

/**
 * Checks that backends have the queues that they began with, or seem to be down.
 * @throws RouteSimError `conservation_violated`
 */
export function checkQueues(
  { maxQueueDepth }: BackendColumns,
  backends: readonly BackendSpec[],
): void {
  for (const [id, { maxQueueDepth: depth }] of backends.entries()) {
    const found = maxQueueDepth[id]!
    if (found === depth || found === 0) continue
    throw violated(
      `backend ${id}: columns.maxQueueDepth: expected ${depth} at the end, got ${found}`,
    )
  }
}

/** @throws RouteSimError `conservation_violated` when requests were lost */
export function checkAllEnded(ended: number, requests: number): void {
  if (ended !== requests) throw violated(`${requests - ended} of ${requests} requests never ended`)
}

function violated(what: string): RouteSimError {
  return new RouteSimError(`conservation check: ${what}`, {
    code: 'conservation_violated',
    hint: 'A router that writes into cluster.columns, which are for reading only, is the cause; if yours does not, it is a fault in the simulator: please report it with the config and the trace.',
  })
}
