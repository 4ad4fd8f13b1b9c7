import { RouteSimError } from '@routesim/core'
import { RecordPool } from './record-pool.js'

const NONE = -1

// Fields of a holding: what one running request holds on one backend.
export const REQUEST = 0
export const AT = 1
/** Deepest extent of the tree that it pins, and the extent of its own blocks. */
export const HELD_EXTENT = 2
export const OWN = 3
/** Leading blocks that are computed and pinned, and blocks in all. */
export const PINS = 4
export const BLOCKS = 5
export const NEXT_HOLDING = 6
/** Blocks on the path of the prompt; the rest is the request's own. */
export const PATH_END = 7
const HOLDING_FIELDS = 8

/** What running requests hold, a record for each request and backend. */
export class Holdings {
  /** The fields of all holdings. Read it anew after one was added. */
  readonly pool: RecordPool = new RecordPool(HOLDING_FIELDS, 64)
  /** Per request: its first holding, one per backend. */
  readonly heads: Int32Array

  constructor(requests: number) {
    this.heads = new Int32Array(requests).fill(NONE)
  }

  /** Adds one that pins nothing. */
  add(backend: number, request: number, blocks: number, pathEnd: number): number {
    const h = this.pool.take()
    const x = this.pool.data
    x[h + REQUEST] = request
    x[h + AT] = backend
    x[h + HELD_EXTENT] = NONE
    x[h + OWN] = NONE
    x[h + PINS] = 0
    x[h + BLOCKS] = blocks
    x[h + NEXT_HOLDING] = this.heads[request]!
    x[h + PATH_END] = pathEnd
    this.heads[request] = h
    return h
  }

  /** @throws RouteSimError `kv_cache_broken` when there is none */
  of(backend: number, request: number): number {
    const x = this.pool.data
    let h = this.heads[request]!
    while (h !== NONE && x[h + AT] !== backend) h = x[h + NEXT_HOLDING]!
    if (h === NONE) throw broken(`request ${request} holds no blocks on backend ${backend}`)
    return h
  }

  remove(h: number): void {
    const x = this.pool.data
    const request = x[h + REQUEST]!
    if (this.heads[request] === h) {
      this.heads[request] = x[h + NEXT_HOLDING]!
    } else {
      let before = this.heads[request]!
      while (x[before + NEXT_HOLDING] !== h) before = x[before + NEXT_HOLDING]!
      x[before + NEXT_HOLDING] = x[h + NEXT_HOLDING]!
    }
    this.pool.give(h)
  }

  /** Blocks that a holding pins beyond the path of its prompt. */
  ownBlocks(h: number): number {
    const x = this.pool.data
    return Math.max(0, x[h + PINS]! - x[h + PATH_END]!)
  }
}

/** A fault of the caches themselves. */
export function broken(what: string): RouteSimError {
  return new RouteSimError(`KV cache: ${what}`, { code: 'kv_cache_broken' })
}
