import type { Clock } from '../kernel/clock.js'
import type { PromptPathWriter, PromptRuns } from '../requests/prompt-runs.js'
import type { RequestTable } from '../requests/request-table.js'
import { wholeBlocks } from '../requests/whole-blocks.js'

/** What a {@link SentPrefixes} is made from. */
export interface SentPrefixesOptions {
  readonly clock: Clock
  readonly requests: RequestTable
  readonly runs: () => PromptRuns
  /** Tokens of a KV block, by backend. */
  readonly blockTokens: Int32Array
  /** How long what was sent is taken to be cached, in ms. */
  readonly ttlMs: number
}

/**
 * Which blocks each backend is taken to hold because a router has sent them there, for some time: what a live router
 * goes by that hears of no KV events. The last token of a prompt is in no block, since engines always compute it.
 */
export class SentPrefixes {
  private readonly options: SentPrefixesOptions
  /** By run, when each backend was last sent the blocks that end in it. */
  private readonly whole = new Map<number, Float64Array>()
  /** The same without the last of these, since a prompt ended with it. */
  private readonly shortened = new Map<number, Float64Array>()
  private readonly path = new Path()

  constructor(options: SentPrefixesOptions) {
    this.options = options
  }

  /** A request goes to a backend. */
  sent(request: number, backend: number): void {
    const { clock, requests, runs, blockTokens } = this.options
    const { path } = this
    const promptTokens = requests.promptTokens[request]!
    const cutsLast = promptTokens % blockTokens[backend]! === 0
    runs().write(request, path)
    for (let i = 0; i < path.length; i++) {
      const isCut = cutsLast && path.ends[i] === promptTokens
      this.timesOf(isCut ? this.shortened : this.whole, path.ids[i]!)[backend] = clock.nowMs
    }
  }

  /** Leading prompt tokens that each backend is taken to hold, in whole blocks; the last token never counts. */
  match(request: number, out: Int32Array): void {
    const { clock, requests, runs, blockTokens, ttlMs } = this.options
    const { path, whole, shortened } = this
    const sinceMs = clock.nowMs - ttlMs
    const last = requests.promptTokens[request]! - 1
    runs().write(request, path)
    for (let backend = 0; backend < out.length; backend++) {
      const size = blockTokens[backend]!
      let matched = 0
      for (let i = 0; i < path.length; i++) {
        const end = wholeBlocks(path.ends[i]!, size)
        if (end === matched) continue
        const id = path.ids[i]!
        if (isSince(whole.get(id), backend, sinceMs)) matched = end
        else {
          if (isSince(shortened.get(id), backend, sinceMs)) matched = end - size
          break
        }
      }
      out[backend] = Math.min(matched, wholeBlocks(last, size))
    }
  }

  /** A backend is gone: nothing is known of what comes back. */
  forget(backend: number): void {
    for (const times of [this.whole, this.shortened]) {
      for (const each of times.values()) each[backend] = Number.NEGATIVE_INFINITY
    }
  }

  private timesOf(times: Map<number, Float64Array>, run: number): Float64Array {
    let own = times.get(run)
    if (own === undefined) {
      own = new Float64Array(this.options.blockTokens.length).fill(Number.NEGATIVE_INFINITY)
      times.set(run, own)
    }
    return own
  }
}

/** The runs of one prompt. */
class Path implements PromptPathWriter {
  readonly ids: number[] = []
  readonly ends: number[] = []
  length = 0

  clear(): void {
    this.length = 0
  }

  push(id: number, endTokens: number): void {
    this.ids[this.length] = id
    this.ends[this.length++] = endTokens
  }
}

function isSince(times: Float64Array | undefined, backend: number, sinceMs: number): boolean {
  return times !== undefined && times[backend]! > sinceMs
}
