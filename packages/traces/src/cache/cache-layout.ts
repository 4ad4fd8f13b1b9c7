import { createHash } from 'node:crypto'
import { NO_NODE, type RequestTable } from '@routesim/core'
import type { LoweredRecords } from '../columns/lower-columns.js'
import type { TraceFormat } from '../formats/trace-format.js'
import type { SkippedRecords } from '../reading/record-collector.js'

/**
 * Layout of a cache file, all numbers little-endian:
 *
 * | bytes    | what                                                                       |
 * | -------- | -------------------------------------------------------------------------- |
 * | 0 to 7   | `RSTRACE` and the version of this layout and of what readers make of a file |
 * | 8 to 15  | length of the head in bytes, uint32; zero                                  |
 * | 16 to 31 | length of the body in bytes, float64; zero                                 |
 * | 32 to 63 | SHA-256 of bytes 0 to 31 and of all that follows                           |
 * | 64 ...   | the head: {@link CacheHead} as JSON in UTF-8, spaces up to 8 bytes          |
 * | then     | the body: columns of int32 or float64, each with zeros up to 8 bytes       |
 */
const MAGIC = Buffer.from('RSTRACE\u0007')
export const PREAMBLE_BYTES = 64
const CHECKSUM_AT = 32
const ALIGNMENT = 8
/** Bytes that a hash takes at once; it refuses 2 GiB. */
const MOST_HASHED = 2 ** 30

/** What a cache file was made from. */
export interface CacheKey {
  /** SHA-256 of the bytes of the trace file. */
  readonly sha256: string
  /** The options that shape the result, as JSON. */
  readonly options: string
}

/** What reading a trace gave, as far as it does not depend on the name of the file. */
export interface CachedRead extends LoweredRecords {
  readonly format: TraceFormat
  readonly skipped: SkippedRecords
  readonly ignored: number
  /** What a user should know of the trace. */
  readonly notes: readonly string[]
}

/** A column: values in the body, one value for all rows, or the same as a column before. */
type ColumnPlace =
  | { readonly offset: number; readonly length: number }
  | { readonly value: number; readonly length: number }
  | { readonly sameAs: string }

/** The head of a cache file. */
export interface CacheHead {
  readonly key: CacheKey
  readonly rest: Pick<CachedRead, 'format' | 'skipped' | 'ignored' | 'notes'>
  readonly rows: number
  readonly nodes: number
  /** As in the prompt tree. */
  readonly blockTokens?: number | undefined
  readonly strings: readonly string[]
  readonly prefixNames: readonly string[]
  readonly columns: Readonly<Record<string, ColumnPlace>>
}

type Column = Float64Array | Int32Array

/** All others hold 32-bit integers. */
const FLOAT_COLUMNS: ReadonlySet<string> = new Set(['arrivalMs', 'deadlineMs', 'thinkMs'])

const TREE_COLUMNS = ['parent', 'startTokens', 'endTokens'] as const

/** The parts of a cache file, in order. */
export function encodeCache(key: CacheKey, read: CachedRead): Uint8Array[] {
  const { table, prefixHashes, format, skipped, ignored, notes } = read
  const places: Record<string, ColumnPlace> = {}
  const body: Uint8Array[] = []
  const nameOf = new Map<Column, string>()
  let offset = 0
  for (const [name, column] of columnsOf(read)) {
    const known = nameOf.get(column)
    nameOf.set(column, known ?? name)
    const value = column instanceof Int32Array ? onlyValue(column) : undefined
    if (known !== undefined) places[name] = { sameAs: known }
    else if (value !== undefined) places[name] = { value, length: column.length }
    else {
      places[name] = { offset, length: column.length }
      body.push(new Uint8Array(column.buffer, column.byteOffset, column.byteLength))
      body.push(new Uint8Array(padding(column.byteLength)))
      offset += column.byteLength + padding(column.byteLength)
    }
  }
  const head: CacheHead = {
    key,
    rest: { format, skipped, ignored, notes },
    rows: table.size,
    nodes: table.prompts.size,
    blockTokens: table.prompts.blockTokens,
    strings: table.strings,
    prefixNames: prefixHashes.names,
    columns: places,
  }
  const json = Buffer.from(JSON.stringify(head))
  const parts = [json, Buffer.alloc(padding(json.length), ' '), ...body]
  return [preamble(json.length + padding(json.length), offset, parts), ...parts]
}

