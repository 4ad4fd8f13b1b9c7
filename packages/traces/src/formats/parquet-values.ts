/** A page of values, unpacked, and what its header and its column say of it. */
export interface ValuePage {
  readonly bytes: Uint8Array
  readonly values: number
  /** As Parquet numbers them. */
  readonly encoding: number
  readonly isBoolean: boolean
  /** How deep its values are repeated, and how deep they may be absent. */
  readonly repetition: number
  readonly definition: number
  /** Of a page of the second version: lengths of the levels in bytes, and how many values are absent. */
  readonly levels?: {
    readonly repetition: number
    readonly definition: number
    readonly nulls: number
  }
}

const PLAIN_DICTIONARY = 2
const RLE = 3
const DELTA_BINARY = 5
const DELTA_LENGTHS = 6
const DELTA_BYTES = 7
const RLE_DICTIONARY = 8

/** Values that a run may hold beyond the last: those that fill its last byte. */
const PADDING = 7

/**
 * Checks that the runs and blocks in which a page counts its values end, as its reader follows any count.
 * @throws Error when one is impossible
 */
export function checkValues(page: ValuePage): void {
  const cursor = new Cursor(page.bytes)
  const { levels, values } = page
  if (page.repetition > 0) checkLevels(cursor, page.repetition, values, levels?.repetition)
  else cursor.skip(levels?.repetition ?? 0)
  const present =
    page.definition > 0 ? checkLevels(cursor, page.definition, values, levels?.definition) : values
  if (page.definition === 0) cursor.skip(levels?.definition ?? 0)
  const count = levels === undefined ? present : values - levels.nulls
  expect(count >= 0)
  switch (page.encoding) {
    case RLE:
      if (!page.isBoolean) return
      // Their length stands before them.
      cursor.skip(4)
      checkRuns(cursor, 1, count)
      return
    case PLAIN_DICTIONARY:
    case RLE_DICTIONARY: {
      if (count === 0) return
      const width = cursor.byte()
      expect(width <= 32)
      if (width > 0) checkRuns(cursor, width, count)
      return
    }
    case DELTA_BINARY:
    case DELTA_LENGTHS:
      checkDeltas(cursor, count)
      return
    case DELTA_BYTES:
      checkDeltas(cursor, count)
      checkDeltas(cursor, count)
      return
    default:
  }
}

/** @returns how many of the levels are the deepest */
function checkLevels(
  cursor: Cursor,
  deepest: number,
  values: number,
  bytes = cursor.uint32(),
): number {
  const end = cursor.at + bytes
  expect(end <= cursor.end)
  const count = checkRuns(cursor, 32 - Math.clz32(deepest), values, deepest)
  cursor.at = end
  return count
}

/**
 * Runs of one value, or of values of `width` bits each.
 * @returns how many of the values are `sought`
 */
function checkRuns(cursor: Cursor, width: number, values: number, sought = -1): number {
  let found = 0
  for (let seen = 0; seen < values; ) {
    const header = cursor.varint()
    const isPacked = header % 2 === 1
    const count = isPacked ? ((header - 1) / 2) * 8 : header / 2
    const left = values - seen
    expect(count > 0 && count <= left + PADDING)
    const from = cursor.at
    cursor.skip(isPacked ? (count / 8) * width : (width + 7) >> 3)
    if (sought < 0) seen += count
    else if (!isPacked) {
      if (cursor.bits(from, 0, width) === sought) found += Math.min(count, left)
      seen += count
    } else {
      const end = Math.min(count, left)
      for (let i = 0; i < end; i++) if (cursor.bits(from, i * width, width) === sought) found++
      seen += count
    }
  }
  return found
}

/** Blocks of differences, each of a number of miniblocks with a width of their own. */
function checkDeltas(cursor: Cursor, values: number): void {
  const block = cursor.varint()
  const miniblocks = cursor.varint()
  cursor.varint()
  cursor.varint()
  const each = block / miniblocks
  expect(miniblocks > 0 && each > 0 && each % 8 === 0)
  for (let seen = 1; seen < values; ) {
    cursor.varint()
    const widths = cursor.at
    cursor.skip(miniblocks)
    for (let i = 0; i < miniblocks && seen < values; i++) {
      const width = cursor.bits(widths + i, 0, 8)
      expect(width <= 64)
      cursor.skip((each * width) / 8)
      seen += each
    }
  }
}

function expect(isFine: boolean): void {
  if (!isFine) throw new Error('an impossible number: a run of values')
}

/** Where in the bytes of a page. */
class Cursor {
  at = 0
  readonly end: number
  private readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.end = bytes.length
  }

  byte(): number {
    expect(this.at < this.end)
    return this.bytes[this.at++]!
  }

  skip(bytes: number): void {
    expect(bytes >= 0 && this.at + bytes <= this.end)
    this.at += bytes
  }

  uint32(): number {
    let value = 0
    for (let factor = 1; factor < 2 ** 32; factor *= 256) value += this.byte() * factor
    return value
  }

  /** Exact up to 2^53. */
  varint(): number {
    let value = 0
    for (let factor = 1; factor < 2 ** 70; factor *= 128) {
      const byte = this.byte()
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
    throw new Error('an impossible number')
  }

  /** Up to 8 bits, `offset` bits after the byte at `from`. */
  bits(from: number, offset: number, width: number): number {
    const at = from + (offset >> 3)
    const pair = this.bytes[at]! | ((this.bytes[at + 1] ?? 0) << 8)
    return (pair >> (offset & 7)) & ((1 << width) - 1)
  }
}
