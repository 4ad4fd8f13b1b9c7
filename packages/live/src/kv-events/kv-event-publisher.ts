import { RouteSimError } from '@routesim/core'
import type { Publisher, Router } from 'zeromq'
import type { LiveErrorCode } from '../live-error-code.js'
import type { KvEventBatch } from './kv-event.js'
import { loadZeroMq } from './load-zeromq.js'
import { END_OF_REPLAY, encodeKvEvents, encodeSequence } from './vllm-wire.js'

/** Where and how KV events are published. */
export interface KvEventPublisherOptions {
  /** Such as `tcp://127.0.0.1:5557`; port `*` takes any. */
  readonly endpoint: string
  /** Where batches are sent again, on request. */
  readonly replayEndpoint: string
  readonly topic: string
  /** Batches that can be sent again. */
  readonly bufferedBatches: number
}

/**
 * Publishes KV events as vLLM does: three frames (topic, sequence number, batch) on a PUB socket, and on
 * a ROUTER socket, to whoever sends a sequence number, every batch from it on that is still kept.
 */
export class KvEventPublisher {
  /** The addresses that were bound. */
  readonly endpoint: string
  readonly replayEndpoint: string
  private readonly socket: Publisher
  private readonly replay: Router
  private readonly topic: string
  private readonly bufferedBatches: number
  private readonly kept: { readonly sequence: Buffer; readonly batch: Uint8Array }[] = []
  private nextSequence = 0
  private sending: Promise<void> = Promise.resolve()
  private isClosed = false

  private constructor(
    socket: Publisher,
    replay: Router,
    { topic, bufferedBatches }: KvEventPublisherOptions,
  ) {
    this.socket = socket
    this.replay = replay
    this.topic = topic
    this.bufferedBatches = bufferedBatches
    this.endpoint = socket.lastEndpoint!
    this.replayEndpoint = replay.lastEndpoint!
    void this.answerReplays()
  }

  /** @throws RouteSimError `zeromq_missing`, `address_in_use` */
  static async open(options: KvEventPublisherOptions): Promise<KvEventPublisher> {
    const { Publisher, Router } = await loadZeroMq()
    const socket = new Publisher({ linger: 0, sendHighWaterMark: 100_000 })
    const replay = new Router({ linger: 0 })
    try {
      await bind(socket, options.endpoint)
      await bind(replay, options.replayEndpoint)
    } catch (error) {
      socket.close()
      replay.close()
      throw error
    }
    return new KvEventPublisher(socket, replay, options)
  }

  /** Publishes a batch. */
  publish(batch: KvEventBatch): void {
    if (this.isClosed) return
    const sequence = encodeSequence(this.nextSequence++)
    const encoded = encodeKvEvents(batch)
    this.kept.push({ sequence, batch: encoded })
    if (this.kept.length > this.bufferedBatches * 1.25) {
      this.kept.splice(0, this.kept.length - this.bufferedBatches)
    }
    // A socket takes one message at a time.
    this.sending = this.sending
      .then(() => (this.isClosed ? undefined : this.socket.send([this.topic, sequence, encoded])))
      .catch(() => {})
  }

  close(): void {
    this.isClosed = true
    this.socket.close()
    this.replay.close()
  }

  private async answerReplays(): Promise<void> {
    try {
      for await (const frames of this.replay) {
        const client = frames[0]!
        const start = frames.at(-1)!
        if (start.length !== 8) continue
        const from = start.readBigInt64BE()
        const first = this.nextSequence - this.kept.length
        const skipped = Math.max(0, Number(from) - first)
        for (const { sequence, batch } of this.kept.slice(skipped)) {
          await this.replay.send([client, '', sequence, batch])
        }
        await this.replay.send([client, '', encodeSequence(END_OF_REPLAY), ''])
      }
    } catch (error) {
      if (!this.isClosed) throw error
    }
  }
}

async function bind(socket: Publisher | Router, endpoint: string): Promise<void> {
  try {
    await socket.bind(endpoint)
  } catch (cause) {
    throw new RouteSimError<LiveErrorCode>(
      `can not publish KV events on ${endpoint}: ${(cause as Error).message}`,
      {
        code: 'address_in_use',
        hint: 'Choose other ports for KV events and their replay, or 0 for any that is free.',
        cause,
      },
    )
  }
}
