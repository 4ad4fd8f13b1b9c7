import type { RequestTable } from '@routesim/core'
import { UsageError } from './usage-error.js'

/** Whether a row of a table is kept. */
export type RowFilter = (row: number, table: RequestTable) => boolean

type Names = 'session' | 'user' | 'tenant' | 'model' | 'adapter' | 'sloClass'
type Numbers = 'promptTokens' | 'outputTokens' | 'priority'

const NAMES: Readonly<Record<string, Names>> = {
  session: 'session',
  user: 'user',
  tenant: 'tenant',
  model: 'model',
  adapter: 'adapter',
  slo_class: 'sloClass',
}
const NUMBERS: Readonly<Record<string, Numbers>> = {
  prompt_tokens: 'promptTokens',
  output_tokens: 'outputTokens',
  priority: 'priority',
}
const COMPARE: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '>=': (a, b) => a >= b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '<': (a, b) => a < b,
}

/**
 * Keeps the requests for which all conditions hold, such as `tenant=acme` or `prompt_tokens>=1000`.
 * @throws UsageError
 */
export function parseFilters(conditions: readonly string[]): RowFilter {
  const filters = conditions.map(parseFilter)
  return (row, table) => filters.every((filter) => filter(row, table))
}

function parseFilter(condition: string): RowFilter {
  const [, key = '', sign = '', value = ''] =
    /^\s*(\w+)\s*(>=|<=|!=|=|>|<)\s*(.*?)\s*$/s.exec(condition) ?? []
  const [name, number] = [NAMES[key], NUMBERS[key]]
  if (name !== undefined && (sign === '=' || sign === '!=')) {
    // One that the trace does not name is the empty one.
    return (row, table) =>
      (sign === '=') === ((table.strings[table[name]?.[row] ?? -1] ?? '') === value)
  }
  const compare = COMPARE[sign]
  const limit = Number(value)
  if (number !== undefined && compare !== undefined && value !== '' && !Number.isNaN(limit)) {
    return (row, table) => compare(table[number][row]!, limit)
  }
  throw new UsageError(
    `--filter: expected NAME=VALUE of ${Object.keys(NAMES).join(', ')}, or a comparison of ` +
      `${Object.keys(NUMBERS).join(', ')} such as prompt_tokens>=1000, got "${condition}"`,
  )
}
