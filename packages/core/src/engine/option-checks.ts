import { RouteSimError } from '../errors/routesim-error.js'

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

export function invalidOption(path: string, expected: string, found: unknown): RouteSimError {
  return new RouteSimError(`${path}: expected ${expected}, got ${found}`, {
    code: 'options_invalid',
    path,
  })
}
