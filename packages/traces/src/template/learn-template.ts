import {
  ARRIVAL,
  BLOCK_IDS,
  FIRST_NAME,
  IGNORED,
  LEFT_TO_READER,
  OUTPUT,
  PROMPT,
} from './fields.js'
import { LineTemplate, type Segment, type ValueKind } from './line-template.js'

const SPACE = /[ \t]*/y
const KEY = /"([^"\\\p{Cc}]*)"[ \t]*:[ \t]*/uy
const STRING = /"[^"\\\p{Cc}]*"/uy
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const INTEGER_NAME = /^(?:0|[1-9]\d{0,14})$/
const IDS = /\[[\d, ]*\]/y
const WORD = /true|false|null/y

/** A text with a position in it. */
class Cursor {
  at = 0
  private readonly text: string

  constructor(text: string) {
    this.text = text
  }

  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text) ?? undefined
    if (found !== undefined) this.at += found[0].length
    return found
  }

  takeChar(char: string): boolean {
    if (this.text[this.at] !== char) return false
    this.at++
    return true
  }

  get isAtEnd(): boolean {
    return this.at === this.text.length
  }
}

/**
 * The template of a line that was read without fault: a flat JSON object of known fields, and of
 * others that hold strings and numbers, with a time and both lengths. `undefined` when it is anything else.
 */
export function learnTemplate(
  line: Uint8Array,
  fields: ReadonlyMap<string, number>,
): LineTemplate | undefined {
  // One character per byte, so that positions in both are the same.
  const cursor = new Cursor(Buffer.from(line).toString('latin1'))
  const segments: Segment[] = []
  const seen = new Set<string>()
  let literalFrom = 0
  if (!cursor.takeChar('{')) return undefined
  do {
    cursor.take(SPACE)
    const key = cursor.take(KEY)?.[1]
    if (key === undefined || seen.has(key)) return undefined
    seen.add(key)
    const slot = fields.get(key) ?? IGNORED
    if (slot === LEFT_TO_READER) return undefined
    const from = cursor.at
    const value = takeValue(cursor, key, slot)
    if (value === undefined) return undefined
    if (value.kind !== 'literal') {
      const valueFrom = from + value.delimiter
      segments.push({ literal: copyOf(line, literalFrom, valueFrom), kind: value.kind, slot })
      literalFrom = cursor.at - value.delimiter
    }
    cursor.take(SPACE)
  } while (cursor.takeChar(','))
  if (!cursor.takeChar('}')) return undefined
  segments.push({ literal: copyOf(line, literalFrom, cursor.at), kind: 'end', slot: IGNORED })
  cursor.take(SPACE)
  // What takes the place of a value that is missing, only the reader of the format knows.
  const isWhole = REQUIRED.every((slot) => segments.some((segment) => segment.slot === slot))
  return cursor.isAtEnd && isWhole ? new LineTemplate(segments) : undefined
}

const REQUIRED = [ARRIVAL, PROMPT, OUTPUT]

/** The value at the cursor, and the length of the delimiters around what varies in it. */
function takeValue(
  cursor: Cursor,
  key: string,
  slot: number,
): { kind: ValueKind | 'literal'; delimiter: number } | undefined {
  const word = cursor.take(WORD)?.[0]
  if (word !== undefined) {
    const isKnown = slot !== IGNORED || key === BLOCK_IDS
    return isKnown && word !== 'null' ? undefined : { kind: 'literal', delimiter: 0 }
  }
  if (key === BLOCK_IDS) return cursor.take(IDS) && { kind: 'ids', delimiter: 1 }
  const isName = slot >= FIRST_NAME && slot < IGNORED
  if (cursor.take(STRING) !== undefined) {
    if (isName) return { kind: 'name', delimiter: 1 }
    return slot === IGNORED ? { kind: 'string', delimiter: 1 } : undefined
  }
  const number = cursor.take(NUMBER)?.[0]
  if (number === undefined) return undefined
  if (!isName) return { kind: 'number', delimiter: 0 }
  return INTEGER_NAME.test(number) ? { kind: 'integerName', delimiter: 0 } : undefined
}

/** A copy, which the slice of a Buffer would not be. */
function copyOf(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8Array(bytes.subarray(from, to))
}
