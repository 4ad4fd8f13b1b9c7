import { RouteSimError } from '@routesim/core'

/** An error as data, as it crosses from a worker thread. */
export interface PortableError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  /** Set for a `RouteSimError` only. */
  readonly code: string | undefined
  readonly path: string | undefined
  readonly hint: string | undefined
  readonly cause: PortableError | undefined
}

/** Causes of causes beyond this are left out: an error may be its own cause. */
const DEEPEST_CAUSE = 8

/** Turns what was thrown into data. */
export function toPortable(thrown: unknown, depth = 0): PortableError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  const own = error instanceof RouteSimError ? error : undefined
  const hasCause = error.cause !== undefined && depth < DEEPEST_CAUSE
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    code: own?.code,
    path: own?.path,
    hint: own?.hint,
    cause: hasCause ? toPortable(error.cause, depth + 1) : undefined,
  }
}

/** The error again: a `RouteSimError` with all its details, else an `Error` of the same name. */
export function fromPortable(data: PortableError): Error {
  const { code, path, hint } = data
  const cause = data.cause === undefined ? undefined : fromPortable(data.cause)
  const error =
    code === undefined
      ? new Error(data.message, cause && { cause })
      : new RouteSimError(data.message, {
          code,
          cause,
          ...(path !== undefined && { path }),
          ...(hint !== undefined && { hint }),
        })
  // Not enumerable, as in the error that was thrown.
  Object.defineProperty(error, 'name', { value: data.name, configurable: true, writable: true })
  if (data.stack !== undefined) {
    Object.defineProperty(error, 'stack', {
      value: data.stack,
      configurable: true,
      writable: true,
    })
  }
  return error
}
