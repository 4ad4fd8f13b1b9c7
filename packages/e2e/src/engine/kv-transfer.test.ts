// How KV caches get from where prompts are computed to where they are decoded, by hand.
import {
  type BackendEvent,
  disaggregate,
  type KvTransfer,
  OUTCOME,
  RandomStream,
  type RoutingAlgorithm,
  type RunResult,
} from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { decode, evenLatency, prefill } from '../testing/even-latency.js'
import { backend, pairsInTurn, STEPPERS, type TinyRequest, tinyRun } from '../testing/tiny-run.js'

/** A prompt of 100 tokens takes 10 ms to compute, a token 1 ms, and its KV 20 ms to send. */
const latency = evenLatency(0)
const link: KvTransfer = { latencyMs: 0, bandwidthBytesPerSec: 5000, bytesPerToken: 1 }
/** Request by request, from one backend to another. */
function byHand(...ways: readonly (readonly [from: number, to: number])[]): RoutingAlgorithm {
  let next = 0
  return {
    name: 'by_hand',
    route: (_, { backends }) => {
      const [from, to] = ways[next++]!
      return disaggregate(backends[from]!, backends[to]!)
    },
  }
}

const alone: TinyRequest = { promptTokens: 100, outputTokens: 2 }

describe.each(STEPPERS)('%s stepper', (stepper) => {
  const arrivals = (run: RunResult): number[] => [...run.outcomes.transferEndMs!]
  const starts = (run: RunResult): number[] => [...run.outcomes.transferStartMs!]

  test('without contention all have the whole bandwidth; with it one after another', () => {
    const story = {
      ...{ stepper, requests: [alone, alone], backends: [prefill, prefill, decode] },
      router: pairsInTurn(),
    } as const
    const free = tinyRun({ ...story, transfer: link })
    expect([starts(free), arrivals(free)]).toEqual([
      [10, 10],
      [30, 30],
    ])
    const shared = tinyRun({
      ...{ ...story, router: pairsInTurn() },
      transfer: { ...link, latencyMs: 1, contention: 'exclusive' },
    })
    // The decode backend receives one at a time, each for 1 + 20 ms: that of the lower prefill backend first.
    expect([starts(shared), arrivals(shared)]).toEqual([
      [31, 10],
      [52, 31],
    ])
    expect([...shared.outcomes.finishedMs]).toEqual([53, 32])
  })

  test('no layer goes ahead while its link is busy when the prompt is computed', () => {
    const run = tinyRun({
      ...{ stepper, router: byHand([0, 1], [0, 1]), backends: [prefill, decode] },
      requests: [alone, { ...alone, arrivalMs: 5 }],
      transfer: { ...link, contention: 'exclusive', overlappedLayers: 4 },
    })
    // Of the first, 7.5 of 20 ms are sent ahead; of the second, computed at 20, nothing.
    expect(starts(run)).toEqual([10, 22.5])
    expect(arrivals(run)).toEqual([22.5, 42.5])
  })

  test.each(['sends', 'receives'])('layers go ahead from when an end is free that %s', (end) => {
    const run = tinyRun({
      ...{ stepper, backends: [prefill, decode, end === 'sends' ? decode : prefill] },
      router: end === 'sends' ? byHand([0, 1], [0, 2]) : byHand([0, 1], [2, 1]),
      requests: [alone, { ...alone, arrivalMs: end === 'sends' ? 5 : 10, promptTokens: 200 }],
      transfer: { ...link, contention: 'exclusive', overlappedLayers: 4 },
    })
    // The second is computed from 10 to 30; the first is on its way until 22.5.
    expect(starts(run)).toEqual([10, 30])
    expect(arrivals(run)).toEqual([22.5, 62.5])
  })

  test('a last layer is left to be sent, of as little as the other end lacks', () => {
    const same = { ...alone, shared: 'a', sharedTokens: 96 }
    const run = tinyRun({
      ...{ stepper, router: byHand([0, 2], [1, 2]), backends: [prefill, prefill, decode] },
      requests: [same, { ...same, arrivalMs: 200 }],
      transfer: { ...link, overlappedLayers: 4 },
    })
    // It lacks 4 tokens, 0.8 ms, and more than that went ahead while the prompt was computed.
    expect(starts(run)[1]).toBe(210)
    expect(arrivals(run)[1]).toBeCloseTo(210.2, 9)
  })

  test('of those that wait for an end the one that was there first goes', () => {
    const run = tinyRun({
      ...{ stepper, router: byHand([2, 3], [1, 3], [0, 3]) },
      backends: [prefill, prefill, prefill, decode],
      requests: [alone, { ...alone, arrivalMs: 1 }, { ...alone, arrivalMs: 2 }],
      transfer: { ...link, contention: 'exclusive' },
    })
    expect(starts(run)).toEqual([10, 30, 50])
    expect(arrivals(run)).toEqual([30, 50, 70])
  })

  test('who waits for one end does not keep another from the other end', () => {
    // While what 1 sends to 2 waits for 2, it sends to 3.
    const router = byHand([0, 2], [1, 2], [1, 3])
    const run = tinyRun({
      ...{ stepper, router, backends: [prefill, prefill, decode, decode] },
      requests: [alone, { ...alone, arrivalMs: 1 }, { ...alone, arrivalMs: 12 }],
      transfer: { ...link, contention: 'exclusive' },
    })
    // Computed at 10, 11 and 22.
    expect(starts(run)).toEqual([10, 42, 22])
    expect(arrivals(run)).toEqual([30, 62, 42])
  })

  test('layers go ahead: what is left is the longer of one layer and what the link had no time for', () => {
    const run = (overlappedLayers: number, bandwidthBytesPerSec: number): RunResult =>
      tinyRun({
        ...{ stepper, requests: [alone], backends: [prefill, decode], router: pairsInTurn() },
        transfer: { ...link, bandwidthBytesPerSec, overlappedLayers },
      })
    // Computed in 10 ms and sent in 20, in 4 layers: max(20 / 4, 20 - 10 * 3 / 4).
    expect(arrivals(run(4, 5000))).toEqual([22.5])
    // Sent in 4 ms: max(4 / 4, 4 - 7.5).
    expect(arrivals(run(4, 25_000))).toEqual([11])
    expect(arrivals(run(1, 5000))).toEqual([30])
  })

  test('a backend says how many layers of its own model there are', () => {
    const deep = { ...decode, kvLayers: 10 }
    const run = tinyRun({
      ...{ stepper, requests: [alone, alone], backends: [prefill, prefill, decode, deep] },
      router: byHand([0, 2], [1, 3]),
      transfer: { ...link, overlappedLayers: 4 },
    })
    // As above: max(20 / 10, 20 - 10 * 9 / 10) of ten layers.
    expect(arrivals(run)).toEqual([22.5, 21])
  })

  test('of one that was put back no layer goes ahead', () => {
    const small = { ...prefill, kv: { blocks: 10, blockTokens: 16 }, maxBatchTokens: 40 }
    const run = tinyRun({
      ...{ stepper, requests: [alone, alone], backends: [small, decode] },
      router: byHand([0, 1], [0, 1]),
      transfer: { ...link, bandwidthBytesPerSec: 25_000, overlappedLayers: 4 },
    })
    const { preemptions, firstTokenMs } = run.outcomes
    expect([...preemptions]).toEqual([0, 1])
    // Sent in 4 ms, of the first all but a layer by 12. The second, put back after 20 tokens, begins anew when the
    // first has gone, with the block that it had filled: 84 tokens are left.
    expect(firstTokenMs[0]).toBe(12)
    expect(firstTokenMs[1]).toBeCloseTo(13 + 8.4, 9)
    expect(arrivals(run)[0]).toBe(13)
    expect(arrivals(run)[1]).toBeCloseTo(21.4 + 4, 9)
  })

  test('layers of one that is sent again go ahead, though it was put back before', () => {
    const small = { ...prefill, kv: { blocks: 10, blockTokens: 16 }, maxBatchTokens: 40 }
    const run = tinyRun({
      ...{ stepper, requests: [alone, alone], backends: [small, prefill, decode] },
      router: byHand([0, 2], [0, 2], [1, 2]),
      transfer: { ...link, overlappedLayers: 4 },
      events: [{ atMs: 20, backend: 0, kind: 'fail' }],
      retries: { attempts: 1, backoffMs: 20 },
    })
    const { attempts, preemptions, firstTokenMs } = run.outcomes
    expect([attempts[1], preemptions[1], firstTokenMs[1]]).toEqual([1, 1, 50])
    // As above: 20 ms to send, of which 7.5 have gone.
    expect(arrivals(run)[1]).toBe(62.5)
  })

  test('layers go ahead only while both ends have nothing else to do', () => {
    const run = tinyRun({
      ...{ stepper, backends: [prefill, decode], router: pairsInTurn() },
      requests: [alone, { ...alone, arrivalMs: 5 }],
      transfer: {
        ...link,
        bandwidthBytesPerSec: 20_000,
        contention: 'exclusive',
        overlappedLayers: 4,
      },
    })
    // Each is sent in 5 ms. Of the first, 3.75 have gone by 10; the rest goes until 11.25. The second is computed
    // from 10 to 20, and its first layer from 10 to 12.5.
    expect(arrivals(run)).toEqual([11.25, 21.25])
    const both = tinyRun({
      ...{ stepper, backends: [prefill, decode], router: pairsInTurn() },
      requests: [alone, alone],
      transfer: {
        ...link,
        bandwidthBytesPerSec: 20_000,
        contention: 'exclusive',
        overlappedLayers: 4,
      },
    })
    // Computed in one step of 20 ms: the first sends 3.75 ms from 5 on, the second then.
    expect(arrivals(both)).toEqual([21.25, 22.5])
  })

  test('memory is charged where the prompt was computed until it is sent, and where it is decoded from then on', () => {
    const blocks = (tokens: number) => ({ kv: { blocks: tokens / 10, blockTokens: 10 } })
    const run = tinyRun({
      stepper,
      requests: [alone, { ...alone, arrivalMs: 1 }],
      backends: [
        backend({ role: 'prefill', latency, ...blocks(100) }),
        backend({ role: 'decode', latency, ...blocks(110) }),
      ],
      router: pairsInTurn(),
      transfer: link,
      prefixCaching: false,
    })
    // The second prompt finds no block until the first has been sent, at 30.
    expect([...run.outcomes.admittedMs]).toEqual([0, 30])
    expect([...run.outcomes.finishedMs]).toEqual([31, 61])
    const narrow = tinyRun({
      stepper,
      requests: [
        { ...alone, outputTokens: 11 },
        { ...alone, arrivalMs: 1, outputTokens: 11 },
      ],
      backends: [
        backend({ role: 'prefill', latency, ...blocks(1000) }),
        backend({ role: 'decode', latency, ...blocks(110) }),
      ],
      router: pairsInTurn(),
      transfer: link,
      prefixCaching: false,
    })
    // Computed at 20 ms, the second sets out when the first, which decodes until 40, has left its blocks.
    expect([...narrow.outcomes.firstTokenMs]).toEqual([10, 20])
    expect(starts(narrow)).toEqual([10, 40])
  })

  test('a backend that fails frees both ends', () => {
    const run = (events: readonly BackendEvent[]): RunResult =>
      tinyRun({
        ...{ stepper, events, backends: [prefill, decode, decode], router: byHand([0, 1], [0, 2]) },
        requests: [alone, { ...alone, arrivalMs: 1 }],
        transfer: { ...link, contention: 'exclusive' },
      })
    expect(starts(run([]))).toEqual([10, 30])
    const failed = run([{ atMs: 15, kind: 'fail', backend: 1 }])
    // The second prompt is computed at 20.
    expect(starts(failed)[1]).toBe(20)
    expect([...failed.outcomes.outcome]).toEqual([OUTCOME.failed, OUTCOME.completed])
    // One that waits for its end is forgotten when it is called off.
    const late = run([{ atMs: 25, kind: 'fail', backend: 2 }])
    expect([...late.outcomes.outcome]).toEqual([OUTCOME.completed, OUTCOME.failed])
    expect(arrivals(late)[0]).toBe(30)
  })
})

