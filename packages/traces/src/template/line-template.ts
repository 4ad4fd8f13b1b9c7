import type { NamePool } from '../columns/name-pool.js'
import type { IdRuns } from '../prompts/id-runs.js'
import { NO_MATCH } from './bytes.js'
import { BLOCK_SIZE, IGNORED } from './fields.js'
import { scanIds } from './scan-ids.js'
import { scanIntegerName, scanName, skipString } from './scan-names.js'
import { scanNumber } from './scan-number.js'

/** What stands between two literals of a template; strings and arrays without their delimiters. */
export type ValueKind = 'number' | 'name' | 'integerName' | 'string' | 'ids' | 'end'

const NUMBER = 0
const NAME = 1
const INTEGER_NAME = 2
const STRING = 3
const IDS = 4
const END = 5
const CODES: Readonly<Record<ValueKind, number>> = {
  number: NUMBER,
  name: NAME,
  integerName: INTEGER_NAME,
  string: STRING,
  ids: IDS,
  end: END,
}

/** Bytes that lines have in common, and the value that follows them. */
export interface Segment {
  readonly literal: Uint8Array
  readonly kind: ValueKind
  readonly slot: number
}

const NEWLINE = 0x0a
const RETURN = 0x0d
const WORD = 4

/**
 * The shape of JSON lines that differ in their values only: literal bytes, compared four at a time,
 * and what to read between them. A line that matches is valid JSON with these fields.
 */
export class LineTemplate {
  /** Tells equal templates. */
  readonly shape: string
  readonly hasIds: boolean
  readonly hasBlockSize: boolean
  /** Slots it fills beyond arrival and lengths, without the block size. */
  readonly optionalSlots: Int32Array
  private readonly kinds: Int32Array
  private readonly slots: Int32Array
  /** Words of all literals; those of segment s begin at `wordsFrom[s]`, the last is masked. */
  private readonly words: Int32Array
  private readonly wordsFrom: Int32Array
  private readonly lastMasks: Int32Array
  private readonly lastBytes: Int32Array

  constructor(segments: readonly Segment[]) {
    const slots = segments.map(({ slot }) => slot)
    this.shape = segments.map(({ literal, kind }) => `${literal} ${kind}`).join(' ')
    this.hasIds = segments.some(({ kind }) => kind === 'ids')
    this.hasBlockSize = slots.includes(BLOCK_SIZE)
    this.optionalSlots = Int32Array.from(
      slots.filter((slot) => slot > 2 && slot < IGNORED && slot !== BLOCK_SIZE),
    )
    this.kinds = Int32Array.from(segments, ({ kind }) => CODES[kind])
    this.slots = Int32Array.from(slots)
    this.wordsFrom = new Int32Array(segments.length + 1)
    this.lastMasks = new Int32Array(segments.length)
    this.lastBytes = new Int32Array(segments.length)
    const words: number[] = []
    segments.forEach(({ literal }, i) => {
      const padded = Buffer.alloc(Math.ceil(literal.length / WORD) * WORD)
      padded.set(literal)
      for (let at = 0; at < padded.length; at += WORD) words.push(padded.readInt32LE(at))
      const rest = literal.length - (padded.length - WORD)
      this.lastMasks[i] = rest === WORD ? -1 : (1 << (rest * 8)) - 1
      this.lastBytes[i] = rest
      this.wordsFrom[i + 1] = words.length
    })
    this.words = Int32Array.from(words)
  }

  /**
   * Reads the line at `at` into `values`, `names` and `ids`. A whole line must follow, and 8 bytes
   * more must be there to look at.
   * @returns where the next line begins, {@link NO_MATCH}; values may have been written even then
   */
  match(
    bytes: Uint8Array,
    view: DataView,
    at: number,
    values: Float64Array,
    names: NamePool,
    ids: IdRuns,
  ): number {
    const { kinds, slots, words, wordsFrom, lastMasks, lastBytes } = this
    let p = at
    for (let segment = 0; ; segment++) {
      let word = wordsFrom[segment]!
      const lastWord = wordsFrom[segment + 1]! - 1
      for (; word < lastWord; word++, p += WORD) {
        if (view.getInt32(p, true) !== words[word]) return NO_MATCH
      }
      if ((view.getInt32(p, true) & lastMasks[segment]!) !== words[word]) return NO_MATCH
      p += lastBytes[segment]!
      const slot = slots[segment]!
      const kind = kinds[segment]!
      if (kind === NUMBER) p = scanNumber(bytes, view, p, values, slot)
      else if (kind === IDS) p = scanIds(bytes, view, p, ids)
      else if (kind === NAME) p = scanName(bytes, p, names, values, slot)
      else if (kind === END) break
      else if (kind === STRING) p = skipString(bytes, p)
      else p = scanIntegerName(bytes, p, names, values, slot)
      if (p === NO_MATCH) return NO_MATCH
    }
    if (bytes[p] === RETURN) p++
    return bytes[p] === NEWLINE ? p + 1 : NO_MATCH
  }
}
