import type { BackendSpec } from '../../engine/simulation-options.js'

const NONE = -1
/** Beyond this a limit is none. */
export const MOST_INT: number = 2 ** 31 - 1
/** More steps than any stretch has, and where a backend counts anew: counters are 32-bit integers. */
export const MOST_STEPS: number = 2 ** 30

/** The batch of one backend, and the stretch of steps under way. */
export class BackendBatch {
  /** Decode steps done so far: the clock of the batch. */
  counter = 0
  /** Decoding requests, and those of them that are measured. */
  decodes = 0
  measured = 0
  /** Steps of the stretch under way. */
  steps = 0
  /** Steps whose blocks are allocated, the blocks of decodes among them, steps whose chunks are committed. */
  allocatedSteps = 0
  decodeBlocks = 0
  committedSteps = 0
  /** Tokens that the step may still take. */
  budget = 0
  /** Requests of which the step computes prompt tokens. */
  prefills = 0
  /** The request whose prompt is computed over several steps, -1 for none. */
  chunked: number = NONE
  /** 1 when the front of the queue does not fit, whatever ends but a stretch. */
  isBlocked = 0
  /** Requests admitted so far. */
  admissions = 0
  /** Requests whose KV cache has arrived since the last step, or whose next token closes a longer gap. */
  guests = 0
  /** Decoding requests whose answer is part of later prompts. */
  sharing = 0
  /** The stretch under way: step i lasts baseMs + i * slopeMs. */
  startMs: number = Number.NaN
  baseMs: number = Number.NaN
  slopeMs: number = Number.NaN
  /** Tokens of context of the decoding requests in the next step. */
  contextTokens = 0
  /** Those of them that are read more than once. */
  sharedTokens = 0
  /** When the KV cache was last brought up to the present. */
  lastSyncMs: number = Number.NaN
  /** The shape of the step under way. */
  prefillTokens = 0
  prefillRequests = 0
  prefillPairs: number = Number.NaN
  decodeRequests = 0
  decodeTokens = 0
  decodeSharedTokens = 0
  /** The limits of the backend: tokens and requests in a batch, tokens in a block. */
  readonly maxBatchTokens: number
  readonly maxBatch: number
  readonly blockTokens: number
  /** Where its entries begin in the columns with one entry per place in a batch. */
  readonly firstPlace: number
  /** Where its counts of block growth begin. */
  readonly firstResidue: number

  constructor(spec: BackendSpec, firstPlace: number, firstResidue: number) {
    this.maxBatchTokens = Math.min(spec.maxBatchTokens, MOST_INT)
    this.maxBatch = largestBatch(spec)
    this.blockTokens = spec.kv.blockTokens
    this.firstPlace = firstPlace
    this.firstResidue = firstResidue
  }
}

/** Requests in a batch at most. */
export function largestBatch({ maxNumSeqs, maxBatchTokens }: BackendSpec): number {
  return Math.min(maxNumSeqs, maxBatchTokens, MOST_INT)
}
