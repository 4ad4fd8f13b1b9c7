import { RouteSimError } from './routesim-error.js'

/** Whose function threw: a kind, and its name. */
export interface CodeOwner {
  readonly kind: 'router' | 'combinator' | 'local policy'
  readonly name: string
}

/**
 * What a function of a router, a combinator or a local policy threw, under its name and that of the function: whoever
 * wrote it finds it by these. Errors that say themselves what is wrong keep code, path and hint.
 *
 * @param place - the function, and what it was called for
 *
 * @example
 * thrownBy({ kind: 'router', name: 'mine' }, 'create()', new TypeError('oops')).message
 * // => 'router "mine" threw in create(): TypeError: oops'
 */
export function thrownBy({ kind, name }: CodeOwner, place: string, cause: unknown): RouteSimError {
  const owner = `${kind} "${name}"`
  if (!(cause instanceof RouteSimError)) {
    const code = kind === 'local policy' ? 'policy_failed' : 'router_failed'
    return new RouteSimError(`${owner} threw in ${place}: ${cause}`, { code, cause })
  }
  // Errors of what it asks the engine for, and of functions in it, name it or their owner themselves.
  if (/^(router|combinator|local policy)\b/.test(cause.message)) return cause
  const { code, path, hint } = cause
  return new RouteSimError(`${owner}: ${place}: ${cause.message}`, {
    code,
    ...(path !== undefined && { path }),
    ...(hint !== undefined && { hint }),
    cause,
  })
}
