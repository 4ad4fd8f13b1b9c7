import { RandomStream } from '@routesim/core'
import { expect, test } from 'vitest'
import { type RequestFacts, runResult } from '../testing/run-result.js'
import { FlowBins } from './flow-bins.js'
import { saturation } from './saturation.js'

/** The judgement of a run made by hand. */
function judged(facts: readonly RequestFacts[], warmup = 0, unservable = 0) {
  return saturation(binsOf(facts, warmup), unservable)
}

function binsOf(facts: readonly RequestFacts[], warmup = 0): FlowBins {
  const { requests, outcomes } = runResult(facts, [{}])
  const bins = new FlowBins()
  for (let row = warmup; row < requests.size; row++) bins.arrives(requests.arrivalMs[row]!)
  for (let row = warmup; row < requests.size; row++) bins.add(row, requests, outcomes)
  return bins
}

/** One server that takes `serviceMs` per request, one after the other; `most` wait, others are rejected. */
function queue(arrivals: readonly number[], serviceMs: number, most = Number.POSITIVE_INFINITY) {
  return judged(served(arrivals, serviceMs, most))
}

function served(
  arrivals: readonly number[],
  serviceMs: number,
  most = Number.POSITIVE_INFINITY,
): RequestFacts[] {
  let freeMs = 0
  return arrivals.map((arrivalMs): RequestFacts => {
    if ((freeMs - arrivalMs) / serviceMs > most) return { arrivalMs, rejectReason: 'queue_full' }
    const admittedMs = Math.max(arrivalMs, freeMs)
    freeMs = admittedMs + serviceMs
    return { arrivalMs, admittedMs, firstTokenMs: admittedMs, finishedMs: freeMs }
  })
}

const every = (ms: number, count: number) => Array.from({ length: count }, (_, i) => i * ms)

test('one that keeps up is stable', () => {
  const found = queue(every(100, 1000), 90)
  expect(found).toMatchObject({ verdict: 'stable', rejected_share: 0, drain_ms: 90 })
  expect(found.offered_per_sec).toBeCloseTo(10, 6)
  expect(found.completed_per_sec).toBeCloseTo(10, 1)
  expect(found.waiting_growth_per_sec).toBeCloseTo(0, 2)
  expect(found.peak_waiting).toBeLessThanOrEqual(1)
})

test('one that is a tenth too slow is overloaded, and the growth of its queue says by how much', () => {
  const found = queue(every(100, 1000), 111.111)
  expect(found.verdict).toBe('overloaded')
  // 10 arrive and 9 are served in a second; the 100 that are left over take 11 s.
  expect(found.waiting_growth_per_sec).toBeCloseTo(1, 1)
  expect(found.waiting_at_last_arrival).toBeGreaterThan(95)
  expect(found.drain_ms).toBeGreaterThan(10_000)
})

/** Arrivals at a rate that rises from 0 to so many per second over 100 s. */
const rising = (perSec: number) =>
  Array.from({ length: 50 * perSec }, (_, i) => Math.sqrt(i / (50 * perSec)) * 100_000)

/** Without a queue: what is not served yet is in work. */
const inWork = (facts: readonly RequestFacts[]) =>
  facts.map((each): RequestFacts => ({ ...each, admittedMs: each.arrivalMs! }))

test.each([2, 20, 200])(
  'one to which more come is stable while each stays as long, up to %i/s',
  (perSec) => {
    const facts = rising(perSec).map((arrivalMs): RequestFacts => {
      const times = { admittedMs: arrivalMs, firstTokenMs: arrivalMs, finishedMs: arrivalMs + 4000 }
      return { arrivalMs, ...times }
    })
    const found = judged(facts)
    expect(found.verdict).toBe('stable')
    expect(found.backlog_growth_per_sec).toBeCloseTo(perSec * 0.04, 1)
  },
)

test('one to which more come than it can serve is overloaded, also where none waits', () => {
  expect(judged(inWork(served(rising(16), 100))).verdict).toBe('overloaded')
  expect(judged(inWork(served(rising(9), 100))).verdict).toBe('stable')
})

test('one to which fewer come, and that is as full as before, is not overloaded', () => {
  // At first each stays for 4 s, in the end for 24 s, as the rate falls to a sixth.
  const arrivals = rising(20)
    .map((ms) => 100_000 - ms)
    .reverse()
  const facts = arrivals.map((arrivalMs): RequestFacts => {
    const finishedMs = arrivalMs + 4000 / Math.max(1 / 6, 1 - arrivalMs / 100_000)
    return { arrivalMs, admittedMs: arrivalMs, firstTokenMs: arrivalMs, finishedMs }
  })
  expect(judged(facts).verdict).toBe('stable')
})

