import { LEAST_BYTES } from './least-bytes.js'

/** What this uses of WebAssembly, which the types of Node do not name. */
interface WebAssembly {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: object }
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  leastPlaces(costs: number, size: number, places: number): number
  leastPlacesOfIntegers(costs: number, size: number, places: number): number
}

const PAGE_BYTES = 65_536
const BYTES_PER_COST = Float64Array.BYTES_PER_ELEMENT + Int32Array.BYTES_PER_ELEMENT

let found: LeastPlaces | undefined
let isMissing = false

/** Undefined where there is no WebAssembly. */
export function leastPlaces(): LeastPlaces | undefined {
  if (found !== undefined || isMissing) return found
  const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly?: WebAssembly }
  try {
    const bytes = Uint8Array.from(atob(LEAST_BYTES), (byte) => byte.charCodeAt(0))
    found = new LeastPlaces(new wasm!.Instance(new wasm!.Module(bytes)).exports as Exports)
  } catch {
    isMissing = true
  }
  return found
}

/** Finds the places of the least of many numbers in a third of the time that JavaScript takes. */
class LeastPlaces {
  /** Where places are written; another one when there are more costs than ever before. */
  places: Int32Array = new Int32Array(0)
  private costs = new Float64Array(0)
  /** The same memory, for costs that are integers already: no conversion, and twice as many at a time. */
  private integers = new Int32Array(0)
  private placesAt = 0
  private readonly exports: Exports

  constructor(exports: Exports) {
    this.exports = exports
    this.makeRoom(PAGE_BYTES)
  }

  /** @returns how many of so many costs are the least, -1 when one is no number */
  find(costs: ArrayLike<number>, size: number): number {
    if (size > this.costs.length) this.makeRoom(2 * size * BYTES_PER_COST)
    if (costs.length !== size) return this.findFirst(costs, size)
    if (costs instanceof Int32Array) {
      this.integers.set(costs)
      return this.exports.leastPlacesOfIntegers(0, size, this.placesAt)
    }
    this.costs.set(costs)
    return this.exports.leastPlaces(0, size, this.placesAt)
  }

  /** The same among the first of more costs. */
  private findFirst(costs: ArrayLike<number>, size: number): number {
    for (let i = 0; i < size; i++) this.costs[i] = costs[i]!
    return this.exports.leastPlaces(0, size, this.placesAt)
  }

  private makeRoom(bytes: number): void {
    const { memory } = this.exports
    const missing = bytes - memory.buffer.byteLength
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES))
    const size = Math.floor(memory.buffer.byteLength / BYTES_PER_COST)
    this.costs = new Float64Array(memory.buffer, 0, size)
    this.integers = new Int32Array(memory.buffer, 0, size)
    this.placesAt = this.costs.byteLength
    this.places = new Int32Array(memory.buffer, this.placesAt, size)
  }
}
