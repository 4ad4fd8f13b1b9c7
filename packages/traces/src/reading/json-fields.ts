import { closestName } from '@routesim/core'
import type { HashedBlocks } from '../columns/trace-record.js'
import { describeKey, describeLine, describeValue } from '../errors/describe-value.js'
import { traceError } from '../errors/trace-error.js'
import { repeatedKey } from './repeated-key.js'

/** A parsed JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>

const LARGEST = 0x7fffffff

/** The JSON object a line holds. */
export function parseObject(text: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    const got = describeLine(text, (start) => `invalid JSON: ${start}`)
    throw traceError('trace_invalid', `expected a JSON object, got ${got}`)
  }
  if (!isObject(value)) {
    throw traceError('trace_invalid', `expected a JSON object, got ${describeValue(value)}`)
  }
  checkRepeatedKeys(text)
  return value
}

/** @throws RouteSimError when an object of a valid JSON text has a key twice */
export function checkRepeatedKeys(text: string): void {
  const repeated = repeatedKey(text)
  if (repeated !== undefined) throw repeatedError(repeated)
}

export function repeatedError(name: string): Error {
  return traceError('trace_invalid', `${name}: expected it once, got it twice`)
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * The value of a field that a line can not do without.
 * @param known - fields of the format: none of them is another one misspelled
 * @throws RouteSimError when there is none, but an unknown one of nearly that name
 */
export function neededField(
  line: JsonObject,
  name: string,
  known: { has(name: string): boolean },
): unknown {
  const value = line[name]
  if (value !== undefined) return value
  const others = Object.keys(line).filter((key) => !known.has(key))
  const near = closestName(name, others)
  if (near === undefined) return undefined
  throw traceError('trace_invalid', `${describeKey(near)}: unknown key; did you mean "${name}"?`)
}

/** An integer from `minimum` to 2^31 - 1. */
export function integer(name: string, value: unknown, minimum: number): number {
  if (Number.isInteger(value) && (value as number) >= minimum && (value as number) <= LARGEST) {
    return (value as number) + 0
  }
  const expected =
    typeof value === 'number' && value > LARGEST
      ? `an integer from ${minimum} to ${LARGEST}`
      : `an integer >= ${minimum}`
  throw expectedError(name, expected, value)
}

/** A time in ms. */
export function milliseconds(name: string, value: unknown): number {
  // Adding 0 turns -0 into 0.
  if (typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER) return value + 0
  throw expectedError(name, 'a number from 0 to 2^53', value)
}

/** Any 32-bit integer. */
export function signedInteger(name: string, value: unknown): number {
  if (Number.isInteger(value) && (value as number) === ((value as number) | 0)) {
    return (value as number) + 0
  }
  throw expectedError(name, 'an integer of 32 bits', value)
}

/** True or false. */
export function yesOrNo(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw expectedError(name, 'true or false', value)
}

/** A name; integers are accepted, `null` is the same as absent. */
export function optionalName(name: string, value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (value === undefined || value === null) return undefined
  if (Number.isSafeInteger(value)) return String(value)
  throw expectedError(name, 'a string', value)
}

/** Prompt and answer together must fit the columns of the prompt tree. */
export function checkTotalTokens(promptTokens: number, outputTokens: number): void {
  const total = promptTokens + outputTokens
  if (total <= LARGEST) return
  throw expectedError('prompt and output tokens together', `at most ${LARGEST}`, total)
}

/** The ids of hashed blocks: integers of any size, or strings. `text` is the line they stand in. */
export function blockIds(value: unknown, text: string): HashedBlocks['ids'] {
  if (!Array.isArray(value)) throw expectedError('hash_ids', 'an array', value)
  let exact = true
  for (const id of value) {
    if (typeof id === 'string' || Number.isSafeInteger(id)) continue
    if (!Number.isInteger(id)) {
      throw expectedError('hash_ids', 'integers or strings', id)
    }
    exact = false
  }
  return exact ? value : wideBlockIds(text)
}

/** Ids beyond 2^53, which `JSON.parse` would round: taken as they are written. */
function wideBlockIds(text: string): string[] {
  const lists = [...text.matchAll(/"hash_ids"\s*:\s*\[([^\]]*)\]/g)]
  return (lists.at(-1)?.[1] ?? '').split(',').map((id) => id.trim())
}

export function expectedError(name: string, expected: string, value: unknown): Error {
  return traceError('trace_invalid', `${name}: expected ${expected}, got ${describeValue(value)}`)
}
