import type { BulkKvCache } from '../kv-cache/kv-cache.js'
import type { RequestTable } from '../requests/request-table.js'
import { HEAP_FIELDS } from './finish-heap.js'
import type { FleetContext } from './fleet.js'
import { SharedReads } from './shared-reads.js'

// Integer fields of a backend's record.
/** Decode steps done so far: the clock of the batch. */
export const COUNTER = 0
/** Decoding requests, and those of them that are measured. */
export const DECODES = 1
export const MEASURED = 2
/** Steps of the stretch under way. */
export const STEPS = 3
/** Steps whose blocks are allocated, the blocks of decodes among them, steps whose chunks are committed. */
export const ALLOCATED_STEPS = 4
export const DECODE_BLOCKS = 5
export const COMMITTED_STEPS = 6
/** Tokens that the step may still take. */
export const BUDGET = 7
/** Requests of which the step computes prompt tokens. */
export const PREFILLS = 8
/** The request whose prompt is computed over several steps, -1 for none. */
export const CHUNKED = 9
/** 1 when the front of the queue does not fit, whatever ends but a stretch. */
export const IS_BLOCKED = 10
/** Requests admitted so far. */
export const ADMISSIONS = 11
/** Requests whose KV cache has arrived since the last step, or whose next token closes a longer gap. */
export const GUESTS = 12
/** Decoding requests whose answer is part of later prompts. */
export const SHARING = 13
/** The limits of the backend: tokens and requests in a batch, tokens in a block. */
export const MAX_BATCH_TOKENS = 14
export const MAX_BATCH = 15
export const BLOCK_TOKENS = 16
/** Where the entries of this backend begin in the columns with one entry per place in a batch. */
export const FIRST_PLACE = 17
/** Where its counts of block growth begin. */
export const FIRST_RESIDUE = 18
export const INTS = 32

// Number fields of a backend's record.
/** The stretch under way: step i lasts BASE_MS + i * SLOPE_MS. */
export const START_MS = 0
export const BASE_MS = 1
export const SLOPE_MS = 2
/** Tokens of context of the decoding requests in the next step. */
export const CONTEXT_TOKENS = 4
/** Those of them that are read more than once. */
export const SHARED_TOKENS = 5
/** When the KV cache was last brought up to the present. */
export const LAST_SYNC_MS = 6
/** The shape of the step under way. */
export const PREFILL_TOKENS = 8
export const PREFILL_REQUESTS = 9
export const PREFILL_PAIRS = 10
export const DECODE_REQUESTS = 11
export const DECODE_TOKENS = 12
export const DECODE_SHARED_TOKENS = 13
export const FLOATS = 16

/** Beyond this a limit is none. */
export const MOST_INT: number = 2 ** 31 - 1
/** More steps than any stretch has, and where a backend counts anew: counters are 32-bit integers. */
export const MOST_STEPS: number = 2 ** 30

/**
 * All that the fast stepper keeps, in columns: a record of integers and one of numbers for each backend,
 * so that what is needed together lies together in memory, and what belongs to places in its batch. The
 * functions beside this file work on it. They are functions on one object, and not objects of their own,
 * because V8 then looks up each column once in a step and not once in each part of it.
 */
export class FleetState {
  readonly ints: Int32Array
  readonly floats: Float64Array
  /** Per backend: from when on its KV cache is no longer as it was last shown. */
  readonly newsMs: Float64Array
  /** The same for what can be matched there, which growth alone does not change while blocks are free. */
  readonly matchNewsMs: Float64Array
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
  readonly isDecoding: Uint8Array
  readonly measuredFrom: number
  readonly kv: BulkKvCache
  readonly reads: SharedReads

  constructor(
    { specs, requests, progress, clock, endMs, measuredFrom }: FleetContext,
    kv: BulkKvCache,
  ) {
    const ints = new Int32Array(specs.length * INTS)
    const floats = new Float64Array(specs.length * FLOATS)
    let places = 0
    let residues = 0
    specs.forEach((spec, backend) => {
      const n = backend * INTS
      ints[n + CHUNKED] = -1
      ints[n + MAX_BATCH_TOKENS] = Math.min(spec.maxBatchTokens, MOST_INT)
      ints[n + MAX_BATCH] = Math.min(spec.maxNumSeqs, spec.maxBatchTokens, MOST_INT)
      ints[n + BLOCK_TOKENS] = spec.kv.blockTokens
      ints[n + FIRST_PLACE] = places
      ints[n + FIRST_RESIDUE] = residues
      // No batch can be larger than the run.
      places += Math.min(ints[n + MAX_BATCH]!, requests.size)
      residues += spec.kv.blockTokens
    })
    this.ints = ints
    this.newsMs = new Float64Array(specs.length).fill(Number.MAX_VALUE)
    this.matchNewsMs = new Float64Array(specs.length).fill(Number.MAX_VALUE)
    this.floats = floats
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
    this.isDecoding = progress.isDecoding
    this.measuredFrom = measuredFrom
    this.kv = kv
    this.reads = new SharedReads(requests, specs, kv)
  }
}
