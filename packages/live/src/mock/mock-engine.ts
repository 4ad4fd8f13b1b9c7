import type { BackendSpec, ClusterSpec, KvUsage } from '@routesim/core'
import { ContentKvCache } from '@routesim/hardware'
import type { KvEvent } from '../kv-events/kv-event.js'
import { ApiError } from '../openai/api-error.js'
import { hashBlocks } from '../tokens/block-hashes.js'
import { tokensOfText } from '../tokens/prompt-tokens.js'
import { wordsBetween } from './mock-words.js'
import { PacedFleet } from './paced-fleet.js'
import { SequenceNames } from './sequence-names.js'

/** One request on its way through a mock engine. */
export interface MockJob {
  readonly row: number
  readonly backend: number
  readonly promptTokens: number
  readonly outputTokens: number
  /** Of the words of the answer. */
  readonly seed: number
  /** In ms of the fleet. */
  readonly arrivalMs: number
  /** Prompt tokens that were cached when it was admitted; known from the first token on. */
  cachedTokens: number
  /** In ms of the fleet; NaN before there is one. */
  firstTokenMs: number
  lastTokenMs: number
}

/** Who hears of a request. */
export interface MockJobListener {
  /** It has so many output tokens now. */
  produced(job: MockJob, tokens: number, nowMs: number): void
  finished(job: MockJob, nowMs: number): void
}

/** What a mock engine is made of. */
export interface MockEngineOptions {
  /** One backend per data-parallel rank. */
  readonly backends: readonly BackendSpec[]
  readonly kvTransfer: ClusterSpec['kvTransfer']
  readonly prefixCaching: boolean
  /** How much faster than in reality time passes. */
  readonly speedup: number
  /** Hears of the prefix caches, once per step or so; undefined when nobody does. */
  readonly onKvEvents?: ((backend: number, events: readonly KvEvent[]) => void) | undefined
}

interface Entry {
  readonly job: MockJob
  readonly listener: MockJobListener
  readonly tokens: Uint32Array
  readonly cacheSalt: string | undefined
}

const MOST_ROWS = 65_536

/** The backends of a simulation, in real time and for prompts of tokens. */
export class MockEngine {
  private readonly paced: PacedFleet
  private readonly specs: readonly BackendSpec[]
  private readonly names = new SequenceNames()
  private readonly entries: (Entry | undefined)[]
  private readonly unused: number[]
  /** Rows that were cancelled while something of theirs was still to come. */
  private lingering: number[] = []
  private readonly news: KvEvent[][]
  private readonly onKvEvents: MockEngineOptions['onKvEvents']
  private kv!: ContentKvCache

  constructor(options: MockEngineOptions) {
    const { backends, prefixCaching, speedup, onKvEvents } = options
    this.specs = backends
    this.onKvEvents = onKvEvents
    this.news = backends.map(() => [])
    const room = backends.reduce((sum, spec) => sum + spec.maxQueueDepth + spec.maxNumSeqs, 0)
    const rows = Math.min(MOST_ROWS, room)
    this.entries = Array.from({ length: rows }, () => undefined)
    this.unused = Array.from({ length: rows }, (_, i) => rows - 1 - i)
    const cluster: ClusterSpec = {
      backends,
      ...(options.kvTransfer === undefined ? {} : { kvTransfer: options.kvTransfer }),
      kvCache: (requests, capacities) => {
        this.kv = new ContentKvCache({
          requests,
          backends: capacities,
          contents: () => this.names,
          prefixCaching,
          listener: (backend) =>
            this.names.keeping(
              (row, from, to) => this.stored(backend, row, from, to),
              (hash) => this.removed(backend, hash),
            ),
        })
        return this.kv
      },
    }
    const listener = {
      tokensProduced: (row: number, tokens: number) => this.produced(row, tokens),
      requestFinished: (row: number) => this.finished(row),
    }
    this.paced = new PacedFleet(cluster, rows, speedup, listener, () => this.flush())
  }

  /** Requests under way. */
  get underWay(): number {
    return this.entries.length - this.unused.length - this.lingering.length
  }

  /** Blocks that have a name, for tests of leaks. */
  get namedBlocks(): number {
    return this.names.size
  }

  /** Tokens of a prompt and its answer at most: what it is told, or less where its KV cache holds less. */
  maxModelLen(backend: number): number {
    const { kv, maxModelLen = Number.POSITIVE_INFINITY } = this.specs[backend]!
    return Math.min(kv.blocks * kv.blockTokens, maxModelLen)
  }

