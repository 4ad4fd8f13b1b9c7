import type { BackendView } from '@routesim/core'
import { expect, test } from 'vitest'
import { leastOutstanding } from '../routers/least-outstanding.js'
import { testCluster } from '../test-kit/test-cluster.js'
import { testRequest } from '../test-kit/test-request.js'
import { summary } from '../testing/summary.js'
import { gate } from './gate.js'
import { type SaturationLimits, saturationOf } from './saturation.js'

const limits: SaturationLimits = {
  saturation: 'utilization',
  queue_limit: 5,
  kv_limit: 0.8,
  stale_ms: 200,
  request_limit: 10,
  backlog_factor: 2,
}
const down = { healthy: false }

test.each([
  ['idle', [{}, {}], 0],
  ['queues: (2/5 + 4/5) / 2', [{ waiting: 2 }, { waiting: 4 }], 0.6],
  ['the larger of queue and KV: 0.4 / 0.8 over 1/5', [{ waiting: 1, kvUsage: 0.4 }], 0.5],
  ['the mean, not the most: (2 + 0) / 2 is full', [{ waiting: 10, maxQueueDepth: 20 }, {}], 1],
  ['stale metrics are just full: (1 + 0) / 2', [{ metricsAgeMs: 201, waiting: 9 }, {}], 0.5],
  ['metrics at the limit are not stale', [{ metricsAgeMs: 200, waiting: 1 }], 0.2],
  ['who is down does not count', [{ waiting: 1 }, { ...down, waiting: 9 }], 0.2],
  ['nobody there is full', [down, down], 1],
  ['full is at equality', [{ kvUsage: 0.8 }], 1],
])('utilization: %s', (_why, states, expected) => {
  expect(saturationOf(testCluster(states), limits)).toBeCloseTo(expected, 12)
})

test.each([
  ['own requests: (4/10 + 6/10) / 2', [{ outstanding: 4 }, { outstanding: 6 }], 0.5],
  ['queues do not matter', [{ outstanding: 2, waiting: 9 }], 0.2],
])('concurrency: %s', (_why, states, expected) => {
  expect(saturationOf(testCluster(states), { ...limits, saturation: 'concurrency' })).toBe(expected)
})

test.each<[string, readonly Partial<BackendView>[], number]>([
  ['one with room is room', [{ pendingPromptTokens: 99_999 }, {}], 0],
  ['all beyond two batches of 8192', [{ pendingPromptTokens: 16_385 }], 1],
  ['two batches are not beyond', [{ pendingPromptTokens: 16_384 }], 0],
  [
    'its own batch counts',
    [{ pendingPromptTokens: 16_385 }, { pendingPromptTokens: 300, maxBatchTokens: 100 }],
    1,
  ],
  [
    'those that only decode never have any, and do not count',
    [{ role: 'prefill', pendingPromptTokens: 16_385 }, { role: 'decode' }],
    1,
  ],
  [
    'one that may do both counts',
    [{ role: 'prefill', pendingPromptTokens: 16_385 }, { role: 'decode' }, {}],
    0,
  ],
  ['nobody is up to compute prompts', [{ role: 'prefill', ...down }, { role: 'decode' }], 1],
  ['of those that only decode it says nothing', [{ role: 'decode' }], 0],
  ['nobody is up', [down, { role: 'prefill', ...down }], 1],
])('prefill backlog: %s', (_why, states, expected) => {
  expect(saturationOf(testCluster(states), { ...limits, saturation: 'prefill_backlog' })).toBe(
    expected,
  )
})

test.each([
  ['shed', 0, 'saturated'],
  ['shed_negative', 0, 0],
  ['shed_negative', -1, 'saturated'],
])('a full fleet with when_full = %s and priority %d', (when_full, priority, expected) => {
  const router = gate.wrap(leastOutstanding.create(), { when_full })
  const full = testCluster([{ waiting: 5 }])
  expect(summary(router.route(testRequest({ priority }), full))).toBe(expected)
  expect(summary(router.route(testRequest({ priority }), testCluster([{ waiting: 4 }])))).toBe(0)
})
