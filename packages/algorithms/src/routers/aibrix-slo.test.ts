import type { ClusterView, RequestView, RoutingAlgorithm } from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testRequest, testUsage } from '../test-kit/test-request.js'
import { loads } from '../testing/decide.js'
import { decisionTable } from '../testing/decision-table.js'
import { summary } from '../testing/summary.js'
import { aibrixSlo } from './aibrix-slo.js'

// Every request takes a quarter of a backend. A request that got its turn without asking again, as none does in a table,
// gives its place back at the next time.
const quarters =
  'prefill_tokens_per_sec=1e15 tpot_ms=10 decode_tokens_per_sec=400 output_tokens=128'
decisionTable(
  aibrixSlo,
  `
  backends  | request | parameters  | before | choice               | why
  -, -      |         | ${quarters} |        | 1                    | of equals the last
  -, -      |         |             |        | 0                    | 0 against 1/4
  -, -      |         |             |        | 1                    | equals again
  -, r9     |         |             |        | 0                    | requests do not count, but what they take
  -, -      |         |             |        | 1                    | 2/4 each
  -, -      |         |             |        | 0                    | 2/4 against 3/4
  -, -      |         |             |        | 1                    | 3/4 each: exactly the whole fits
  -, -      |         |             |        | 0                    | the last quarter
  -, -      |         |             |        | hold                 | all full
  -, -, -   |         |             |        | 2                    | a new backend: the one that waits, and then this
  -, -, -   |         |             |        | 2                    | 2/4 against full
  -, -, -   |         |             |        | 2                    | 3/4 against full
  -, -, -   |         |             |        | hold                 | all full
  -, -, -   | ms=1    |             |        | hold                 | a place for the one that waits, none for this
  x, -, -   | ms=1    |             | end=1  | hold                 | a place where it is down
  -, -, -   | ms=1    |             |        | hold                 | it is back, for the one before this: answers are short by now, and so are their targets
  x, x, x   | ms=1    |             |        | no_available_backend | all are down
            | ms=1    |             |        | no_available_backend | no backends
  w10, -, - | ms=2    |             |        | hold                 | one is full in its queue; the other place goes to the next short one
  -, -, -   | ms=3    |             |        | 0                    | two places: for the short one before this, on the last, and for this
  -, -, -   | ms=4    |             |        | 2                    | one place, and the only other that waits is a long one
  -, -, -   | ms=4    |             |        | hold                 | all full
  -, -, -   | ms=4    |             | end=20 | hold                 | the short one that waits gets the place of the one that ends
`,
  'story',
)

/** A router and what it lets go, in order. */
class Desk {
  readonly released: number[] = []
  private readonly router: RoutingAlgorithm
  private readonly requests = new Map<number, RequestView>()

  constructor(parameters: object = {}) {
    this.router = aibrixSlo.create({
      ...{ prefill_tokens_per_sec: 1000, tpot_ms: 10, decode_tokens_per_sec: 400 },
      ...parameters,
    })
  }

  ask(id: number, fields: Partial<RequestView> = {}, nowMs = 0): number | string {
    const request = testRequest({ id, ...fields })
    this.requests.set(id, request)
    const cluster = this.cluster(nowMs)
    const decision = this.router.route(request, cluster)
    if (decision.kind === 'backend') {
      this.router.onDispatched?.(request, decision, cluster, decision)
    }
    return summary(decision)
  }

  end(id: number, nowMs: number, outputTokens = 10): void {
    const cluster = this.cluster(nowMs)
    const usage = testUsage({ outputTokens })
    this.router.onFinished?.(this.requests.get(id)!, cluster.backends[0]!, cluster, usage)
  }

  giveUp(id: number, nowMs: number): void {
    this.router.onAbandoned?.(this.requests.get(id)!, this.cluster(nowMs))
  }

  get waiting(): number {
    return this.router.customMetrics?.()['aibrix_slo_waiting'] ?? Number.NaN
  }