test('one in which requests stay longer and longer is overloaded, also in a run no longer than that', () => {
  // From 2 s to 12 s over 20 s of arrivals: 7 s in the mean, a third of the run.
  const stays = (stayMs: (arrivalMs: number) => number) =>
    judged(
      inWork(
        every(50, 400).map((arrivalMs) => ({
          arrivalMs,
          finishedMs: arrivalMs + stayMs(arrivalMs),
          firstTokenMs: arrivalMs,
        })),
      ),
    )
  const growing = stays((arrivalMs) => 2000 + arrivalMs / 2)
  expect(growing.verdict).toBe('overloaded')
  // What is gone at t came by (t - 2 s) / 1.5: a third of all that come stay.
  expect(growing.backlog_growth_per_sec).toBeCloseTo(20 / 3, 0)
  expect(stays(() => 7000).verdict).toBe('stable')
  // As many that stay for long come at any time.
  expect(stays((arrivalMs) => (arrivalMs % 200 === 0 ? 22_000 : 2000)).verdict).toBe('stable')
  // Where even the first stay as long as a run of this length can not tell.
  expect(stays((arrivalMs) => 6000 + arrivalMs / 2).verdict).toBe('stable')
})

test('growth is that of the second half, and what was completed counts up to the last arrival', () => {
  // One in 128 ms: the first fifty are served at once, the others not before all have come.
  const facts = every(128, 101).map((arrivalMs, i): RequestFacts => {
    const admittedMs = i < 50 ? arrivalMs : 14_000
    return { arrivalMs, admittedMs, firstTokenMs: admittedMs, finishedMs: admittedMs + 10 }
  })
  const found = judged(facts)
  expect(found.waiting_growth_per_sec).toBeCloseTo(1000 / 128, 1)
  // Fifty in the 12,800 ms up to the last arrival.
  expect(found.completed_per_sec).toBeCloseTo(50 / 12.8, 9)
})

test('a queue that stays as long as it was from the first is a backlog', () => {
  const found = queue([...every(0, 20), ...every(100, 1000)], 100)
  expect(found).toMatchObject({ verdict: 'backlogged', waiting_at_last_arrival: 20 })
})

test('all at one instant are a backlog, for they are served in the end', () => {
  expect(queue(every(0, 100), 50).verdict).toBe('backlogged')
})

test('a queue that fills to its bound and rejects the rest is overloaded', () => {
  const found = queue(every(100, 1000), 200, 20)
  expect(found.verdict).toBe('overloaded')
  expect(found.rejected_share).toBeGreaterThan(0.4)
})

test('requests that no backend can ever hold are no sign of load', () => {
  const facts = every(100, 1000).map((arrivalMs, i): RequestFacts => {
    if (i % 10 === 0) return { arrivalMs, rejectReason: 'exceeds_kv_cache' }
    return { arrivalMs, admittedMs: arrivalMs, firstTokenMs: arrivalMs, finishedMs: arrivalMs + 50 }
  })
  expect(judged(facts)).toMatchObject({ verdict: 'overloaded', rejected_share: 0.1 })
  expect(judged(facts, 0, 100)).toMatchObject({ verdict: 'stable', rejected_share: 0.1 })
  // One in a hundred for another reason is too many all the same.
  expect(judged(facts, 0, 90).verdict).toBe('overloaded')
})

test('a burst that is worked off is a backlog', () => {
  const burst = every(5, 200).map((ms) => ms + 10_000)
  const arrivals = [...every(100, 1000), ...burst].sort((a, b) => a - b)
  const found = queue(arrivals, 50)
  expect(found.verdict).toBe('backlogged')
  expect(found.peak_waiting).toBeGreaterThan(150)
  expect(found.waiting_at_last_arrival).toBeLessThan(5)
})

test('a short run that takes for ever to drain is overloaded all the same', () => {
  expect(queue(every(1, 500), 60_000).verdict).toBe('overloaded')
})

test('stretches double without losing a request', () => {
  const facts = every(977, 3000).map((arrivalMs) => ({
    arrivalMs,
    admittedMs: arrivalMs,
    firstTokenMs: arrivalMs + 5,
    finishedMs: arrivalMs + 10,
  }))
  const bins = binsOf(facts)
  for (const column of [bins.arrived, bins.admitted, bins.ended]) {
    expect(column.reduce((sum, count) => sum + count, 0)).toBe(3000)
  }
  expect(bins.widthMs * 2 ** 16).toBeGreaterThan(977 * 2999)
  expect(bins.widthMs * 2 ** 15).toBeLessThanOrEqual(977 * 2999 + 10)
})

