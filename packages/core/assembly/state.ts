import { IdSet, takeIdSet } from './id-set'
import { Bytes, Floats, Ints, take, takeFloats, takeInts } from './memory'

/** More steps than any stretch has, and where a backend counts anew: counters are 32-bit integers. */
export const MOST_STEPS: i32 = 1 << 30

/** The batch of one backend, its limits, and the stretch of steps under way. */
@unmanaged
export class Batch {
  /** Decode steps done so far: the clock of the batch. */
  counter: i32
  /** Decoding requests, and those of them that are measured. */
  decodes: i32
  measured: i32
  /** Steps of the stretch under way. */
  steps: i32
  /** Steps whose blocks are allocated, the blocks of decodes among them, steps whose chunks are committed. */
  allocatedSteps: i32
  decodeBlocks: i32
  committedSteps: i32
  /** Tokens that the step may still take. */
  budget: i32
  /** Requests of which the step computes prompt tokens. */
  prefills: i32
  /** The request whose prompt is computed over several steps, -1 for none. */
  chunked: i32
  /** Whether the front of the queue does not fit, whatever ends but a stretch. */
  isBlocked: bool
  /** Whether a prompt that does not fit into a step is computed over several. */
  isChunking: bool
  /** Whether its latency model asks how much context decodes share. */
  countsShared: bool
  /** Requests whose KV cache has arrived since the last step, or whose next token closes a longer gap. */
  guests: i32
  /** Requests admitted so far. */
  admissions: i32
  /** The limits of the backend: tokens and requests in a batch, tokens in a block. */
  maxBatchTokens: i32
  maxBatch: i32
  blockTokens: i32
  /** Where its entries begin in the columns with one entry per place in a batch, and its counts of block growth. */
  firstPlace: i32
  firstResidue: i32
  /** The stretch under way: step i lasts baseMs + i * slopeMs. */
  startMs: f64
  baseMs: f64
  slopeMs: f64
  /** Tokens of context of the decoding requests in the next step. */
  contextTokens: f64
  /** Those of them that are read more than once. */
  sharedTokens: f64
  /** When the KV cache was last brought up to the present. */
  lastSyncMs: f64
  /** The shape of the step under way. */
  prefillTokens: f64
  prefillRequests: i32
  decodeRequests: i32
  prefillPairs: f64
  decodeTokens: f64
  /** What the backend has done: see `BackendMeters`. */
  busyMs: f64
  stepsDone: f64
  prefillTokensDone: f64
  decodeTokensDone: f64
  preemptions: f64
  waitingRequestMs: f64
  runningRequestMs: f64
  sinceMs: f64
}

export let backends: i32
export let requests: i32
export let measuredFrom: i32
let batches: usize

/** Two numbers: the time, and the agent whose alarm is going off. */
export let time: Floats = changetype<Floats>(0)
/** By backend: when its stretch ends, Infinity for none; and when its KV cache changes. */
export let endMs: Floats = changetype<Floats>(0)
export let newsMs: Floats = changetype<Floats>(0)
/** Backends whose stretch has prompts find more, and less. */
export let growing: IdSet = changetype<IdSet>(0)
export let evicting: IdSet = changetype<IdSet>(0)

/** By backend. */
export let waiting: Ints = changetype<Ints>(0)
export let running: Ints = changetype<Ints>(0)
export let outstanding: Ints = changetype<Ints>(0)
export let pendingPromptTokens: Floats = changetype<Floats>(0)

/** By request; see `RequestTable` and `RequestProgress`. */
export let promptTokens: Ints = changetype<Ints>(0)
export let outputTokens: Ints = changetype<Ints>(0)
export let emittedTokens: Ints = changetype<Ints>(0)
export let computedTokens: Ints = changetype<Ints>(0)
export let cachedTokens: Ints = changetype<Ints>(0)
export let preemptions: Ints = changetype<Ints>(0)
export let admission: Ints = changetype<Ints>(0)
export let finishStep: Ints = changetype<Ints>(0)
export let admittedMs: Floats = changetype<Floats>(0)
export let firstTokenMs: Floats = changetype<Floats>(0)
export let lastTokenMs: Floats = changetype<Floats>(0)
/** Which backend decodes. */
export let decodesOn: Ints = changetype<Ints>(0)
/** 1 while the KV cache of a computed prompt waits to be fetched, and while it is on its way. */
export let isHandedOver: Bytes = changetype<Bytes>(0)
export let isTransferring: Bytes = changetype<Bytes>(0)
/** 1 when the answer of a request is part of later prompts. */
export let sharesAnswer: Bytes = changetype<Bytes>(0)

export function batchOf(backend: i32): Batch {
  return changetype<Batch>(batches + <usize>backend * offsetof<Batch>())
}

export function beginState(backendCount: i32, requestCount: i32, firstMeasured: i32): void {
  backends = backendCount
  requests = requestCount
  measuredFrom = firstMeasured
  batches = take(<usize>backends * offsetof<Batch>())
  time = takeFloats(2)
  time[1] = Infinity
  endMs = takeFloats(backends)
  newsMs = takeFloats(backends)
  growing = takeIdSet(backends)
  evicting = takeIdSet(backends)
  waiting = takeInts(backends)
  running = takeInts(backends)
  outstanding = takeInts(backends)
  pendingPromptTokens = takeFloats(backends)
  promptTokens = takeInts(requests)
  outputTokens = takeInts(requests)
  emittedTokens = takeInts(requests)
  computedTokens = takeInts(requests)
  cachedTokens = takeInts(requests)
  preemptions = takeInts(requests)
  admission = takeInts(requests)
  finishStep = takeInts(requests)
  admittedMs = takeFloats(requests)
  firstTokenMs = takeFloats(requests)
  lastTokenMs = takeFloats(requests)
  decodesOn = takeInts(requests)
  isHandedOver = changetype<Bytes>(take(<usize>requests))
  isTransferring = changetype<Bytes>(take(<usize>requests))
  sharesAnswer = changetype<Bytes>(take(<usize>requests))
  for (let b = 0; b < backends; b++) {
    endMs[b] = Infinity
    newsMs[b] = f64.MAX_VALUE
    const batch = batchOf(b)
    batch.chunked = -1
    batch.lastSyncMs = NaN
  }
}
