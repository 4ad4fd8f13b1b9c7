import { z } from 'zod'

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

/** An integer of at least `min`. */
export function integer(min: number): z.ZodNumber {
  const complaint = expected(`an integer >= ${min}`)
  return z.number(complaint).int(complaint).min(min, complaint)
}

/** A number greater than 0. */
export function positive(): z.ZodNumber {
  const complaint = expected('a number > 0')
  return z.number(complaint).positive(complaint)
}

/** A number of at least 0. */
export function notNegative(): z.ZodNumber {
  const complaint = expected('a number >= 0')
  return z.number(complaint).nonnegative(complaint)
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

/** A table that knows all its keys. */
export function table<Shape extends z.ZodRawShape>(
  shape: Shape,
): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? undefined : `expected a table, got ${show(issue.input)}`,
  })
}