test('requests that are admitted and do not end in time are no queue', () => {
  // Each waits for 300 ms, so that three wait at any time, and all decode when the run is stopped.
  const facts = every(100, 30).map((arrivalMs): RequestFacts => {
    return { arrivalMs, admittedMs: arrivalMs + 300, outcome: 'unfinished' }
  })
  expect(judged(facts)).toMatchObject({ peak_waiting: 3, waiting_at_last_arrival: 3 })
})

test('a short run of Poisson arrivals to servers without end is not overloaded by chance', () => {
  const verdicts = Array.from({ length: 200 }, (_, seed) => {
    const random = new RandomStream(seed, 'arrivals')
    const arrivals: number[] = []
    let nextMs = 0
    while (nextMs < 20_000) {
      arrivals.push(nextMs)
      nextMs += 25 * -Math.log(1 - random.float())
    }
    const facts = arrivals.map((arrivalMs): RequestFacts => {
      const finishedMs = arrivalMs + 4000
      return { arrivalMs, admittedMs: arrivalMs, firstTokenMs: arrivalMs, finishedMs }
    })
    return judged(facts).verdict
  })
  // Without regard to chance, 29 of them are.
  const odd = verdicts.filter((verdict) => verdict === 'overloaded')
  expect(odd.length).toBeLessThanOrEqual(2)
})

/** The same requests at other times. */
function moved(facts: readonly RequestFacts[], at: (ms: number) => number): RequestFacts[] {
  return facts.map((fact) => ({
    arrivalMs: at(fact.arrivalMs),
    admittedMs: at(fact.admittedMs!),
    firstTokenMs: at(fact.firstTokenMs!),
    finishedMs: at(fact.finishedMs!),
  }))
}

test('the judgement is the same whenever it all begins, and whatever came before', () => {
  const facts = served(every(100, 600), 130)
  const expected = judged(facts)
  expect(expected.verdict).toBe('overloaded')
  for (const offsetMs of [1000, 36e6, 90e6]) {
    expect(judged(moved(facts, (ms) => ms + offsetMs))).toEqual(expected)
  }
  const warmup = served(every(10_000, 900), 130)
  expect(judged([...warmup, ...moved(facts, (ms) => ms + 9e6)], 900)).toEqual(expected)
})

test('at half the speed everything comes and is served at half the rate', () => {
  const facts = served([0, 40, 50, 84], 35)
  const [fast, slow] = [1, 2].map((times) => judged(moved(facts, (ms) => times * ms)))
  // Two of four are done when the last comes.
  expect(fast!.completed_per_sec).toBeCloseTo(2 / 0.084, 9)
  expect(slow!.completed_per_sec).toBeCloseTo(fast!.completed_per_sec! / 2, 9)
  expect(slow!.offered_per_sec).toBeCloseTo(fast!.offered_per_sec! / 2, 9)
  expect(slow!.peak_waiting).toBe(fast!.peak_waiting)
})

test('a burst that is soon over is seen in a long run', () => {
  const burst = Array.from({ length: 40 }, () => 1_802_250)
  const arrivals = [...every(10_000, 360), ...burst].sort((a, b) => a - b)
  expect(queue(arrivals, 130)).toMatchObject({ verdict: 'backlogged', peak_waiting: 39 })
})

test('a queue longer than what is in work is a backlog, also if a longer one is not', () => {
  const [few, many] = [12, 200].map((count, i) =>
    Array.from({ length: count }, (_, at): RequestFacts => {
      const arrivalMs = 10_000 * i
      const waits = i === 0 || at < 90
      const admittedMs = waits ? arrivalMs + 1000 : arrivalMs
      return { arrivalMs, admittedMs, firstTokenMs: admittedMs, finishedMs: admittedMs + 2000 }
    }),
  )
  expect(judged([...few!, ...many!])).toMatchObject({ verdict: 'backlogged', running_at_peak: 110 })
  expect(judged(many!).verdict).toBe('stable')
})

test('the order in which requests are counted makes no difference', () => {
  const facts = served([...every(100, 300), ...every(7, 300).map((ms) => ms + 9e6)], 60)
  const { requests, outcomes } = runResult(facts, [{}])
  const bins = new FlowBins()
  for (let row = 0; row < requests.size; row++) bins.arrives(requests.arrivalMs[row]!)
  for (let row = requests.size - 1; row >= 0; row--) bins.add(row, requests, outcomes)
  expect(saturation(bins)).toEqual(judged(facts))
})

test('requests that were not told of as they arrived', () => {
  const { requests, outcomes } = runResult(served([0, 1], 5), [{}])
  const bins = new FlowBins()
  bins.add(0, requests, outcomes)
  expect(() => saturation(bins)).toThrow('expected to be told of 1 requests as they arrived')
})
