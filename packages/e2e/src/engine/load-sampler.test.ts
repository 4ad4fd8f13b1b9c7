import { piecewiseLatency } from '@routesim/hardware'
import { expect, test } from 'vitest'
import { backend, type TinyRun, tinyRun } from '../testing/tiny-run.js'

/** When a sampler looks that wants to every 10 ms; and when the run ends. */
function looks(story: TinyRun) {
  const times: number[] = []
  const sample = (nowMs: number): number => {
    times.push(nowMs)
    return nowMs + 10
  }
  const { endMs } = tinyRun({ ...story, sampler: { firstMs: 0, sample } })
  return { times, endMs }
}

const afterTheRun: readonly [string, Partial<TinyRun>][] = [
  ['nothing', {}],
  ['timeouts of requests that have ended', { timeoutMs: 600_000 }],
  ['a backend fails', { events: [{ kind: 'fail', backend: 0, atMs: 1_000_000 }] }],
]

test.each(afterTheRun)(
  'nobody looks at a fleet after the last request; then comes: %s',
  (_, after) => {
    const { times, endMs } = looks({ requests: [{ outputTokens: 4 }], ...after })
    expect(endMs).toBeGreaterThan(30)
    expect(endMs).toBeLessThan(40)
    expect(times).toEqual([0, 10, 20, 30, endMs])
  },
)

test('the look that falls on the end of the run is the last', () => {
  const latency = piecewiseLatency({
    prefillTokensPerSec: 10_000,
    decodeTokensPerSecBatch1: 100,
    decodeThroughputSaturationBatch: 1,
    decodeTokensPerSecSaturated: 100,
  })
  // A prompt of 100 tokens and two more tokens take 10 ms each.
  const { times, endMs } = looks({
    requests: [{ outputTokens: 3 }],
    backends: [backend({ latency })],
  })
  expect(endMs).toBe(30)
  expect(times).toEqual([0, 10, 20, 30])
})
