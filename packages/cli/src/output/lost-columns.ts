import type { RequestTable } from '@routesim/core'
import { absentColumns } from '@routesim/traces'

const MEANING: Readonly<Record<string, string>> = {
  arrivalMs: 'arrival times',
  arrivalStart: 'when the first request arrives (others count from it)',
  arrivalDigits: 'arrival times to the last digit',
  maxTokens: 'declared output limits',
  prefixTokens: 'how much of each prompt is declared shareable',
  joins: 'that requests wait for several',
  predecessor: 'which requests wait for others',
  thinkMs: 'times between requests that wait for others',
  anyEnd: 'that requests are sent however those end that they wait for',
  sloClass: 'classes of service',
  ttftSloMs: 'times to the first token that are asked for',
  deadlineMs: 'deadlines',
  prefix_hash: 'the names of prefixes',
  prompts: 'all that prompts share',
}

/** What a trace format can not hold, in words a user knows; other columns go by their own names. */
export function lostColumns(lost: readonly string[]): string {
  return lost.map((column) => MEANING[column] ?? column).join(', ')
}

/** Tells on stderr what requests that were made after an example do not have of it. */
export function printAbsentColumns(example: RequestTable, made: RequestTable): void {
  const absent = absentColumns(example, made)
  if (absent.length > 0) console.error(`note: new requests do not have: ${lostColumns(absent)}`)
}
