import { isDeepStrictEqual } from 'node:util'
import { expect } from 'vitest'

/** What `toEqual` expects, several times as fast where it holds: for thousands of comparisons. */
export function expectEqual(actual: unknown, expected: unknown, about?: string): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual, about).toEqual(expected)
}
