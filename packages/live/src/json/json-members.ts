import { OutermostMarks } from './outermost-marks.js'

const BRACE = 0x7b
const COLON = 0x3a
const COMMA = Buffer.from(',')

/** Where a member of an object stands, with the blanks around it. */
interface Member {
  readonly name: string
  readonly start: number
  readonly valueStart: number
  readonly end: number
}

/**
 * The source text of a member of a JSON object, of several of that name the last, as `JSON.parse` takes it.
 * @param json - any valid JSON
 * @returns nothing when it is no object, or has no such member
 */
export function memberOf(json: Buffer, name: string): Buffer | undefined {
  let found: Member | undefined
  for (const member of membersOf(json)) if (member.name === name) found = member
  return found && json.subarray(found.valueStart, found.end)
}

/**
 * A JSON object with other values for some of its members. All the rest keeps its bytes: parsing and writing it
 * anew would round long integers, and lose what only the source tells.
 * @param json - a valid JSON object
 * @param changes - JSON by name of the member; undefined where there is to be none
 */
export function withMembers(
  json: Buffer,
  changes: Readonly<Record<string, Uint8Array | string | undefined>>,
): Buffer {
  const pieces: Buffer[] = []
  const missing = new Map(Object.entries(changes))
  let kept: { readonly start: number; end: number } | undefined
  const keep = (): void => {
    if (kept !== undefined) pieces.push(json.subarray(kept.start, kept.end))
    kept = undefined
  }
  for (const { name, start, valueStart, end } of membersOf(json)) {
    if (!Object.hasOwn(changes, name)) {
      kept ??= { start, end }
      kept.end = end
      continue
    }
    keep()
    missing.delete(name)
    const value = changes[name]
    if (value !== undefined)
      pieces.push(Buffer.concat([json.subarray(start, valueStart), Buffer.from(value)]))
  }
  keep()
  for (const [name, value] of missing) {
    if (value !== undefined)
      pieces.push(Buffer.concat([Buffer.from(`${JSON.stringify(name)}:`), Buffer.from(value)]))
  }
  const opening = json.subarray(0, json.indexOf('{') + 1)
  const closing = json.subarray(json.lastIndexOf('}'))
  const members = pieces.flatMap((piece, i) => (i === 0 ? [piece] : [COMMA, piece]))
  return Buffer.concat([opening, ...members, closing])
}

function* membersOf(json: Buffer): Generator<Member> {
  const marks = new OutermostMarks()
  const opening = marks.next(json, 0)
  if (json[opening] !== BRACE) return
  let start = opening + 1
  for (;;) {
    const colon = marks.next(json, start)
    if (json[colon] !== COLON) return
    const valueStart = colon + 1
    const end = marks.next(json, valueStart)
    yield { name: nameIn(json.toString('utf8', start, colon)), start, valueStart, end }
    start = end + 1
  }
}

function nameIn(source: string): string {
  return source.includes('\\') ? (JSON.parse(source) as string) : source.trim().slice(1, -1)
}
