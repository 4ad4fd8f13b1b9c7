import { Int32List } from '@routesim/core'
import { textOfBytes } from './text-of-bytes.js'

const EMPTY = -1

/** Marks a name in UTF-16, which UTF-8 can not hold exactly; no UTF-8 text begins so. */
const UTF16 = 0xff
const LONE_SURROGATE = /\p{Surrogate}/u

/**
 * Numbers names in order of first appearance, without a string per name: it keeps their bytes, and
 * finds a name again by the bytes that a file holds.
 */
export class NamePool {
  private bytes = new Uint8Array(1 << 12)
  private readonly ends = new Int32List()
  private readonly hashes = new Int32List()
  private slots = new Int32Array(1 << 8).fill(EMPTY)

  /** Names so far. */
  get size(): number {
    return this.ends.length
  }

  /** The number of a name given as UTF-8, which lies in `source` from `from` to `to`. */
  ofBytes(source: Uint8Array, from: number, to: number): number {
    let hash = 0
    for (let i = from; i < to; i++) hash = (Math.imul(hash, 31) + source[i]!) | 0
    return this.ofHashed(source, from, to, hash)
  }

  /** The same, for who hashed the bytes on the way: `hash * 31 + byte` for each, from 0. */
  ofHashed(source: Uint8Array, from: number, to: number, hash: number): number {
    const mask = this.slots.length - 1
    let slot = spread(hash) & mask
    for (;;) {
      const id = this.slots[slot]!
      if (id === EMPTY) break
      if (this.hashes.values[id] === hash && this.isAt(id, source, from, to)) return id
      slot = (slot + 1) & mask
    }
    return this.add(source, from, to, hash)
  }

  ofString(name: string): number {
    const bytes = LONE_SURROGATE.test(name)
      ? Buffer.concat([Uint8Array.of(UTF16), Buffer.from(name, 'utf16le')])
      : Buffer.from(name)
    return this.ofBytes(bytes, 0, bytes.length)
  }

  /** The name with a number. */
  name(id: number): string {
    const start = id === 0 ? 0 : this.ends.values[id - 1]!
    const end = this.ends.values[id]!
    const { buffer } = this.bytes
    return this.bytes[start] === UTF16 && end > start
      ? Buffer.from(buffer, start + 1, end - start - 1).toString('utf16le')
      : textOfBytes(this.bytes, start, end)
  }

  private isAt(id: number, source: Uint8Array, from: number, to: number): boolean {
    const { bytes } = this
    const start = id === 0 ? 0 : this.ends.values[id - 1]!
    if (this.ends.values[id]! - start !== to - from) return false
    for (let i = from, j = start; i < to; i++, j++) if (bytes[j] !== source[i]) return false
    return true
  }

  private add(source: Uint8Array, from: number, to: number, hash: number): number {
    const id = this.size
    const start = id === 0 ? 0 : this.ends.values[id - 1]!
    const end = start + to - from
    if (end > this.bytes.length) {
      const grown = new Uint8Array(Math.max(this.bytes.length * 2, end))
      grown.set(this.bytes)
      this.bytes = grown
    }
    this.bytes.set(source.subarray(from, to), start)
    this.ends.push(end)
    this.hashes.push(hash)
    if (id * 2 >= this.slots.length) {
      this.slots = new Int32Array(this.slots.length * 2).fill(EMPTY)
      for (let known = 0; known <= id; known++) this.place(known)
    } else this.place(id)
    return id
  }

  private place(id: number): void {
    const mask = this.slots.length - 1
    let slot = spread(this.hashes.values[id]!) & mask
    while (this.slots[slot] !== EMPTY) slot = (slot + 1) & mask
    this.slots[slot] = id
  }
}

function spread(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return mixed ^ (mixed >>> 13)
}