test('no end is ever busy for longer than the time that has passed', () => {
  for (let seed = 0; seed < 60; seed++) {
    const random = new RandomStream(seed, 'transfers')
    const pools = { prefill: 1 + random.integer(3), decode: 1 + random.integer(3) }
    const requests = Array.from({ length: 60 }, (_, i) => ({
      arrivalMs: i * 6,
      promptTokens: 10 + random.integer(200),
      outputTokens: 2,
    }))
    const run = tinyRun({
      requests,
      backends: [
        ...Array.from({ length: pools.prefill }, () => prefill),
        ...Array.from({ length: pools.decode }, () => decode),
      ],
      router: pairsInTurn(),
      transfer: {
        ...link,
        bandwidthBytesPerSec: 20_000,
        contention: 'exclusive',
        overlappedLayers: 4,
      },
      stepper: 'fast',
    })
    const { transferStartMs, transferEndMs, backend: to, prefillBackend: from } = run.outcomes
    for (const end of [to, from]) {
      const spans = requests
        .map((_, i) => [end[i]!, transferStartMs![i]!, transferEndMs![i]!] as const)
        .sort(([a, b], [c, d]) => a - c || b - d)
      for (let i = 1; i < spans.length; i++) {
        const [before, own] = [spans[i - 1]!, spans[i]!]
        if (before[0] === own[0]) expect(own[1]).toBeGreaterThanOrEqual(before[2] - 1e-9)
      }
    }
    // All bytes have gone, those sent ahead too: at each end in no more than the time there was.
    for (const id of new Set(to)) {
      const bytes = requests.reduce(
        (sum, { promptTokens }, i) => sum + (to[i] === id ? promptTokens : 0),
        0,
      )
      expect(bytes / 20).toBeLessThanOrEqual(Math.max(...transferEndMs!) + 1e-9)
    }
  }
})

