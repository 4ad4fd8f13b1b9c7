import { RouteSimError } from '../errors/routesim-error.js'
import { shownIfAny } from '../errors/shown.js'

/** What fits columns of 32 bits. */
export const MOST_IN_COLUMN: number = 2 ** 31 - 1

/** @throws RouteSimError `options_invalid` */
export function checkInteger(
  path: string,
  value: number,
  minimum: number,
  maximum: number = Number.MAX_SAFE_INTEGER,
): void {
  if (value > maximum) throw invalidOption(path, `an integer <= ${maximum}`, value)
  if (!(Number.isSafeInteger(value) && value >= minimum))
    throw invalidOption(path, `an integer >= ${minimum}`, value)
}

/** @throws RouteSimError `options_invalid` when a value is negative or not finite */
export function checkNumber(path: string, value: number): void {
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
    throw invalidOption(path, 'a number >= 0', value)
}

/** @throws RouteSimError `options_invalid` */
export function checkShare(path: string, value: number): void {
  if (!(value >= 0 && value <= 1)) throw invalidOption(path, 'a number from 0 to 1', value)
}

/**
 * Checks a name where no compiler has looked.
 * @param names - an object whose keys are the names there are
 * @throws RouteSimError `options_invalid`
 */
export function checkName(path: string, value: string, names: object): void {
  if (!Object.hasOwn(names, value))
    throw invalidOption(path, `one of ${Object.keys(names).join(', ')}`, value)
}

/**
 * Checks that an object is given where no compiler has looked.
 *
 * @param expected - what it is, as in `a latency model`
 * @param functions - names of functions that it has
 * @param hint - how to come by one
 * @throws RouteSimError `options_invalid`
 */
export function checkGiven(
  path: string,
  value: unknown,
  expected: string,
  functions: readonly string[] = [],
  hint?: string,
): void {
  const isGiven = typeof value === 'object' && value !== null
  const members = value as Readonly<Record<string, unknown>>
  const missing = isGiven ? functions.find((name) => typeof members[name] !== 'function') : ''
  if (missing === undefined) return
  const found = isGiven ? `one without ${missing}()` : shownIfAny(value)
  throw new RouteSimError(`${path}: expected ${expected}, got ${found}`, {
    ...{ code: 'options_invalid', path },
    ...(hint !== undefined && { hint }),
  })
}

export function invalidOption(path: string, expected: string, found: unknown): RouteSimError {
  return new RouteSimError(`${path}: expected ${expected}, got ${shownIfAny(found)}`, {
    code: 'options_invalid',
    path,
  })
}
