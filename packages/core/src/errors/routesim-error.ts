/** What {@link RouteSimError} carries beside its message. */
export interface ErrorDetails<Code extends string> {
  /** One of the closed set of codes of the package that throws. */
  readonly code: Code
  /** Where: a config path, `file:line`, or the name of an option. */
  readonly path?: string
  /** How to mend it, as a sentence. */
  readonly hint?: string
  readonly cause?: unknown
}

/**
 * The one error class of all RouteSim packages. The message says where, what was found and what
 * was expected; `hint` says how to mend it.
 *
 * @example
 * throw new RouteSimError('cluster.num_backends: expected an integer >= 1, got 0', {
 *   code: 'config_invalid',
 *   path: 'cluster.num_backends',
 * })
 */
export class RouteSimError<Code extends string = string> extends Error {
  readonly code: Code
  readonly path?: string
  readonly hint?: string

  constructor(message: string, details: ErrorDetails<Code>) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'RouteSimError'
    this.code = details.code
    if (details.path !== undefined) this.path = details.path
    if (details.hint !== undefined) this.hint = details.hint
  }
}
