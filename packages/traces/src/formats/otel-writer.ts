import type { RequestTable } from '@routesim/core'
import type { PrefixHashes } from '../columns/lower-columns.js'
import { lowerRecords } from '../columns/lower-records.js'
import type { TraceRecord } from '../columns/trace-record.js'
import { declarePrefixes } from '../writing/declare-prefixes.js'
import type { EncodedTrace } from '../writing/encoded-trace.js'
import { lostColumns } from '../writing/lost-columns.js'
import { OTEL_NAMES } from './otel-attributes.js'

/** OTLP takes a start of 0 for unknown, so arrivals count from this second of November 2023. */
const EPOCH_NS = 1_700_000_000_000_000_000n

const STRINGS = ['model', 'session', 'user', 'prefixHash'] as const
const INTEGERS = ['promptTokens', 'outputTokens', 'maxTokens', 'prefixTokens'] as const

/**
 * OTLP JSON with GenAI attributes: a document of one span per line (`lines`), or one document.
 * Arrivals are whole nanoseconds, and on reading count from the first.
 */
export function encodeOtel(
  table: RequestTable,
  prefixHashes: PrefixHashes | undefined,
  layout: 'lines' | 'document',
): EncodedTrace {
  const { records, exact } = declarePrefixes(table, prefixHashes)
  for (const record of records) {
    delete record.adapter
    delete record.tenant
    delete record.priority
    delete record.sloClass
    delete record.ttftSloMs
    delete record.deadlineMs
    delete record.predecessor
    delete record.thinkMs
    delete record.anyEnd
    // A prefix that is not quite what is shared would claim sharing where there is none.
    if (!exact) delete record.prefixTokens
    if (!exact && prefixHashes === undefined) delete record.prefixHash
  }
  const lost = lostColumns(table, readBack(records))
  return { lines: layout === 'lines' ? lines(records) : documentLines(records), lost }
}

function* lines(records: readonly TraceRecord[]): Generator<string> {
  for (let row = 0; row < records.length; row++) {
    yield `{"resourceSpans":[{"scopeSpans":[{"spans":[${span(records[row]!, row)}]}]}]}`
  }
}

function* documentLines(records: readonly TraceRecord[]): Generator<string> {
  yield '{"resourceSpans":[{"scopeSpans":[{"spans":['
  for (let row = 0; row < records.length; row++) {
    yield `${span(records[row]!, row)}${row === records.length - 1 ? '' : ','}`
  }
  yield ']}]}]}'
}

function span(record: TraceRecord, row: number): string {
  const start = String(EPOCH_NS + nanoseconds(record.arrivalMs))
  const id = (row + 1).toString(16)
  return JSON.stringify({
    traceId: id.padStart(32, '0'),
    spanId: id.padStart(16, '0'),
    name: 'chat',
    kind: 3,
    startTimeUnixNano: start,
    endTimeUnixNano: start,
    attributes: [...attributes(record)],
  })
}

function* attributes(record: TraceRecord): Generator<object> {
  yield { key: 'gen_ai.operation.name', value: { stringValue: 'chat' } }
  for (const field of INTEGERS) {
    const value = record[field]
    if (value !== undefined) yield { key: OTEL_NAMES[field][0], value: { intValue: String(value) } }
  }
  for (const field of STRINGS) {
    const value = record[field]
    if (value !== undefined) yield { key: OTEL_NAMES[field][0], value: { stringValue: value } }
  }
}

function nanoseconds(ms: number): bigint {
  const whole = Math.floor(ms)
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6))
}

function readBack(records: readonly TraceRecord[]): RequestTable {
  const first = nanoseconds(records[0]?.arrivalMs ?? 0)
  const copies = records.map((record) => ({
    ...record,
    arrivalMs: Number(nanoseconds(record.arrivalMs) - first) / 1e6,
  }))
  return lowerRecords(copies, 'extend').table
}
