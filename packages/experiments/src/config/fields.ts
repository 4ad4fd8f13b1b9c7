import * as z from 'zod'

/** How a value is shown in an error message. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? 'a list' : 'a table'
  return String(value)
}

/** Makes every complaint about a value read `expected X, got Y`. */
export function expected(what: string): { error: (issue: { input?: unknown }) => string } {
  return { error: (issue) => `expected ${what}, got ${show(issue.input)}` }
}

/** The largest 32-bit integer: what counts of tokens, blocks and requests must fit. */
export const LARGEST_INTEGER = 0x7fffffff

/** Beyond these, times and rates lose their digits in float64 or overflow. */
const LARGEST_NUMBER = 1e12
/** What is greater than 0 is at least this. */
export const SMALLEST_NUMBER = 1e-9

/** An integer from `min` to `max`. */
export function integer(min: number, max: number = LARGEST_INTEGER): z.ZodNumber {
  const complaint = inRange(`an integer >= ${min}`, `an integer from ${min} to ${max}`, max)
  return z.number(complaint).int(complaint).min(min, complaint).max(max, complaint)
}

/** A number greater than 0, at most 10^12. */
export function positive(): z.ZodNumber {
  const range = `a number from ${SMALLEST_NUMBER} to ${LARGEST_NUMBER}`
  const complaint = inRange('a number > 0', range, LARGEST_NUMBER)
  const tiny = inRange(range, range, 0)
  return z
    .number(complaint)
    .positive(complaint)
    .min(SMALLEST_NUMBER, tiny)
    .max(LARGEST_NUMBER, complaint)
}

/** A number of at least 0, at most 10^12. */
export function notNegative(): z.ZodNumber {
  const range = `a number from 0 to ${LARGEST_NUMBER}`
  const complaint = inRange('a number >= 0', range, LARGEST_NUMBER)
  return z.number(complaint).nonnegative(complaint).max(LARGEST_NUMBER, complaint)
}

/** Names the upper bound only to those who exceed it. */
function inRange(what: string, range: string, max: number): ReturnType<typeof expected> {
  return {
    error: (issue) => {
      const isLarge = typeof issue.input === 'number' && issue.input > max
      return expected(isLarge ? range : what).error(issue)
    },
  }
}

export function text(): z.ZodString {
  return z.string(expected('a string'))
}

export function flag(): z.ZodBoolean {
  return z.boolean(expected('true or false'))
}

/** One of some words. */
export function oneOf<const T extends readonly [string, ...string[]]>(
  words: T,
): z.ZodEnum<{ [K in T[number]]: K }> {
  return z.enum(words, expected(`one of ${words.map((word) => `"${word}"`).join(', ')}`))
}

/** A table that knows all its keys; `what` says what may stand there. */
export function table<Shape extends z.ZodRawShape>(
  shape: Shape,
  what: string = 'a table',
): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? undefined : `expected ${what}, got ${show(issue.input)}`,
  })
}
