import { RouteSimError } from '@routesim/core'
import type { Dealer, Subscriber } from 'zeromq'
import type { LiveErrorCode } from '../live-error-code.js'
import { EventOrder } from './event-order.js'
import type { KvEventBatch } from './kv-event.js'
import { loadZeroMq } from './load-zeromq.js'
import { decodeKvEvents, decodeSequence, END_OF_REPLAY, encodeSequence } from './vllm-wire.js'

/** Where KV events of one worker come from. */
export interface KvEventSubscriberOptions {
  readonly endpoint: string
  /** Where lost batches are asked for; without, what is lost is lost. */
  readonly replayEndpoint?: string | undefined
  readonly topic: string
  /** How long an answer to a replay may take, in ms. */
  readonly replayTimeoutMs: number
}

/** What a {@link KvEventSubscriber} hands over. */
export interface KvEventSink {
  /** The next batch, in order and none twice. */
  apply(batch: KvEventBatch): void
  /** What was told before is no longer known to be true: the worker restarted, or batches are lost for good. */
  forget(): void
}

/** How events arrived so far. */
export interface KvEventCounts {
  batches: number
  /** Times that batches were missing. */
  gaps: number
  /** Batches that came again or too late. */
  duplicates: number
  /** Times that everything was forgotten. */
  resets: number
  /** Messages that are no batch of events. */
  malformed: number
}

/**
 * Receives KV events from one worker, puts them in order, and asks for those that are missing. At the start
 * it asks for all that the worker still keeps.
 */
export class KvEventSubscriber {
  readonly counts: KvEventCounts = { batches: 0, gaps: 0, duplicates: 0, resets: 0, malformed: 0 }
  private readonly options: KvEventSubscriberOptions
  private readonly order: EventOrder
  private readonly socket: Subscriber
  private readonly replay: Dealer | undefined
  private isClosed = false
  private replayTimer: NodeJS.Timeout | undefined

  private constructor(
    socket: Subscriber,
    replay: Dealer | undefined,
    options: KvEventSubscriberOptions,
    sink: KvEventSink,
  ) {
    this.socket = socket
    this.replay = replay
    this.options = options
    this.order = new EventOrder(sink, this.counts, (from) => this.askFrom(from))
    void this.listen()
    if (replay !== undefined) void this.listenToReplay(replay)
    this.order.start()
  }

  /** @throws RouteSimError `zeromq_missing`, `options_invalid` for an address that ZeroMQ does not take */
  static async open(
    options: KvEventSubscriberOptions,
    sink: KvEventSink,
  ): Promise<KvEventSubscriber> {
    const { Dealer, Subscriber } = await loadZeroMq()
    const retry = { reconnectInterval: 100, reconnectMaxInterval: 2000, linger: 0 }
    const socket = new Subscriber({ ...retry, receiveHighWaterMark: 100_000 })
    socket.subscribe(options.topic)
    connect(socket, options.endpoint)
    let replay: Dealer | undefined
    if (options.replayEndpoint !== undefined) {
      replay = new Dealer(retry)
      connect(replay, options.replayEndpoint)
    }
    return new KvEventSubscriber(socket, replay, options, sink)
  }

  /** The worker is another than before, or may be: starts over. */
  restart(): void {
    this.order.restart()
  }

  close(): void {
    this.isClosed = true
    clearTimeout(this.replayTimer)
    this.socket.close()
    this.replay?.close()
  }

  private async listen(): Promise<void> {
    for await (const frames of this.receiving(this.socket)) this.take(frames.at(-2), frames.at(-1))
  }

  private async listenToReplay(replay: Dealer): Promise<void> {
    for await (const frames of this.receiving(replay)) {
      const sequence = frames.at(-2)
      if (sequence !== undefined && decodeSequence(sequence) === END_OF_REPLAY) {
        clearTimeout(this.replayTimer)
        this.order.replayEnded()
        // One of several answers may be lost, and nothing else would end the wait for it.
        if (this.order.isWaiting) this.expectAnswer()
      } else this.take(sequence, frames.at(-1), true)
    }
  }

  private async *receiving(socket: Subscriber | Dealer): AsyncGenerator<Buffer[]> {
    try {
      for await (const frames of socket) yield frames
    } catch (error) {
      if (!this.isClosed) throw error
    }
  }

  private take(sequence: Buffer | undefined, payload: Buffer | undefined, isReplay = false): void {
    const number = sequence === undefined ? undefined : decodeSequence(sequence)
    const batch = payload === undefined ? undefined : decodeKvEvents(payload)
    if (number === undefined || batch === undefined) this.counts.malformed++
    else this.order.take(number, batch, isReplay)
  }

  /** @returns whether it can ask */
  private askFrom(sequence: number): boolean {
    if (this.replay === undefined || this.isClosed) return false
    this.expectAnswer()
    this.replay.send(['', encodeSequence(sequence)]).catch(() => {})
    return true
  }

  private expectAnswer(): void {
    clearTimeout(this.replayTimer)
    this.replayTimer = setTimeout(() => this.order.replayTimedOut(), this.options.replayTimeoutMs)
    this.replayTimer.unref()
  }
}

function connect(socket: Subscriber | Dealer, endpoint: string): void {
  try {
    socket.connect(endpoint)
  } catch (cause) {
    throw new RouteSimError<LiveErrorCode>(
      `KV events: expected an address that ZeroMQ takes, got ${endpoint}: ${(cause as Error).message}`,
      {
        code: 'options_invalid',
        hint: 'Write tcp://host:port, or ipc:// and a path of at most 100 characters.',
        cause,
      },
    )
  }
}
