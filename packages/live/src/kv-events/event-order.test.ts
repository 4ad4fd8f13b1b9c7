import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventOrder } from './event-order.js'
import type { KvEventBatch } from './kv-event.js'

/** A worker that keeps its last batches, a lossy way to it, and what arrives. */
function story(kept: number) {
  const counts = { batches: 0, gaps: 0, duplicates: 0, resets: 0, malformed: 0 }
  const seen: number[] = []
  let published: KvEventBatch[] = []
  const pending: { sequence: number; batch: KvEventBatch }[] = []
  let clock = 0
  const asked: number[] = []
  const order = new EventOrder(
    {
      apply: ({ timestampSec }) => seen.push(timestampSec),
      forget: () => {
        seen.length = 0
      },
    },
    counts,
    (from) => {
      asked.push(from)
      return true
    },
  )
  return {
    order,
    counts,
    seen,
    publish() {
      const batch = { timestampSec: ++clock, events: [], rank: 0 }
      pending.push({ sequence: published.length, batch })
      published.push(batch)
      return pending
    },
    restartWorker() {
      published = []
      pending.length = 0
    },
    answer() {
      for (let question = asked.shift(); question !== undefined; question = asked.shift()) {
        const from = Math.max(question, published.length - kept)
        published.slice(from).forEach((batch, i) => {
          order.take(from + i, batch, true)
        })
        order.replayEnded()
      }
    },
    latest: () => published.map(({ timestampSec }) => timestampSec),
  }
}

test('whatever is lost, doubled or out of order, in the end all of the present worker is known once and in order', () => {
  const action = fc.constantFrom(
    'deliver',
    'deliver',
    'lose',
    'swap',
    'double',
    'answer',
    'restart',
  )
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), fc.boolean(), (actions, isAnsweredEarly) => {
      const { order, publish, restartWorker, answer, seen, latest } = story(1000)
      order.start()
      if (isAnsweredEarly) answer()
      for (const what of actions) {
        if (what === 'restart') restartWorker()
        const pending = publish()
        if (what === 'lose') pending.length = 0
        if (what === 'swap') continue
        if (what === 'answer') answer()
        for (const { sequence, batch } of pending.splice(0).reverse()) {
          order.take(sequence, batch, false)
          if (what === 'double') order.take(sequence, batch, false)
        }
      }
      // Two more batches show the last gap, and whether numbers started over.
      for (let i = 0; i < 2; i++) {
        for (const { sequence, batch } of publish().splice(0)) order.take(sequence, batch, false)
        answer()
      }
      expect(seen).toEqual(latest())
    }),
    { numRuns: 2000 },
  )
})

test('what can not be had again is given up, and with it what was known', () => {
  const { order, publish, answer, seen, counts } = story(2)
  order.start()
  answer()
  const all = Array.from({ length: 10 }, () => publish().splice(0)[0]!)
  for (const i of [0, 1]) order.take(i, all[i]!.batch, false)
  expect(seen).toEqual([1, 2])
  order.take(9, all[9]!.batch, false)
  expect(seen).toEqual([1, 2])
  answer()
  expect(seen).toEqual([9, 10])
  expect(counts).toMatchObject({ gaps: 1, resets: 1 })
})

test.each(['when there was nothing yet', 'while the next ones came'])(
  'the first batch is lost, after all was asked for and answered with nothing, %s',
  (when) => {
    const { order, publish, answer, seen, counts } = story(1000)
    order.start()
    const isAnsweredFirst = when === 'when there was nothing yet'
    if (isAnsweredFirst) answer()
    publish()
    const [, next] = publish()
    order.take(next!.sequence, next!.batch, false)
    if (!isAnsweredFirst) order.replayEnded()
    expect(seen).toEqual([])
    answer()
    expect(seen).toEqual([1, 2])
    expect(counts).toMatchObject({ batches: 2, gaps: 1, resets: 0 })
  },
)

test('a router that starts late and can ask nobody goes on from what comes', () => {
  const seen: number[] = []
  const counts = { batches: 0, gaps: 0, duplicates: 0, resets: 0, malformed: 0 }
  const sink = { apply: ({ rank }: KvEventBatch) => void seen.push(rank), forget() {} }
  const order = new EventOrder(sink, counts, () => false)
  order.start()
  for (const rank of [7, 8]) order.take(rank, { timestampSec: rank, events: [], rank }, false)
  expect([seen, counts.gaps]).toEqual([[7, 8], 0])
})
