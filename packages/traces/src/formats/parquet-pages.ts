import * as zlib from 'node:zlib'
import type { ColumnMetaData, FileMetaData, SchemaTree } from 'hyparquet'
import { checkValues } from './parquet-values.js'

/** Pages are not larger than this when unpacked, unless they pack better than gzip can. */
const LARGEST_PAGE_BYTES = 2 ** 26
const BEST_PACKING = 1100

/** Kinds of pages, as Parquet numbers them. */
const DATA = 0
const DICTIONARY = 2
const DATA_2 = 3

/** Unpacks a page: its bytes, and how many they are unpacked. */
export type Unpack = (packed: Uint8Array, bytes: number) => Uint8Array

/** In the compact protocol, true and false are types of their own. */
const FALSE = 2

/** Fields of a page header, and of the headers within it: numbers, or fields again. */
type Fields = Map<number, number | Fields>

/**
 * Checks what a Parquet file says of its own sizes, as its reader believes it: a damaged count would keep
 * it busy for hours. Page headers are Thrift structs in the compact protocol. Where pages have a checksum,
 * it is checked too.
 *
 * @param columns - the columns, as `parquetSchema` gives them
 * @param unpackers - by the name of a codec; pages of others are left to the reader, which knows none
 * @throws Error when something is impossible
 */
export function checkPages(
  file: Uint8Array,
  { num_rows, row_groups }: FileMetaData,
  columns: readonly SchemaTree[],
  unpackers: Readonly<Record<string, Unpack>>,
): void {
  let rows = 0n
  for (const group of row_groups) {
    expect(group.num_rows >= 0n, 'rows')
    rows += group.num_rows
    for (const { meta_data: chunk } of group.columns) {
      if (chunk === undefined) continue
      const { data_page_offset, dictionary_page_offset, total_compressed_size, num_values } = chunk
      expect(num_values >= group.num_rows, 'values')
      const data = Number(data_page_offset)
      const from = dictionary_page_offset ? Math.min(Number(dictionary_page_offset), data) : data
      const to = from + Number(total_compressed_size)
      expect(from >= 4 && to > from && to <= file.length, 'offset')
      checkChunk(file, from, to, columnOf(chunk, columns, unpackers))
    }
  }
  expect(rows === num_rows, 'rows')
}

/** What the pages of a chunk have in common. */
interface Column {
  readonly values: number
  readonly unpack: Unpack | undefined
  readonly isBoolean: boolean
  readonly repetition: number
  readonly definition: number
}

function columnOf(
  { path_in_schema, codec, type, num_values }: ColumnMetaData,
  columns: readonly SchemaTree[],
  unpackers: Readonly<Record<string, Unpack>>,
): Column {
  let within = columns
  let repetition = 0
  let definition = 0
  for (const name of path_in_schema) {
    const node = within.find(({ element }) => element.name === name)
    expect(node !== undefined, 'column')
    const { repetition_type } = node!.element
    if (repetition_type === 'REPEATED') repetition++
    if (repetition_type !== 'REQUIRED') definition++
    within = node!.children
  }
  const unpack = codec === 'UNCOMPRESSED' ? (bytes: Uint8Array) => bytes : unpackers[codec]
  return {
    values: Number(num_values),
    unpack,
    isBoolean: type === 'BOOLEAN',
    repetition,
    definition,
  }
}

function checkChunk(file: Uint8Array, from: number, to: number, column: Column): void {
  const header = new CompactReader(file, from, to)
  let left = column.values
  while (header.at < to && left > 0) {
    const fields = header.struct()
    const type = numberOf(fields.get(1))
    const [unpacked, packed] = [numberOf(fields.get(2)), numberOf(fields.get(3))]
    expect(packed >= 0 && header.at + packed <= to, 'size of a page')
    const most = Math.max(LARGEST_PAGE_BYTES, packed * BEST_PACKING)
    expect(unpacked >= 0 && unpacked <= most, 'size of a page')
    const body = file.subarray(header.at, header.at + packed)
    checkSum(body, fields.get(4))
    header.at += packed
    const own = fields.get(5) ?? fields.get(7) ?? fields.get(8)
    const count = own instanceof Map ? numberOf(own.get(1)) : Number.NaN
    if (type === DICTIONARY) expect(count >= 0 && count <= unpacked * 8, 'entries')
    else {
      expect(count > 0 && count <= left, 'values')
      left -= count
      if (own instanceof Map) checkBody(body, { type, unpacked, count }, own, column)
    }
  }
  expect(left === 0, 'values')
}

