import { RouteSimError } from '../../errors/routesim-error.js'
import { shown } from '../../errors/shown.js'
import type { RequestTable } from '../../requests/request-table.js'
import type { BackendView } from '../../routing/cluster-view.js'
import type { Hold, Reject } from '../../routing/routing-algorithm.js'

/** A router sent a request to a backend that serves another model. */
export function wrongModel(
  router: string,
  { model: wanted, strings }: RequestTable,
  request: number,
  { id, model }: BackendView,
): RouteSimError {
  return new RouteSimError(
    `router "${router}": request ${request}: expected a backend that serves "${strings[wanted[request]!]}", got ${id}, which serves "${model}"`,
    {
      code: 'router_invalid_decision',
      hint: 'Choose among the backends of the cluster that route() is given.',
    },
  )
}

/** A router sent a prompt to be decoded by another model than the one that computes it. */
export function unlikePair(
  router: string,
  prefill: BackendView,
  decode: BackendView,
): RouteSimError {
  return new RouteSimError(
    `router "${router}": expected a prefill and a decode backend of one model, got ${prefill.id} ("${prefill.model}") and ${decode.id} ("${decode.model}")`,
    {
      code: 'router_invalid_decision',
      hint: 'Choose the second among the backends with the model of the first; pdPair() of @routesim/algorithms does.',
    },
  )
}

/** A router decided on something that is no decision. */
export function invalidDecision(router: string, request: number, found: unknown): RouteSimError {
  const { expected, hint } = mending(found)
  // The run ends with this error, and not with that of the promise.
  if (found instanceof Promise) found.catch(() => {})
  return new RouteSimError(
    `router "${router}": request ${request}: expected ${expected}, got ${shownDecision(found)}`,
    { code: 'router_invalid_decision', hint },
  )
}

/** A router gave a call something else where a backend belongs. */
export function noBackend(
  router: string,
  request: number,
  call: string,
  found: unknown,
): RouteSimError {
  return new RouteSimError(
    `router "${router}": request ${request}: ${call}: expected a backend of the cluster, got ${shownDecision(found)}`,
    {
      code: 'router_invalid_decision',
      hint: 'Give one of cluster.backends: a pool, or what a search finds, may be empty.',
    },
  )
}

/** What is expected in the place of what was found, and how to get there. */
function mending(found: unknown): { readonly expected: string; readonly hint: string } {
  const kind = kindOf(found)
  if (kind === 'hold')
    return {
      expected: 'hold(untilMs) with a time in ms',
      hint: 'hold() without a time keeps a request until the router releases it.',
    }
  if (kind === 'reject')
    return {
      expected: 'reject(reason) with a text that is not empty',
      hint: 'Say why, as in reject("no_room"): results count rejections by their reasons.',
    }
  return {
    expected: 'a backend of the cluster, disaggregate(...), prefillOn(...), hold() or reject(...)',
    hint:
      found instanceof Promise
        ? 'Decide at once: route() can not be async.'
        : 'Return one of cluster.backends from route().',
  }
}

/** A router that wants to be asked where to decode can not be asked, or asks the wrong backend to prefill. */
export function invalidPrefill(router: string, { id, role }: BackendView): RouteSimError {
  return role === 'prefill'
    ? new RouteSimError(`router "${router}": prefillOn(): expected a router with routeDecode()`, {
        code: 'router_invalid_decision',
        hint: 'Give the algorithm routeDecode(request, cluster, prefill), or return disaggregate(prefill, decode).',
      })
    : new RouteSimError(
        `router "${router}": prefillOn(): expected a backend of the role prefill, got ${id} (${role})`,
        {
          code: 'router_invalid_decision',
          hint: 'One that decodes too takes the whole request: return the backend itself.',
        },
      )
}

/** A router sent a whole request to a backend that does one half of the work. */
export function wrongRole(router: string, { id, role }: BackendView): RouteSimError {
  return new RouteSimError(
    `router "${router}": expected a backend of the role both for a whole request, got ${id} (${role})`,
    {
      code: 'router_invalid_decision',
      hint: 'Return disaggregate(prefill, decode) or prefillOn(prefill); pdPair() of @routesim/algorithms makes such a router of two.',
    },
  )
}

/** What a router returned as a message shows it. */
function shownDecision(found: unknown): string {
  const kind = kindOf(found)
  if (kind === 'hold') return `hold(${shown((found as Hold).untilMs)})`
  if (kind === 'reject') return `reject(${shown((found as Reject).reason)})`
  return shown(found)
}

function kindOf(found: unknown): unknown {
  return typeof found === 'object' && found !== null && 'kind' in found ? found.kind : undefined
}
