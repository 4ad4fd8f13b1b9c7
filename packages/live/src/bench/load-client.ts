import { setTimeout } from 'node:timers/promises'
import type { RequestTable } from '@routesim/core'
import { HttpClient } from '../http/http-client.js'
import type { Endpoint } from '../openai/completion-request.js'
import { PromptContents } from './prompt-contents.js'
import type { LoadRun, RequestMeasurement } from './request-measurement.js'

/** How a live target is loaded. */
export interface LoadClientOptions {
  /** Base address, without /v1. */
  readonly url: string
  readonly requests: RequestTable
  readonly endpoint: Endpoint
  /** Whether prompts are sent as token ids; as text otherwise. Only plain completions take ids. */
  readonly sendsIds: boolean
  readonly model: string
  readonly apiKey?: string | undefined
  /** Requests in flight at most; no limit when absent. */
  readonly concurrency?: number | undefined
  /** Whether requests are sent at their times of arrival, or as soon as there is room. */
  readonly isOpenLoop: boolean
  /** Arrivals come so many times as fast. */
  readonly speedup: number
  readonly seed: number
  /** How long one request may take, in ms. */
  readonly timeoutMs: number
  /** Whether the server is told how long answers will be, as Dynamo's router takes it. */
  readonly tellsOutput?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((ended: number) => void) | undefined
}

const PATHS: Readonly<Record<Endpoint, string>> = {
  chat: '/v1/chat/completions',
  completions: '/v1/completions',
}

/** How long a connection may take to come about. */
const CONNECT_MS = 10_000
/** A timer waits no longer than this, in ms. */
const LONGEST_WAIT_MS = 2 ** 31 - 1

/** Loads a live target with a workload, and measures what comes back. */
export async function runLoad(options: LoadClientOptions): Promise<LoadRun> {
  const client = new LoadClient(options)
  const measurements = await client.run()
  const { url, requests } = options
  const { startedMs } = client
  const wasCancelled = measurements.length < requests.size
  return { measurements, startedMs, target: url, wasCancelled }
}

class LoadClient {
  private readonly options: LoadClientOptions
  private readonly http: HttpClient
  private readonly contents: PromptContents
  private readonly measurements: RequestMeasurement[] = []
  /** When slots became free that nobody has taken, in a closed loop. */
  private readonly freedMs: number[] = []
  private startMs = performance.now()
  startedMs = Date.now()

  constructor(options: LoadClientOptions) {
    this.options = options
    this.contents = new PromptContents(options.requests, options.seed)
    const { url, timeoutMs } = options
    const connectMs = Math.min(CONNECT_MS, timeoutMs)
    this.http = new HttpClient(url, { connectMs, firstByteMs: timeoutMs, idleMs: timeoutMs })
  }

  async run(): Promise<RequestMeasurement[]> {
    const { requests, concurrency = Number.POSITIVE_INFINITY, isOpenLoop } = this.options
    const { signal, onProgress } = this.options
    const underWay = new Set<Promise<void>>()
    // Those that are sent at once are made before, so that the last is not late.
    const firstBodies = isOpenLoop ? 0 : Math.min(concurrency, requests.size)
    const bodies = Array.from({ length: firstBodies }, (_, row) => this.bodyOf(row))
    this.startMs = performance.now()
    this.startedMs = Date.now()
    for (let row = 0; row < requests.size; row++) {
      const body = bodies[row] ?? this.bodyOf(row)
      while (underWay.size >= concurrency) await Promise.race(underWay)
      const scheduledMs = await this.due(row)
      if (signal?.aborted === true) break
      const request = this.send(row, body, scheduledMs).then((measurement) => {
        this.measurements.push(measurement)
        this.freedMs.push(measurement.endMs)
        underWay.delete(request)
        onProgress?.(this.measurements.length)
      })
      underWay.add(request)
    }
    await Promise.all(underWay)
    this.http.close()
    return this.measurements.sort((a, b) => a.row - b.row)
  }

  private get nowMs(): number {
    return performance.now() - this.startMs
  }

  /** Waits until a request is to be sent. @returns when that was to be */
  private async due(row: number): Promise<number> {
    const { requests, isOpenLoop, speedup, signal } = this.options
    if (!isOpenLoop) return this.freedMs.shift() ?? 0
    const dueMs = (requests.arrivalMs[row]! - requests.arrivalMs[0]!) / speedup
    for (let waitMs = dueMs - this.nowMs; waitMs > 0; waitMs = dueMs - this.nowMs) {
      if (signal?.aborted === true) break
      const lastsMs = Math.min(waitMs, LONGEST_WAIT_MS)
      // It rejects when it is aborted, and for nothing else.
      await setTimeout(lastsMs, undefined, { signal }).catch(() => undefined)
    }
    return dueMs
  }

