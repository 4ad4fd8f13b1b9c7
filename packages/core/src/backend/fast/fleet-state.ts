import type { BulkKvCache } from '../../kv-cache/kv-cache.js'
import type { RequestTable } from '../../requests/request-table.js'
import type { FleetContext } from '../fleet.js'
import { SharedReads } from '../shared-reads.js'
import { BackendBatch } from './backend-batch.js'
import { HEAP_FIELDS } from './finish-heap.js'
import { IdSet } from './id-set.js'

/**
 * All that the fast stepper keeps: a record for each backend, and in columns what belongs to places in their
 * batches. The functions beside this file work on it. They are functions on one object, and not objects of their
 * own, because V8 then looks up each column once in a step and not once in each part of it.
 */
export class FleetState {
  readonly batches: readonly BackendBatch[]
  /** Per backend: from when on its KV cache is no longer as it was last shown. */
  readonly newsMs: Float64Array
  /** Backends where prompts come to find more while the stretch is under way: one is computed by the chunk. */
  readonly growing: IdSet
  /** Backends where they come to find less: decodes take blocks that are evicted for them. */
  readonly evicting: IdSet
  /** Decoding requests by the step in which they finish; see `finish-heap.ts`. */
  readonly heap: Int32Array
  /** Decoding requests, and those whose answers others repeat, by residue; see `block-growth.ts`. */
  readonly growth: Int32Array
  readonly sharingGrowth: Int32Array
  /** Per backend: decoding requests whose answer is part of later prompts. */
  readonly sharing: readonly number[][]
  /** By place: requests of which prompt tokens are computed, and how many in each step. */
  readonly prefills: Int32Array
  readonly prefillTokens: Int32Array
  readonly time: Float64Array
  /** When the stretch under way ends, in ms; `Infinity` between steps. */
  readonly endMs: Float64Array
  readonly requests: RequestTable
  readonly promptTokens: Int32Array
  readonly outputTokens: Int32Array
  readonly promptNode: Int32Array
  readonly emittedTokens: Int32Array
  readonly computedTokens: Int32Array
  readonly admission: Int32Array
  readonly finishStep: Int32Array
  readonly measuredFrom: number
  readonly kv: BulkKvCache
  readonly reads: SharedReads

  constructor(
    { specs, requests, progress, clock, endMs, measuredFrom }: FleetContext,
    kv: BulkKvCache,
  ) {
    let places = 0
    let residues = 0
    this.batches = specs.map((spec) => {
      const batch = new BackendBatch(spec, places, residues)
      // No batch can be larger than the run.
      places += Math.min(batch.maxBatch, requests.size)
      residues += batch.blockTokens
      return batch
    })
    this.newsMs = new Float64Array(specs.length).fill(Number.MAX_VALUE)
    this.growing = new IdSet(specs.length)
    this.evicting = new IdSet(specs.length)
    this.heap = new Int32Array(places * HEAP_FIELDS)
    this.growth = new Int32Array(residues)
    this.sharingGrowth = new Int32Array(residues)
    this.sharing = specs.map(() => [])
    this.prefills = new Int32Array(places)
    this.prefillTokens = new Int32Array(places)
    this.time = clock.time
    this.endMs = endMs
    this.requests = requests
    this.promptTokens = requests.promptTokens
    this.outputTokens = requests.outputTokens
    this.promptNode = requests.promptNode
    this.emittedTokens = progress.emittedTokens
    this.computedTokens = progress.computedTokens
    this.admission = progress.admission
    this.finishStep = progress.finishStep
    this.measuredFrom = measuredFrom
    this.kv = kv
    this.reads = new SharedReads(requests, specs, kv)
  }
}