  /**
   * Takes a request.
   * @param isHandedOver - its prompt and first token were computed elsewhere
   * @param receivedMs - when it came, by the process's clock: what this process does to read it is no part
   * of the time that is simulated
   * @throws ApiError 400 when it can never fit, 503 when the queue is full
   */
  submit(
    backend: number,
    request: { readonly tokens: Uint32Array; readonly cacheSalt: string | undefined },
    outputTokens: number,
    isHandedOver: boolean,
    receivedMs: number,
    listener: MockJobListener,
  ): MockJob {
    const { tokens: prompt, cacheSalt } = request
    const spec = this.specs[backend]!
    const { fleet } = this.paced
    const total = prompt.length + outputTokens
    if (!fleet.canEverFit(backend, total)) {
      throw new ApiError(
        400,
        `this model's maximum context length is ${this.maxModelLen(backend)} tokens; expected at most that, got ${prompt.length} of prompt and ${outputTokens} of output`,
      )
    }
    const row = this.unused.pop()
    if (row === undefined || fleet.loads.waiting[backend]! >= spec.maxQueueDepth) {
      if (row !== undefined) this.unused.push(row)
      throw new ApiError(503, 'the queue is full')
    }
    const { chained } = hashBlocks(prompt, spec.kv.blockTokens)
    const seed = prompt.reduce((hash, token) => Math.imul(hash ^ token, 0x01000193), chained.length)
    const tokens = new Uint32Array(total)
    tokens.set(prompt)
    tokens.set(tokensOfText(wordsBetween(seed, 0, outputTokens)), prompt.length)
    return this.paced.act((_, nowMs) => {
      const job: MockJob = {
        row,
        backend,
        outputTokens,
        seed,
        promptTokens: prompt.length,
        arrivalMs: nowMs,
        cachedTokens: 0,
        firstTokenMs: Number.NaN,
        lastTokenMs: Number.NaN,
      }
      this.entries[row] = { job, listener, tokens, cacheSalt }
      this.names.begin(row, hashBlocks(tokens, spec.kv.blockTokens, { cacheSalt }).chained)
      fleet.requests.promptTokens[row] = prompt.length
      fleet.requests.outputTokens[row] = outputTokens
      fleet.requests.maxTokens[row] = outputTokens
      if (isHandedOver) fleet.submitHandedOver(row, backend, nowMs)
      else fleet.submit(row, backend, nowMs)
      return job
    }, this.paced.timeAt(receivedMs))
  }

  /** Gives a request up; nothing happens when it has ended. */
  cancel(job: MockJob): void {
    const { row } = job
    if (this.entries[row]?.job !== job || this.lingering.includes(row)) return
    this.paced.act((fleet, nowMs) => {
      fleet.cancel(row, nowMs)
      // It may have finished in the time that has just passed.
      if (this.entries[row]?.job !== job) return
      this.lingering.push(row)
    })
  }

  /** Forgets what is cached and not in use on a backend. */
  clearCache(backend: number): void {
    this.paced.act(() => this.kv.drop(backend))
    this.news[backend]!.length = 0
    this.onKvEvents?.(backend, [{ kind: 'cleared' }])
  }

  /** Waiting, running and preempted requests of a backend up to now. */
  loadOf(backend: number): { waiting: number; running: number; preemptions: number } {
    return this.paced.act((fleet, nowMs) => {
      fleet.advance(nowMs)
      const { preemptions } = fleet.counters(backend)
      const { waiting, running } = fleet.loads
      return { waiting: waiting[backend]!, running: running[backend]!, preemptions }
    })
  }

  /** Writes the KV blocks of a backend. */
  usageOf(backend: number, out: KvUsage): void {
    this.paced.fleet.usage(backend, out)
  }

  stop(): void {
    this.paced.stop()
  }

  /** Takes rows back whose requests were given up and have left. */
  private reclaim(): void {
    const { fleet } = this.paced
    this.lingering = this.lingering.filter((row) => {
      if (!fleet.isFree(row)) return true
      this.entries[row] = undefined
      this.names.end(row)
      this.unused.push(row)
      return false
    })
  }

  private produced(row: number, tokens: number): void {
    const { job, listener } = this.entries[row]!
    const { nowMs } = this.paced.fleet
    if (Number.isNaN(job.firstTokenMs)) {
      job.firstTokenMs = nowMs
      job.cachedTokens = this.paced.fleet.cachedTokens(row)
    }
    listener.produced(job, tokens, nowMs)
    job.lastTokenMs = nowMs
  }

  private finished(row: number): void {
    const { job, listener } = this.entries[row]!
    this.entries[row] = undefined
    this.names.end(row)
    this.unused.push(row)
    listener.finished(job, this.paced.fleet.nowMs)
  }

  private stored(backend: number, row: number, from: number, to: number): void {
    if (this.onKvEvents === undefined) return
    const { blockTokens } = this.specs[backend]!.kv
    const hashes = Array.from({ length: to - from }, (_, i) => this.names.hashOf(row, from + i))
    const { tokens, cacheSalt } = this.entries[row]!
    this.news[backend]!.push({
      kind: 'stored',
      hashes,
      parent: from === 0 ? undefined : this.names.hashOf(row, from - 1),
      tokens: Array.from(tokens.subarray(from * blockTokens, to * blockTokens)),
      blockTokens,
      medium: 'GPU',
      adapter: undefined,
      cacheSalt: from === 0 ? cacheSalt : undefined,
    })
  }

  private removed(backend: number, hash: number): void {
    if (this.onKvEvents === undefined) return
    const last = this.news[backend]!.at(-1)
    if (last?.kind === 'removed') (last.hashes as number[]).push(hash)
    else this.news[backend]!.push({ kind: 'removed', hashes: [hash], medium: 'GPU' })
  }

  private flush(): void {
    if (this.lingering.length > 0) this.reclaim()
    this.news.forEach((events, backend) => {
      if (events.length > 0) this.onKvEvents?.(backend, events.splice(0))
    })
  }
}
