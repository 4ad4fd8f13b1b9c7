import { RouteSimError } from '@routesim/core'
import type { HardwareErrorCode } from '../errors/hardware-error-code.js'

/** One measured kind of step. */
export interface LatencyTableRow {
  /** Prompt tokens computed. */
  readonly prefillTokens: number
  /** Requests that get one output token. */
  readonly decodeRequests: number
  /** Mean context of those requests, in tokens; without meaning where there are none. */
  readonly contextTokens: number
  readonly stepMs: number
}

const COLUMNS = ['prefill_tokens', 'decode_requests', 'context_tokens', 'step_ms'] as const

/**
 * Reads a latency table: CSV whose header names `prefill_tokens`, `decode_requests`, `context_tokens`
 * (the mean of the decoding requests) and `step_ms`, in any order; further columns are left alone.
 * @param name - what error messages call the text
 * @throws RouteSimError `latency_table_invalid`, with the line
 */
export function parseLatencyTable(csv: string, name = 'latency table'): LatencyTableRow[] {
  const lines = csv.split(/\r?\n/)
  const titles = cells(lines[0] ?? '')
  const positions = COLUMNS.map((column) => titles.indexOf(column))
  const missing = COLUMNS.filter((_, i) => positions[i] === -1)
  if (missing.length > 0) {
    refuse(`${name}:1: expected the columns ${COLUMNS.join(', ')}; missing: ${missing.join(', ')}`)
  }
  return lines.flatMap((line, index) => {
    if (index === 0 || line.trim() === '') return []
    const found = cells(line)
    const [prefillTokens, decodeRequests, contextTokens, stepMs] = COLUMNS.map((column, i) => {
      const cell = found[positions[i]!] ?? ''
      const value = cell === '' ? Number.NaN : Number(cell)
      const isTime = column === 'step_ms'
      if (value >= 0 && value < Number.POSITIVE_INFINITY && !(isTime && value === 0)) return value
      const expected = isTime ? 'a number > 0' : 'a number >= 0'
      return refuse(`${name}:${index + 1}: ${column}: expected ${expected}, got "${cell}"`)
    }) as [number, number, number, number]
    return [{ prefillTokens, decodeRequests, contextTokens, stepMs }]
  })
}

function cells(line: string): string[] {
  return line.split(',').map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'))
}

function refuse(message: string): never {
  throw new RouteSimError<HardwareErrorCode>(message, { code: 'latency_table_invalid' })
}
