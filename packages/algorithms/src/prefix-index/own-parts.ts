import { grown } from '../pickers/column.js'

const NONE = -1

/**
 * What prompts have for themselves, as each backend was sent it: so many tokens at a time, the earliest first, as no
 * other prompt uses it again. All operations are O(1); no allocation once grown.
 */
export class OwnParts {
  // By part, in a list for each backend. Of one that is not in use, the next is the next such one.
  private uses = new Float64Array(0)
  private sizes = new Float64Array(0)
  private next = new Int32Array(0)
  private unused = NONE
  private count = 0
  // By backend.
  private firsts = new Int32Array(0)
  private lasts = new Int32Array(0)

  /** Memory that it takes, in bytes. */
  get bytes(): number {
    const perPart = 2 * this.uses.byteLength + this.next.byteLength
    return perPart + this.firsts.byteLength + this.lasts.byteLength
  }

  /** Adds a part. @param use - number of the prompt, above those before it */
  add(backend: number, use: number, tokens: number): void {
    if (backend >= this.firsts.length) this.reserve(backend)
    const part = this.take()
    this.uses[part] = use
    this.sizes[part] = tokens
    this.next[part] = NONE
    const last = this.lasts[backend]!
    if (last === NONE) this.firsts[backend] = part
    else this.next[last] = part
    this.lasts[backend] = part
  }

  /** The use of the earliest part of a backend, Infinity for none. */
  oldestUse(backend: number): number {
    const first = this.firsts[backend] ?? NONE
    return first === NONE ? Number.POSITIVE_INFINITY : this.uses[first]!
  }

  /** Forgets the earliest part of a backend, which must have one. @returns its tokens */
  dropOldest(backend: number): number {
    const part = this.firsts[backend]!
    const after = this.next[part]!
    this.firsts[backend] = after
    if (after === NONE) this.lasts[backend] = NONE
    this.next[part] = this.unused
    this.unused = part
    return this.sizes[part]!
  }

  private take(): number {
    const part = this.unused
    if (part !== NONE) {
      this.unused = this.next[part]!
      return part
    }
    if (this.count === this.next.length) {
      const size = Math.max(256, 2 * this.count)
      this.uses = grown(this.uses, new Float64Array(size))
      this.sizes = grown(this.sizes, new Float64Array(size))
      this.next = grown(this.next, new Int32Array(size))
    }
    return this.count++
  }

  private reserve(backend: number): void {
    const size = Math.max(16, 2 * (backend + 1))
    this.firsts = grown(this.firsts, new Int32Array(size).fill(NONE))
    this.lasts = grown(this.lasts, new Int32Array(size).fill(NONE))
  }
}
