import { RandomStream, type RequestView, type WaitingRequests } from '@routesim/core'
import type { LocalPolicyDefinition } from '../definition/define-local-policy.js'
import { testRequest } from '../test-kit/test-request.js'

/** A request that waits, and what its backend knows of it; one ms per uncached prompt token by default. */
export interface TestWaiting extends Partial<RequestView> {
  readonly cachedTokens?: number
  readonly prefillMs?: number
}

/** The order, as places in the list, in which a policy admits requests that came in the order of the list. */
export function admissionOrder(
  definition: LocalPolicyDefinition,
  requests: readonly TestWaiting[],
  options: {
    readonly nowMs?: number
    readonly parameters?: Readonly<Record<string, unknown>>
    readonly seed?: number
  } = {},
): number[] {
  const { nowMs = 0, parameters = {}, seed = 1 } = options
  const policy = definition.configure(parameters).create(new RandomStream(seed, 'local policy'))
  const views = requests.map((request, id) => testRequest({ id, ...request }))
  const order = Int32Array.from(views, (_, i) => i)
  if ('rank' in policy) {
    const ranks = views.map((view) => policy.rank(view))
    return Array.from(order.sort((a, b) => ranks[a]! - ranks[b]! || a - b))
  }
  const cachedTokens = (i: number): number => requests[i]!.cachedTokens ?? 0
  const waiting: WaitingRequests = {
    nowMs,
    size: views.length,
    at: (i) => views[i]!,
    cachedTokens,
    prefillMs: (i) => requests[i]!.prefillMs ?? views[i]!.promptTokens - cachedTokens(i),
  }
  policy.arrange(waiting, order)
  return Array.from(order)
}
