import { createWriteStream, type WriteStream } from 'node:fs'
import { dirname } from 'node:path'
import { RouteSimError, whyUnwritable } from '@routesim/core'
import type { LiveErrorCode } from '../live-error-code.js'
import type { AnswerUsage } from './answer-usage.js'
import type { LiveRequest } from './live-request.js'
import type { RequestEnd } from './request-ends.js'
import { type Resumed, resumeRecording } from './resume-recording.js'

/** Bytes that may wait for the disk; beyond, requests are counted and not recorded. */
const MOST_BUFFERED = 64 * 2 ** 20

/** How a recorded request ended. */
export type RecordedEnd = Extract<RequestEnd, 'completed' | 'cancelled' | 'broken' | 'timed_out'>

/**
 * Writes live traffic as a trace that the simulator replays: lengths, times, conversations, and the hashes
 * of prompt blocks, which tell what prompts share and not what they say. Goes on with a file that is there.
 */
export class TrafficRecorder {
  /** Requests that were not recorded because the disk was too slow, or full. */
  dropped = 0
  recorded = 0
  readonly path: string
  private file: WriteStream | undefined
  private isBroken = false
  /** Time of the recording when the router started, in ms. */
  private startMs = 0
  private readonly blockTokens: number
  private readonly onLoss: (why: string) => void

  /** @param onLoss - hears of the first request that is lost, and why */
  constructor(path: string, blockTokens: number, onLoss: (why: string) => void) {
    this.path = path
    this.blockTokens = blockTokens
    this.onLoss = onLoss
  }

  /**
   * Opens the file: before the first request.
   * @returns where it goes on, if it does
   * @throws RouteSimError `record_failed`
   */
  async open(): Promise<Resumed | undefined> {
    const { path } = this
    const resumed = await resumeRecording(path)
    this.startMs = resumed?.nowMs ?? 0
    const file = createWriteStream(path, { flags: 'a', mode: 0o600 })
    this.file = file
    await new Promise<void>((resolve, reject) => {
      file.once('open', () => resolve())
      file.on('error', (cause) => {
        // Later, when the disk is full: the router goes on without a record.
        this.isBroken = true
        const why = whyUnwritable(dirname(path), cause)
        reject(
          new RouteSimError<LiveErrorCode>(`can not record to ${path}: ${why}`, {
            code: 'record_failed',
            path,
            cause,
          }),
        )
      })
    })
    return resumed
  }

  /** A request is over that a worker has worked for. @param usage - of the answer as far as the client got it */
  add(request: LiveRequest, usage: AnswerUsage, nowMs: number, end: RecordedEnd): void {
    const { file } = this
    if (file === undefined || this.isBroken) {
      this.lost('it can not be written to')
      return
    }
    if (file.writableLength > MOST_BUFFERED) {
      this.lost('the disk is too slow')
      return
    }
    const { maxTokens, session, user, tenant, model, adapter, priority, hashes } = request
    const { outputTokens } = usage
    const promptTokens = request.lengthTold(usage.promptTokens)
    // Equal ids are whole blocks in every request, so a prompt has as many of them as fit before its last token.
    const whole = Math.floor((promptTokens - 1) / this.blockTokens)
    const hashIds = Array.from(hashes.chained.subarray(0, whole))
    const isKnown = !Number.isNaN(outputTokens)
    const genTokens = isKnown ? outputTokens : 0
    const line = {
      ts: round(this.startMs + request.arrivalMs),
      prompt_tokens: promptTokens,
      gen_tokens: genTokens,
      ...(isKnown ? {} : { gen_tokens_unknown: true }),
      ...(maxTokens > 0 ? { max_tokens: Math.max(maxTokens, genTokens) } : {}),
      conversation_id: session,
      user,
      tenant,
      model,
      lora_adapter: adapter,
      ...(priority === 0 ? {} : { priority }),
      hash_ids: hashIds,
      block_size: hashIds.length === 0 ? undefined : this.blockTokens,
      e2e_ms: round(nowMs - request.arrivalMs),
      ...(end === 'completed' ? {} : { end }),
    }
    file.write(`${JSON.stringify(line)}\n`, (error) => {
      if (error) this.lost(whyUnwritable(dirname(this.path), error))
      else this.recorded++
    })
  }

  close(): Promise<void> {
    const { file } = this
    if (file === undefined) return Promise.resolve()
    return new Promise((resolve) => file.end(() => resolve()))
  }

  private lost(why: string): void {
    this.dropped++
    if (this.dropped === 1) this.onLoss(why)
  }
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
