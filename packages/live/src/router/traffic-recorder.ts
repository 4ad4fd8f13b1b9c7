import { createWriteStream, type WriteStream } from 'node:fs'
import { dirname } from 'node:path'
import { RouteSimError, whyUnwritable } from '@routesim/core'
import type { LiveErrorCode } from '../live-error-code.js'
import type { LiveRequest } from './live-request.js'

/** Bytes that may wait for the disk; beyond, requests are counted and not recorded. */
const MOST_BUFFERED = 64 * 2 ** 20

/**
 * Writes live traffic as a trace that the simulator replays: lengths, times, conversations, and the hashes
 * of prompt blocks, which tell what prompts share and not what they say.
 */
export class TrafficRecorder {
  /** Requests that were not recorded because the disk was too slow, or full. */
  dropped = 0
  recorded = 0
  private readonly file: WriteStream
  private isBroken = false
  private readonly blockTokens: number

  private readonly path: string

  constructor(path: string, blockTokens: number) {
    this.path = path
    this.file = createWriteStream(path, { flags: 'w', mode: 0o600 })
    this.blockTokens = blockTokens
  }

  /** Opened, or not: settles before the first request. @throws RouteSimError `record_failed` */
  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.file.once('open', () => resolve())
      this.file.on('error', (cause) => {
        // Later, when the disk is full: the router goes on without a record.
        this.isBroken = true
        reject(
          new RouteSimError<LiveErrorCode>(
            `can not record to ${this.path}: ${whyUnwritable(dirname(this.path), cause)}`,
            { code: 'record_failed', path: this.path, cause },
          ),
        )
      })
    })
  }

  /** A request was answered. */
  add(request: LiveRequest, outputTokens: number, nowMs: number): void {
    if (this.isBroken || this.file.writableLength > MOST_BUFFERED) {
      this.dropped++
      return
    }
    const { promptTokens, maxTokens, session, user, tenant, model, priority, hashes } = request
    const line = {
      ts: round(request.arrivalMs),
      prompt_tokens: promptTokens,
      gen_tokens: outputTokens,
      ...(maxTokens > 0 ? { max_tokens: Math.max(maxTokens, outputTokens) } : {}),
      conversation_id: session,
      user,
      tenant,
      model,
      ...(priority === 0 ? {} : { priority }),
      hash_ids: Array.from(hashes.chained),
      block_size: hashes.chained.length === 0 ? undefined : this.blockTokens,
      e2e_ms: round(nowMs - request.arrivalMs),
    }
    this.recorded++
    this.file.write(`${JSON.stringify(line)}\n`)
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.file.end(() => resolve()))
  }
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
