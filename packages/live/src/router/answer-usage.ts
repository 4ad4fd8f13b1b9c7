import type { IncomingHttpHeaders } from 'node:http'
import { OutermostMarks } from '../json/outermost-marks.js'
import { TokenCount } from './token-count.js'

/** What an answer cost, as far as it says so. */
export interface AnswerUsage {
  /** NaN when it does not say. */
  readonly promptTokens: number
  /** NaN when nobody knows. */
  readonly outputTokens: number
  readonly cachedTokens: number
}

/** Of an answer that can not be read, or says nothing. */
export const UNTOLD: AnswerUsage = {
  promptTokens: Number.NaN,
  outputTokens: Number.NaN,
  cachedTokens: 0,
}

/** What the `usage` of an answer tells. */
export function usageTold(usage: unknown): AnswerUsage {
  const { prompt_tokens, completion_tokens, prompt_tokens_details } = membersOf(usage)
  const { cached_tokens } = membersOf(prompt_tokens_details)
  return {
    promptTokens: isCount(prompt_tokens) ? prompt_tokens : UNTOLD.promptTokens,
    outputTokens: isCount(completion_tokens) ? completion_tokens : UNTOLD.outputTokens,
    cachedTokens: isCount(cached_tokens) ? cached_tokens : UNTOLD.cachedTokens,
  }
}

/**
 * Of an answer of a decode worker to a prompt that another computed: who computed it found the cached tokens, and knows
 * the length where the answer does not tell. What a decode worker calls cached may be all that was transferred to it:
 * vLLM counts these among its own (`num_cached_tokens`, v1/core/sched/scheduler.py).
 */
export function usageOfPair(prefill: AnswerUsage, decode: AnswerUsage): AnswerUsage {
  const promptTokens = isCount(decode.promptTokens) ? decode.promptTokens : prefill.promptTokens
  return { ...decode, promptTokens, cachedTokens: prefill.cachedTokens }
}

/** Finds the token counts of an answer as its bytes pass. */
export type UsageReader = StreamUsage | JsonUsage

/** Whoever reads the usage of an answer; nobody when it is packed. @param isStreamed - as the client asks */
export function usageReaderFor(
  isStreamed: boolean,
  headers: IncomingHttpHeaders,
): UsageReader | undefined {
  if (headers['content-encoding'] !== undefined) return undefined
  const isJson = /^application\/json\b/i.test(headers['content-type'] ?? '')
  return isStreamed && !isJson ? new StreamUsage() : new JsonUsage()
}

/** Bytes at the end of a stream that are kept to find its usage, or an error, in. */
const TAIL_BYTES = 2048

/** Of a stream: the usage in its last events, else its chunks that carry a token. */
export class StreamUsage {
  /** Its last bytes. */
  tail: Buffer = Buffer.alloc(0)
  private readonly count = new TokenCount()

  take(chunk: Buffer): void {
    this.count.take(chunk)
    this.tail = lastBytes(this.tail, chunk)
  }

  /** Tokens that have come so far. */
  get tokens(): number {
    return this.count.tokens
  }

  /** What is known when all has come. */
  get usage(): AnswerUsage {
    const { tail, tokens } = this
    return {
      promptTokens: toldIn(tail, 'prompt_tokens') ?? UNTOLD.promptTokens,
      // A chunk may carry several tokens: what the worker itself counted goes first.
      outputTokens: toldIn(tail, 'completion_tokens') ?? tokens,
      cachedTokens: toldIn(tail, 'cached_tokens') ?? UNTOLD.cachedTokens,
    }
  }
}

/** A count that the end of a stream tells; the last, as words of an answer may look alike. */
function toldIn(tail: Buffer, name: string): number | undefined {
  const pattern = new RegExp(`"${name}":\\s*(\\d+)`, 'g')
  const found = [...tail.toString('latin1').matchAll(pattern)].at(-1)?.[1]
  return found === undefined ? undefined : Number(found)
}

/** The end of two pieces; a copy only when the last is short. */
function lastBytes(before: Buffer, chunk: Buffer): Buffer {
  if (chunk.length >= TAIL_BYTES) return chunk.subarray(chunk.length - TAIL_BYTES)
  const keep = before.subarray(Math.max(0, before.length + chunk.length - TAIL_BYTES))
  return keep.length === 0 ? chunk : Buffer.concat([keep, chunk])
}

/** Bytes of a `usage` that are read; of one that is longer nothing is known. */
const READ_BYTES = 65_536

/** Of an answer in one piece: its `usage`, which may stand anywhere among its members. Memory is bounded. */
export class JsonUsage {
  /** Of those that have come so far none is seen. */
  readonly tokens = 0
  private readonly marks = new OutermostMarks()
  /** What came of a name or of the usage; of other values nothing is kept. */
  private part = ''
  private at: 'name' | 'usage' | 'value' = 'value'
  private found = 'null'

  take(chunk: Buffer): void {
    let from = 0
    for (;;) {
      const mark = this.marks.next(chunk, from)
      const end = mark < 0 ? chunk.length : mark
      if (this.at !== 'value' && this.part.length <= READ_BYTES)
        this.part += chunk.toString('latin1', from, Math.min(end, from + READ_BYTES + 1))
      if (mark < 0) return
      this.marked(String.fromCharCode(chunk[mark]!))
      from = mark + 1
    }
  }

  /** What is known when all has come. */
  get usage(): AnswerUsage {
    let told: unknown
    try {
      told = JSON.parse(this.found)
    } catch {
      return UNTOLD
    }
    return usageTold(told)
  }

  /** A part has ended with a brace or bracket, a colon, or a comma. */
  private marked(sign: string): void {
    if (this.at === 'usage') this.found = this.part.length > READ_BYTES ? 'null' : this.part
    if (sign === ':') this.at = this.part.trim() === '"usage"' ? 'usage' : 'value'
    else this.at = sign === '{' || sign === ',' ? 'name' : 'value'
    this.part = ''
  }
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
