import {
  type BackendView,
  type ClusterView,
  RandomStream,
  type RequestView,
  type RoutingAlgorithm,
} from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { sharedPrefixWorkload } from '../load-generator/shared-prefix-workload.js'
import { withAgedSignals } from './aged-signals.js'
import { endpointPicker } from './endpoint-picker.js'
import { isLlmdPolicy } from './llmd-policies.js'
import { SentPrefixIndex } from './sent-prefix-index.js'

const { requests } = sharedPrefixWorkload(
  {
    groups: 2,
    promptsPerGroup: 2,
    systemTokens: 64,
    questionTokens: 16,
    outputTokens: 5,
    arrivals: 'constant',
    stages: [{ rateRps: 4, durationSec: 1 }],
  },
  1,
)
const groupOf = (row: number) => requests.prompts.parent[requests.promptNode[row]!]!
const mate = [1, 2, 3].find((row) => groupOf(row) === groupOf(0))!
const stranger = [1, 2, 3].find((row) => groupOf(row) !== groupOf(0))!

/** A cluster whose figures a test sets. */
function cluster(
  nowMs: number,
  loads: readonly { waiting: number; kvUsage: number }[],
): ClusterView {
  const backends = loads.map(
    ({ waiting, kvUsage }, id) =>
      ({
        kind: 'backend',
        id,
        waiting,
        kvUsage,
        running: 0,
        outstanding: waiting,
        pendingPromptTokens: 0,
        available: true,
        healthy: true,
      }) as unknown as BackendView,
  )
  return {
    nowMs,
    random: new RandomStream(1, 'test'),
    backends,
    ids: backends.map(({ id }) => id),
    columns: { maxQueueDepth: backends.map(() => 100) },
    prefixMatch: () => loads.map(() => 0),
  } as unknown as ClusterView
}

const request = (id: number) => ({ id, promptTokens: 80 }) as RequestView

describe('withAgedSignals', () => {
  const seen: number[] = []
  const looking: RoutingAlgorithm = {
    name: 'looking',
    route: (_, view) => {
      seen.push(view.backends[0]!.waiting)
      return view.backends[1]!
    },
  }

  test('decisions between two scrapes see the same, and go to the real backend', () => {
    const router = withAgedSignals(looking, { intervalMs: 50, delayMs: 0 })
    for (const [nowMs, waiting] of [
      [0, 1],
      [20, 2],
      [49, 3],
      [60, 4],
      [110, 5],
    ] as const) {
      const live = cluster(nowMs, [
        { waiting, kvUsage: 0 },
        { waiting: 0, kvUsage: 0 },
      ])
      expect(router.route(request(0), live)).toBe(live.backends[1])
    }
    // At 60 the scrape of 50 has brought the state of 49, at 110 that of 100 the state of 60.
    expect(seen).toEqual([1, 1, 1, 3, 4])
  })

  test('exact figures need no copies', () => {
    expect(withAgedSignals(looking, { intervalMs: 0, delayMs: 0 })).toBe(looking)
  })
})

describe('SentPrefixIndex', () => {
  test('remembers what was sent, and forgets the least recently used', () => {
    const limits = { blockTokens: 16, capacityBlocks: 6, maxTokens: 1000 }
    const index = new SentPrefixIndex(requests, 2, limits)
    index.add(0, 1)
    expect(index.matched(0, 0)).toBe(0)
    expect(index.matched(0, 1)).toBe(1)
    // Of the 5 blocks, the 4 of the system prompt are shared.
    expect(index.matched(mate, 1)).toBe(0.8)
    expect(index.matched(stranger, 1)).toBe(0)
    index.add(stranger, 1)
    expect(index.matched(stranger, 1)).toBe(1)
    expect(index.matched(0, 1)).toBe(0)
  })
})

describe('endpointPicker', () => {
  const idle = { waiting: 0, kvUsage: 0 }

  test('weighs queue and KV usage', () => {
    const picker = endpointPicker('load', { weights: { queue: 1, kv: 1 } }, requests)
    const view = cluster(0, [
      { waiting: 0, kvUsage: 0.9 },
      { waiting: 1, kvUsage: 0.1 },
      { waiting: 2, kvUsage: 0 },
    ])
    // Scores 1 + 0.1, 0.5 + 0.9 and 0 + 1.
    expect(picker.route(request(0), view)).toBe(view.backends[1])
  })

  test('follows what it has sent, until the holders are too busy', () => {
    const picker = endpointPicker(
      'sticky',
      {
        weights: { tokenLoad: 1 },
        prefix: { blockTokens: 16, capacityBlocks: 100, maxTokens: 1000 },
        affinity: { threshold: 0.8, peakPrefillTokensPerSec: 100, maxPenaltyMs: 500 },
      },
      requests,
    )
    const view = cluster(0, [idle, idle])
    const first = picker.route(request(0), view) as BackendView
    picker.onDispatched?.(request(0), first, view, first)
    // 80 uncached tokens at 100 tokens per second are 800 ms: more than the penalty.
    expect(picker.route(request(mate), view)).not.toBe(first)
    picker.onFirstToken?.(request(0), first, view)
    expect(picker.route(request(mate), view)).toBe(first)
  })
})

test('policies are known by name, or by the rate their description gives', () => {
  expect(isLlmdPolicy('precise', 'prefix w2 + kv-cache w1 + queue w1')).toBe(true)
  expect(isLlmdPolicy('llmd_affinity', '(peakPrefillThroughput 30720)')).toBe(true)
  expect(isLlmdPolicy('affinity', 'precise prefix affinity')).toBe(false)
})