function checkBody(
  body: Uint8Array,
  {
    type,
    unpacked,
    count,
  }: { readonly type: number; readonly unpacked: number; readonly count: number },
  own: Fields,
  { unpack, isBoolean, repetition, definition }: Column,
): void {
  if (unpack === undefined) return
  const common = { values: count, isBoolean, repetition, definition }
  if (type === DATA) {
    const bytes = unpack(body, unpacked)
    expect(bytes.length === unpacked, 'size of a page')
    checkValues({ ...common, bytes, encoding: numberOf(own.get(2)) })
  } else if (type === DATA_2) {
    const levels = {
      nulls: numberOf(own.get(2)),
      definition: numberOf(own.get(5)),
      repetition: numberOf(own.get(6)),
    }
    const before = levels.definition + levels.repetition
    expect(before >= 0 && before <= body.length && before <= unpacked, 'size of a page')
    const rest = body.subarray(before)
    const values = own.get(7) === FALSE ? rest : unpack(rest, unpacked - before)
    expect(values.length === unpacked - before, 'size of a page')
    const bytes = new Uint8Array(unpacked)
    bytes.set(body.subarray(0, before))
    bytes.set(values, before)
    checkValues({ ...common, bytes, encoding: numberOf(own.get(4)), levels })
  }
}

/** Node has it from 20.15 on; where it has not, pages are not checked. */
function checkSum(body: Uint8Array, sum: number | Fields | undefined): void {
  const { crc32 } = zlib as { crc32?: (bytes: Uint8Array) => number }
  if (typeof sum === 'number' && crc32 !== undefined) {
    expect((crc32(body) | 0) === (sum | 0), 'checksum of a page')
  }
}

function expect(isFine: boolean, what: string): void {
  if (!isFine) throw new Error(`an impossible number: ${what}`)
}

function numberOf(value: number | Fields | undefined): number {
  return typeof value === 'number' ? value : Number.NaN
}

/** Reads structs of Thrift's compact protocol. */
class CompactReader {
  at: number
  private readonly bytes: Uint8Array
  private readonly end: number

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  struct(depth = 0): Fields {
    expect(depth < 8, 'depth')
    const fields: Fields = new Map()
    for (let id = 0; ; ) {
      const byte = this.byte()
      const type = byte & 15
      if (type === 0) return fields
      id = byte >> 4 === 0 ? this.zigzag() : id + (byte >> 4)
      fields.set(id, this.value(type, depth))
    }
  }

  /** Texts and lists are passed over. */
  private value(type: number, depth: number): number | Fields {
    if (type <= FALSE) return type
    if (type === 3) return this.byte()
    if (type <= 6) return this.zigzag()
    if (type === 7) return this.skip(8)
    if (type === 8) return this.skip(this.varint())
    if (type === 12) return this.struct(depth + 1)
    throw new Error(`an impossible number: type ${type}`)
  }

  private skip(bytes: number): number {
    expect(this.at + bytes <= this.end, 'length')
    this.at += bytes
    return bytes
  }

  private byte(): number {
    expect(this.at < this.end, 'length')
    return this.bytes[this.at++]!
  }

  private varint(): number {
    let value = 0
    for (let factor = 1; factor < 2 ** 64; factor *= 128) {
      const byte = this.byte()
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
    throw new Error('an impossible number')
  }

  private zigzag(): number {
    const value = this.varint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
}
