import type { KvEventBatch } from './kv-event.js'
import type { KvEventCounts, KvEventSink } from './kv-event-subscriber.js'

/** Batches that are held back at most while older ones are asked for. */
const MOST_HELD = 100_000

/**
 * Puts numbered batches in order. When some are missing it asks for them and holds back what follows; those
 * that do not come are given up, and with them everything that was known. Numbers that start over mean that
 * the worker did.
 */
export class EventOrder {
  private readonly sink: KvEventSink
  private readonly counts: KvEventCounts
  private readonly ask: (from: number) => boolean
  /** Number of the next batch; -1 before the first. */
  private expected = -1
  private lastSec = Number.NEGATIVE_INFINITY
  /** Whether all was asked for when there was something: what is asked before may be answered with nothing. */
  private isSure = false
  /** Questions that are not answered. */
  private asked = 0
  private readonly held = new Map<number, KvEventBatch>()

  /** @param ask - asks for all batches from a number on; false when there is nobody to ask */
  constructor(sink: KvEventSink, counts: KvEventCounts, ask: (from: number) => boolean) {
    this.sink = sink
    this.counts = counts
    this.ask = ask
  }

  /** Whether a question is not answered. */
  get isWaiting(): boolean {
    return this.asked > 0
  }

  /** Asks for what happened before. */
  start(): void {
    if (this.ask(0)) this.asked++
  }

  /** Starts over with a worker of which nothing is known. */
  restart(): void {
    this.held.clear()
    this.expected = -1
    this.isSure = false
    this.lastSec = Number.NEGATIVE_INFINITY
    this.forget()
    this.start()
  }

  take(sequence: number, batch: KvEventBatch, isReplay: boolean): void {
    if (this.expected === -1) this.begin(sequence, batch, isReplay)
    else if (sequence === this.expected) this.apply(batch)
    else if (sequence < this.expected) this.takeOld(sequence, batch)
    else this.hold(sequence, batch)
  }

  /** All that could be sent again was sent. */
  replayEnded(): void {
    // The answer to an earlier question may be about an earlier life of the worker.
    if (this.asked === 0 || --this.asked > 0) return
    if (this.expected === -1 && this.held.size > 0) this.makeSure()
    if (this.asked === 0) this.giveUp()
  }

  /** Nobody answers. */
  replayTimedOut(): void {
    this.asked = 0
    this.giveUp()
  }

  private giveUp(): void {
    if (this.held.size === 0) return
    // What is still missing is gone; the blocks it told of may be held or not.
    if (this.expected !== -1) this.forget()
    this.expected = Math.min(...this.held.keys())
    this.drain()
  }

  /** The first batch of all: live ones wait for those before them, if they can be had. */
  private begin(sequence: number, batch: KvEventBatch, isReplay: boolean): void {
    if (!isReplay && sequence !== 0) {
      if (this.asked === 0) this.makeSure()
      if (this.asked > 0) {
        this.hold(sequence, batch)
        return
      }
    }
    this.expected = sequence
    this.apply(batch)
  }

  /** Asks for what was before the first batch that came: it may have been lost after it was asked for. */
  private makeSure(): void {
    if (this.isSure) return
    this.isSure = true
    this.start()
    if (this.asked > 0) this.counts.gaps++
  }

  private apply(batch: KvEventBatch): void {
    this.counts.batches++
    this.expected++
    this.lastSec = Math.max(this.lastSec, batch.timestampSec)
    this.sink.apply(batch)
    if (this.held.size > 0) this.drain()
  }

  private drain(): void {
    for (;;) {
      const next = this.held.get(this.expected)
      if (next === undefined || next.timestampSec < this.lastSec) break
      this.held.delete(this.expected)
      this.counts.batches++
      this.expected++
      this.lastSec = next.timestampSec
      this.sink.apply(next)
    }
    for (const [sequence, { timestampSec }] of this.held) {
      // What is older than the present is of an earlier life of the worker.
      if (sequence < this.expected || timestampSec < this.lastSec) this.held.delete(sequence)
    }
  }

  /** A number that was there already: sent again, late, or by a worker that has started over. */
  private takeOld(sequence: number, batch: KvEventBatch): void {
    if (batch.timestampSec <= this.lastSec) {
      this.counts.duplicates++
      return
    }
    this.restart()
    this.take(sequence, batch, false)
  }

  private hold(sequence: number, batch: KvEventBatch): void {
    if (this.held.size >= MOST_HELD) this.held.clear()
    this.held.set(sequence, batch)
    if (this.asked > 0) return
    this.counts.gaps++
    if (this.ask(this.expected)) this.asked++
    else this.giveUp()
  }

  private forget(): void {
    this.counts.resets++
    this.sink.forget()
  }
}