test.each(STEPPERS)(
  'backends that wait for each other go on at once, whatever others do: %s',
  (stepper) => {
    const spec = backend({ kv: { blocks: 10, blockTokens: 16 } })
    const crosswise = [
      { promptTokens: 100, outputTokens: 20 },
      { promptTokens: 100, outputTokens: 20 },
    ]
    const elsewhere = Array.from({ length: 20 }, (_, i) => ({ arrivalMs: 1000 * i }))
    const run = (...others: typeof elsewhere) =>
      tinyRun({
        requests: [...crosswise, ...others],
        backends: Array.from({ length: 5 }, () => spec),
        router: {
          name: 'crosswise',
          route: ({ id }, { backends: [a, b, c, d, e] }) =>
            [
              disaggregate(a!, b!),
              disaggregate(b!, a!),
              disaggregate(c!, d!),
              disaggregate(d!, c!),
            ][id] ?? e!,
        },
        stepper,
      })
    const { outcomes, backends } = run()
    const alone = outcomes.finishedMs
    // The newest is computed anew where it is decoded.
    expect(backends[0]!.prefillTokens).toBeGreaterThan(200)
    expect(backends[1]!.prefillTokens).toBe(100)
    expect(Math.max(...alone)).toBeLessThan(1000)
    expect(run(...elsewhere).outcomes.finishedMs.subarray(0, 2)).toEqual(alone)
    // Two pairs in one instant.
    const twice = run(...crosswise.map((each) => ({ ...each, arrivalMs: 0 })), ...elsewhere)
    expect([...twice.outcomes.finishedMs.subarray(0, 4)]).toEqual([...alone, ...alone])
  },
)

test.each(STEPPERS)(
  'nothing is computed anew where a KV cache on its way makes room: %s',
  (stepper) => {
    const spec = backend({ latency, kv: { blocks: 20, blockTokens: 16 } })
    // The first takes 7 blocks of each backend while it is sent, the others 10: each waits for its end.
    const { backends } = tinyRun({
      requests: [
        { promptTokens: 100, outputTokens: 5 },
        { promptTokens: 150, outputTokens: 5 },
        { promptTokens: 150, outputTokens: 5 },
      ],
      backends: [spec, spec, spec],
      router: byHand([0, 1], [0, 1], [1, 0]),
      transfer: link,
      stepper,
    })
    expect(backends.map(({ prefillTokens }) => prefillTokens)).toEqual([250, 150, 0])
  },
)
