import { invalidOption } from './generator-error.js'

/** Rates, times and lengths beyond it are mistakes. */
export const LARGEST = 1e9

/** @throws RouteSimError `generator_invalid` unless the value is greater than `limit` */
export function above(path: string, value: number | undefined, limit: number): void {
  if (value !== undefined && value > limit && value <= LARGEST) return
  throw invalidOption(path, `a number > ${limit}${atMost(value)}`, value)
}

/** @throws RouteSimError `generator_invalid` unless the value is at least `limit` */
export function atLeast(path: string, value: number | undefined, limit: number): void {
  if (value !== undefined && value >= limit && value <= LARGEST) return
  throw invalidOption(path, `a number >= ${limit}${atMost(value)}`, value)
}

/** @throws RouteSimError `generator_invalid` unless the value is an integer in the range */
export function whole(path: string, value: number | undefined, from: number, to: number): void {
  if (value !== undefined && Number.isInteger(value) && value >= from && value <= to) return
  throw invalidOption(path, `an integer from ${from} to ${to}`, value)
}

function atMost(value: number | undefined): string {
  return value !== undefined && value > LARGEST ? ` and <= ${LARGEST}` : ''
}