  private cluster(nowMs: number): ClusterView {
    const release = (id: number): void => {
      this.released.push(id)
    }
    return { ...testCluster(loads(0), { nowMs }), release }
  }
}

describe('who goes first', () => {
  // Of a full backend: 1024 prompt tokens take 0.58 of it and 1.0 s of prefill, 8 take 0.25.
  const full = (parameters = {}): Desk => {
    const desk = new Desk(parameters)
    expect(desk.ask(0, { promptTokens: 100_000 })).toBe(0)
    return desk
  }

  test('the head with the longest expected latency, at equal arrival', () => {
    const desk = full()
    expect(desk.ask(1, { promptTokens: 8 })).toBe('hold')
    expect(desk.ask(2, { promptTokens: 1000 })).toBe('hold')
    desk.end(0, 5)
    expect(desk.released).toEqual([2, 1])
    expect(desk.waiting).toBe(0)
  })

  test('not one whose client has given up, and others have its place', () => {
    const desk = full()
    expect(desk.ask(1, { promptTokens: 8 })).toBe('hold')
    expect(desk.ask(2, { promptTokens: 1000 })).toBe('hold')
    desk.giveUp(2, 3)
    expect([desk.waiting, desk.released]).toEqual([1, []])
    desk.end(0, 5)
    expect(desk.released).toEqual([1])
    // Nor one whose turn it is, for which there was room.
    expect(desk.ask(3, { promptTokens: 100_000 }, 5)).toBe('hold')
    desk.giveUp(1, 5)
    expect(desk.released).toEqual([1, 3])
  })

  test('one that has waited longer by as much goes before it', () => {
    const order = (firstMs: number): number[] => {
      const desk = full()
      desk.ask(1, { promptTokens: 8, arrivalMs: firstMs }, 2000)
      desk.ask(2, { promptTokens: 1024, arrivalMs: 2000 }, 2000)
      desk.end(0, 2000)
      return desk.released
    }
    // 1024 - 8 tokens of prefill are 1016 ms.
    expect(order(985)).toEqual([2, 1])
    expect(order(984)).toEqual([1, 2])
    expect(order(983)).toEqual([1, 2])
  })

  test('within a class the first to come, however late', () => {
    const desk = full()
    desk.ask(1, { promptTokens: 8, arrivalMs: 4 }, 5)
    desk.ask(2, { promptTokens: 8, arrivalMs: 1 }, 5)
    desk.end(0, 6)
    expect(desk.released).toEqual([1, 2])
  })

  test('the next head when the latest does not fit', () => {
    const desk = new Desk()
    expect(desk.ask(0, { promptTokens: 1024 })).toBe(0)
    expect(desk.ask(1, { promptTokens: 1024 })).toBe('hold')
    // 0.58 + 0.58 is too much, 0.58 + 0.25 is not.
    expect(desk.ask(2, { promptTokens: 8 })).toBe(0)
    desk.end(0, 1)
    expect(desk.released).toEqual([1])
  })
})

test('answers are expected to be as long as those seen, by class of prompt', () => {
  const desk = new Desk({ output_tokens: 1 })
  // One token of output: 8 + 2.5 ms of 8 + 10.
  expect([desk.ask(0, { promptTokens: 8 }), desk.ask(1, { promptTokens: 8 })]).toEqual([0, 'hold'])
  desk.end(0, 1, 4096)
  expect(desk.ask(1, { promptTokens: 8 }, 1)).toBe(0)
  // 4096 tokens: a quarter each beside the 0.58 of the one that had been expected to be short.
  expect(desk.ask(2, { promptTokens: 8 }, 1)).toBe(0)
  expect(desk.ask(3, { promptTokens: 8 }, 1)).toBe('hold')
  // Another class has seen nothing.
  desk.end(1, 2, 4096)
  expect(desk.ask(3, { promptTokens: 8 }, 2)).toBe(0)
  expect(desk.ask(4, { promptTokens: 100 }, 2)).toBe('hold')
})

