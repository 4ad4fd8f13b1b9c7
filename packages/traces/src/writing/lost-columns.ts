import type { RequestTable } from '@routesim/core'
import { promptSharing } from '../stats/prompt-sharing.js'

const NUMBERS = [
  'promptTokens',
  'outputTokens',
  'maxTokens',
  'prefixTokens',
  'priority',
  'ttftSloMs',
] as const
const NAMES = ['session', 'user', 'tenant', 'model', 'adapter', 'sloClass'] as const
/** Columns that tables may lack, and what rows have then. */
const OPTIONAL = { deadlineMs: Number.NaN, predecessor: -1, thinkMs: 0, anyEnd: 0 } as const

const NONE = new Int32Array(0)

/**
 * The columns in which a table read back differs from the one that was written: `prompts` stands
 * for what prompts share, `arrivalStart` for the time of the first request, `arrivalDigits` for less than
 * 1 µs of the others. The two must have the same rows in the same order.
 */
export function lostColumns(table: RequestTable, back: RequestTable): string[] {
  const lost = lostTimes(table.arrivalMs, back.arrivalMs)
  lost.push(...NUMBERS.filter((column) => !equal(table[column], back[column])))
  for (const column of NAMES) if (!equalNames(table, back, column)) lost.push(column)
  for (const [column, initial] of Object.entries(OPTIONAL) as [keyof typeof OPTIONAL, number][]) {
    const has = table[column]
    const got = back[column]
    if (has === undefined && got === undefined) continue
    for (let row = 0; row < table.size; row++) {
      if (Object.is(has?.[row] ?? initial, got?.[row] ?? initial)) continue
      lost.push(column)
      break
    }
  }
  if (!equal(table.joinRow ?? NONE, back.joinRow ?? NONE)) lost.push('joins')
  else if (!equal(table.joinAwaited ?? NONE, back.joinAwaited ?? NONE)) lost.push('joins')
  if (!sharesTheSame(table, back)) lost.push('prompts')
  return lost
}

/**
 * The columns in which a table says something, and one that was made after its example nothing, by the names of a
 * `TraceWriteResult`'s `lost`.
 *
 * @example
 * const lost = absentColumns(table, synthesizeTrace(table))
 */
export function absentColumns(table: RequestTable, made: RequestTable): string[] {
  const defaults = [
    ...NUMBERS.map((column) => [column, 0] as const),
    ...NAMES.map((column) => [column, -1] as const),
    ...(Object.entries(OPTIONAL) as [keyof typeof OPTIONAL, number][]),
  ]
  const says = (each: RequestTable, column: (typeof defaults)[number][0], initial: number) =>
    each[column]?.some((value) => !Object.is(value, initial)) === true
  const absent: string[] = defaults.flatMap(([column, initial]) =>
    says(table, column, initial) && !says(made, column, initial) ? column : [],
  )
  if ((table.joinRow ?? NONE).length > 0 && (made.joinRow ?? NONE).length === 0)
    absent.push('joins')
  return absent
}

/** Formats round times to 1 µs at most. */
const ROUNDING_MS = 1e-3

/** What is lost of times: when the first one is, or the last digits, or all of them. */
function lostTimes(times: Float64Array, back: Float64Array): string[] {
  const movedMs = times.length === 0 ? 0 : times[0]! - back[0]!
  const shiftMs = Math.abs(movedMs) <= ROUNDING_MS ? 0 : movedMs
  let largestMs = 0
  let isExact = true
  for (let row = 0; row < times.length; row++) {
    const offMs = times[row]! - shiftMs - back[row]!
    if (offMs !== 0 && times[row] !== back[row]! + shiftMs) isExact = false
    largestMs = Math.max(largestMs, Math.abs(offMs))
  }
  if (largestMs > ROUNDING_MS) return ['arrivalMs']
  return [...(shiftMs === 0 ? [] : ['arrivalStart']), ...(isExact ? [] : ['arrivalDigits'])]
}

/** Whether the prompts of two tables with the same rows share the same. */
export function sharesTheSame(a: RequestTable, b: RequestTable): boolean {
  const left = promptSharing(a)
  const right = promptSharing(b)
  return (
    equal(left.sharedWith, right.sharedWith) &&
    equal(left.sharedTokens, right.sharedTokens) &&
    equal(left.contentTokens, right.contentTokens)
  )
}

/** Whether two columns hold the same numbers. */
export function equal(a: Float64Array | Int32Array, b: Float64Array | Int32Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function equalNames(a: RequestTable, b: RequestTable, column: (typeof NAMES)[number]): boolean {
  for (let row = 0; row < a.size; row++) {
    if (a.strings[a[column]?.[row] ?? -1] !== b.strings[b[column]?.[row] ?? -1]) return false
  }
  return true
}
