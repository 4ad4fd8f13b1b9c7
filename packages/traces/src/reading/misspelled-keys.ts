import { closestName } from '@routesim/core'
import { describeKey } from '../errors/describe-value.js'
import type { JsonObject } from './json-fields.js'

/** Lines that are looked at: one more shape of line is seldom new after them. */
const MOST_LINES = 1000
const MOST_NOTES = 5
/** Of shorter names, any other short one is nearly the same. */
const SHORTEST_NAME = 4

/**
 * Finds keys that are nearly those of a format, in the first lines that have no template yet. Traces may have
 * keys of their own, so it is worth no more than a note.
 */
export class MisspelledKeys {
  /** One per key. */
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
      const near = closestName(key, missing)
      if (near === undefined || this.notes.length === MOST_NOTES) continue
      this.notes.push(`${where} ${describeKey(key)}: unknown key, ignored; did you mean "${near}"?`)
    }
  }
}