test('an answer of unknown length says nothing of lengths', () => {
  const desk = new Desk({ output_tokens: 1 })
  expect([desk.ask(0, { promptTokens: 8 }), desk.ask(1, { promptTokens: 8 })]).toEqual([0, 'hold'])
  desk.end(0, 1, Number.NaN)
  expect(desk.ask(1, { promptTokens: 8 }, 1)).toBe(0)
  expect(desk.ask(2, { promptTokens: 8 }, 1)).toBe('hold')
  desk.end(1, 2, 4096)
  expect([desk.ask(2, { promptTokens: 8 }, 2), desk.ask(3, { promptTokens: 8 }, 2)]).toEqual([0, 0])
})

test('an answer that failed says nothing of lengths, but gives its place back', () => {
  const desk = new Desk()
  expect(desk.ask(0, { promptTokens: 100_000 })).toBe(0)
  expect(desk.ask(1, { promptTokens: 8 })).toBe('hold')
  desk.end(0, 1, 0)
  expect(desk.released).toEqual([1])
})

test('a place that nobody takes is free again', () => {
  const desk = new Desk()
  expect(desk.ask(0, { promptTokens: 100_000 })).toBe(0)
  expect(desk.ask(1, { promptTokens: 100_000 })).toBe('hold')
  desk.end(0, 10)
  // 1 was let go and never asked again: its client had left.
  expect(desk.ask(2, { promptTokens: 100_000 }, 10)).toBe('hold')
  expect(desk.ask(3, { promptTokens: 100_000 }, 11)).toBe('hold')
  expect(desk.released).toEqual([1, 2])
})

test('who waits and is asked about again has one place', () => {
  const desk = new Desk({ output_tokens: 10 })
  expect(desk.ask(0, { promptTokens: 100_000 })).toBe(0)
  const large = { promptTokens: 100_000 }
  for (const nowMs of [0, 60_000]) expect(desk.ask(1, large, nowMs)).toBe('hold')
  expect(desk.waiting).toBe(1)
  desk.end(0, 60_001)
  expect([desk.released, desk.waiting]).toEqual([[1], 0])
  expect(desk.ask(1, large, 60_001)).toBe(0)
  expect(desk.ask(2, large, 60_001)).toBe('hold')
  desk.end(1, 60_002)
  expect(desk.released).toEqual([1, 2])
})

test('who waits goes when a backend that is well comes', () => {
  const router = aibrixSlo.create({ prefill_tokens_per_sec: 1000, tpot_ms: 10 })
  const released: number[] = []
  const seen = (...counts: number[]): ClusterView => ({
    ...testCluster(loads(...counts)),
    release: (id) => {
      released.push(id)
    },
  })
  const route = (id: number) =>
    summary(router.route(testRequest({ id, promptTokens: 100_000 }), seen(0, -1)))
  expect([route(0), route(1)]).toEqual([0, 'hold'])
  const both = seen(0, 0)
  router.onBackendChange?.(both.backends[1]!, 'healthy', both)
  expect(released).toEqual([1])
})

test('a row that another request has by now is another request', () => {
  const desk = new Desk()
  expect(desk.ask(0, { promptTokens: 100_000 })).toBe(0)
  expect(desk.ask(1, { promptTokens: 8, arrivalMs: 1 }, 1)).toBe('hold')
  expect(desk.ask(1, { promptTokens: 8, arrivalMs: 2 }, 2)).toBe('hold')
  expect(desk.waiting).toBe(1)
})

test('without pulling nothing waits', () => {
  const desk = new Desk({ pulls: false })
  for (let id = 0; id < 20; id++) expect(desk.ask(id, { promptTokens: 1024 })).toBe(0)
  expect(desk.waiting).toBe(0)
})