  private bodyOf(row: number): string {
    const { requests, endpoint, sendsIds, model, tellsOutput } = this.options
    const osl = Math.max(1, requests.outputTokens[row]!)
    const common = {
      model,
      max_tokens: osl,
      stream: true,
      stream_options: { include_usage: true },
      ignore_eos: true,
      ...(tellsOutput === true ? { nvext: { agent_hints: { osl } } } : {}),
    }
    if (endpoint === 'completions') {
      const prompt = sendsIds ? this.contents.tokens(row) : this.contents.text(row)
      return JSON.stringify({ prompt, ...common })
    }
    const messages = [{ role: 'user', content: this.contents.text(row) }]
    return JSON.stringify({ messages, ...common, max_completion_tokens: common.max_tokens })
  }

  private async send(row: number, body: string, scheduledMs: number): Promise<RequestMeasurement> {
    const { endpoint, apiKey, timeoutMs, requests } = this.options
    const sentMs = this.nowMs
    const answer = new StreamedAnswer()
    let error: string | undefined
    try {
      const headers = {
        'content-type': 'application/json',
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
        ...this.sessionOf(row),
      }
      const status = await this.http.read(
        { path: PATHS[endpoint], method: 'POST', headers, body },
        AbortSignal.timeout(timeoutMs),
        (chunk, { statusCode }) => {
          if (statusCode === 200) answer.take(chunk, this.nowMs)
        },
      )
      if (status !== 200) error = `status ${status}`
      else if (answer.hasFailed) error = 'error event'
      else if (!answer.isWhole) error = 'incomplete'
    } catch (cause) {
      const { code, name } = cause as NodeJS.ErrnoException
      error = typeof code === 'string' ? code : name
    }
    const { usage } = answer
    return {
      row,
      scheduledMs,
      sentMs,
      error,
      firstTokenMs: answer.firstMs,
      secondTokenMs: answer.secondMs,
      endMs: Number.isNaN(answer.lastMs) ? this.nowMs : answer.lastMs,
      promptTokens: usage?.prompt_tokens ?? requests.promptTokens[row]!,
      outputTokens: usage?.completion_tokens ?? answer.chunks,
      cachedTokens: usage?.prompt_tokens_details?.cached_tokens,
    }
  }

  private sessionOf(row: number): Record<string, string> {
    const { strings, session } = this.options.requests
    const name = strings[session[row]!]
    return name === undefined ? {} : { 'x-session-id': name }
  }
}

interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly prompt_tokens_details?: { readonly cached_tokens?: number }
}

/** Reads server-sent events as they come, and when. */
export class StreamedAnswer {
  firstMs = Number.NaN
  secondMs = Number.NaN
  lastMs = Number.NaN
  /** Events with text. */
  chunks = 0
  usage: Usage | undefined
  /** Whether the end was told. */
  isWhole = false
  /** Whether an error was told amid the stream. */
  hasFailed = false
  private rest = ''
  private readonly decoder = new TextDecoder()

  take(bytes: Uint8Array, nowMs: number): void {
    const text = this.rest + this.decoder.decode(bytes, { stream: true })
    const events = text.split(/\r?\n\r?\n/)
    this.rest = events.pop()!
    for (const event of events) this.event(event, nowMs)
  }

  private event(event: string, nowMs: number): void {
    const data = event
      .split(/\r?\n/)
      .filter((line) => line.startsWith('data:'))
      .map((line) => line.slice(5).trimStart())
      .join('\n')
    if (data === '') return
    if (data === '[DONE]') {
      this.isWhole = true
      return
    }
    const chunk = parsed(data)
    this.usage = chunk.usage ?? this.usage
    if (chunk.error) this.hasFailed = true
    if (!hasText(chunk)) return
    this.chunks++
    if (this.chunks === 1) this.firstMs = nowMs
    else if (this.chunks === 2) this.secondMs = nowMs
    this.lastMs = nowMs
  }
}

interface Chunk {
  readonly usage?: Usage
  readonly error?: unknown
  readonly choices?: readonly {
    readonly text?: string | null
    readonly delta?: {
      readonly content?: string | null
      /** What a model thinks: as servers named it first, and as vLLM does since January 2026. */
      readonly reasoning_content?: string | null
      readonly reasoning?: string | null
    }
  }[]
}

/** Whether a part of an answer came. Fields that it does not stand in may be there, and empty. */
function hasText({ choices }: Chunk): boolean {
  const { text, delta } = choices?.[0] ?? {}
  return Boolean(text || delta?.content || delta?.reasoning_content || delta?.reasoning)
}

function parsed(data: string): Chunk {
  try {
    return JSON.parse(data) as Chunk
  } catch {
    return {}
  }
}