/** Lengths of head and body, as the first {@link PREAMBLE_BYTES} bytes say; `undefined` when odd. */
export function cacheLengths(start: Buffer): { head: number; body: number } | undefined {
  if (start.length < PREAMBLE_BYTES || !start.subarray(0, MAGIC.length).equals(MAGIC)) {
    return undefined
  }
  return { head: start.readUInt32LE(8), body: start.readDoubleLE(16) }
}

/** Whether head and body are what was written. */
export function isIntact(start: Buffer, head: Uint8Array, body: Uint8Array): boolean {
  return checksum([start.subarray(0, CHECKSUM_AT), head, body]).equals(start.subarray(CHECKSUM_AT))
}

/** What an intact cache file holds; its columns are views of the body, in shared memory. */
export function decodeCache(head: CacheHead, body: SharedArrayBuffer): CachedRead {
  const columns = new Map<string, Column>()
  const ofValue = new Map<string, Int32Array>()
  for (const [name, place] of Object.entries(head.columns)) {
    columns.set(name, columnAt(name, place, body, columns, ofValue))
  }
  const fields: Record<string, unknown> = { size: head.rows }
  const prompts: Record<string, unknown> = { size: head.nodes }
  if (head.blockTokens !== undefined) prompts['blockTokens'] = head.blockTokens
  for (const [name, column] of columns) {
    if (name.startsWith('prompts.')) prompts[name.slice('prompts.'.length)] = column
    else if (name !== 'prefixHashes') fields[name] = column
  }
  const of = columns.get('prefixHashes') as Int32Array
  return {
    table: { ...fields, strings: head.strings, prompts } as unknown as RequestTable,
    prefixHashes: { of, names: head.prefixNames },
    ...head.rest,
  }
}

function* columnsOf({ table, prefixHashes }: CachedRead): Generator<[string, Column]> {
  for (const [name, column] of Object.entries(table)) {
    if (column instanceof Int32Array || column instanceof Float64Array) yield [name, column]
  }
  for (const name of TREE_COLUMNS) yield [`prompts.${name}`, table.prompts[name]]
  yield ['prefixHashes', prefixHashes.of]
}

function columnAt(
  name: string,
  place: ColumnPlace,
  body: SharedArrayBuffer,
  columns: ReadonlyMap<string, Column>,
  ofValue: Map<string, Int32Array>,
): Column {
  if ('sameAs' in place) return columns.get(place.sameAs)!
  const { length } = place
  if ('offset' in place) {
    return FLOAT_COLUMNS.has(name)
      ? new Float64Array(body, place.offset, length)
      : new Int32Array(body, place.offset, length)
  }
  const key = `${place.value} ${length}`
  const column =
    ofValue.get(key) ?? new Int32Array(new SharedArrayBuffer(length * 4)).fill(place.value)
  ofValue.set(key, column)
  return column
}

/** The value that all elements have, if there is one. */
function onlyValue(column: Int32Array): number | undefined {
  const first = column[0] ?? NO_NODE
  for (let i = 1; i < column.length; i++) if (column[i] !== first) return undefined
  return first
}

function preamble(head: number, body: number, parts: readonly Uint8Array[]): Buffer {
  const start = Buffer.alloc(PREAMBLE_BYTES)
  start.set(MAGIC)
  start.writeUInt32LE(head, 8)
  start.writeDoubleLE(body, 16)
  start.set(checksum([start.subarray(0, CHECKSUM_AT), ...parts]), CHECKSUM_AT)
  return start
}

function checksum(parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) {
    for (let at = 0; at < part.length; at += MOST_HASHED) {
      hash.update(part.subarray(at, at + MOST_HASHED))
    }
  }
  return hash.digest()
}

function padding(bytes: number): number {
  return (ALIGNMENT - (bytes % ALIGNMENT)) % ALIGNMENT
}
