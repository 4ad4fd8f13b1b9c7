import { closestName } from '@routesim/core'
import { describeKey } from '../errors/describe-value.js'
import type { JsonObject } from './json-fields.js'

/** Lines that are looked at: one more shape of line is seldom new after them. */
const MOST_LINES = 1000
const MOST_NOTES = 5
/** Names of one thing that are not alike, as formats have them. */
const SYNONYMS: Readonly<Record<string, string>> = {
  session_id: 'conversation_id',
  conversation_id: 'session_id',
}

/** Of shorter names, any other short one is nearly the same. */
const SHORTEST_NAME = 4

/**
 * Finds keys that are nearly those of a format, or those that another format has for them, in the first lines
 * that have no template yet. Traces may have keys of their own, so it is worth no more than a note.
 */
export class MisspelledKeys {
  /** One per key, as long as they are few. */
  readonly notes: string[] = []
  private readonly seen = new Set<string>()
  private lines = 0

  /**
   * Looks at the keys of a line.
   * @param known - keys of the format
   */
  look(line: JsonObject, known: ReadonlySet<string>, where: string): void {
    if (this.lines === MOST_LINES) return
    this.lines++
    for (const key in line) {
      if (known.has(key) || this.seen.has(key)) continue
      this.seen.add(key)
      // A key that is there is not the one that was meant.
      const missing = [...known].filter((name) => name.length >= SHORTEST_NAME && !(name in line))
      const synonym = missing.find((name) => name === SYNONYMS[key])
      const near = synonym ?? closestName(key, missing)
      if (near === undefined || this.notes.length > MOST_NOTES) continue
      this.notes.push(
        this.notes.length === MOST_NOTES
          ? `${where} ${describeKey(key)}: unknown key, ignored; further ones are not listed`
          : `${where} ${describeKey(key)}: unknown key, ignored; did you mean "${near}"?`,
      )
    }
  }
}
