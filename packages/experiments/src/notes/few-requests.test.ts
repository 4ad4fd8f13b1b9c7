import { expect, test } from 'vitest'
import type { AlgorithmSummary } from '../run/simulate-all.js'
import { fewRequests, fewRequestsNote } from './few-requests.js'

const run = (requests: number, perSec: number): AlgorithmSummary =>
  ({
    total_requests: requests,
    saturation: { offered_per_sec: perSec },
  }) as unknown as AlgorithmSummary

test('by hand: of 99% of 84 requests none may miss, and 1,000 take eight minutes', () => {
  const runs = [run(30, 0.75), run(28, 0.7), run(26, 0.85)]
  const found = fewRequests(runs, 0.99)!
  // 1.1 x 1000 / 2.3 s.
  expect(found).toEqual({ requests: 84, enough: 1000, enoughSec: 480 })
  expect(fewRequestsNote(found, 0.99, ' (--duration 480)')).toBe(
    'whether 99% are within their targets is told by 84 requests, all seeds together, each of which is 1.2 points: chance decides much of it with fewer than 1,000 (--duration 480)',
  )
})

test('one request has no rate, by which traffic would be made longer without end', () => {
  expect(fewRequests([run(1, 0)], 0.9)).toEqual({ requests: 1, enough: 100, enoughSec: 0 })
})

test('a share of less takes fewer requests, and one of all takes any', () => {
  expect(fewRequests([run(100, 1)], 0.9)).toBeUndefined()
  expect(fewRequests([run(99, 1)], 0.9)).toMatchObject({ enough: 100 })
  expect(fewRequests([run(9, 1)], 1)).toBeUndefined()
  expect(fewRequests([run(500, 5), run(500, 5)], 0.99)).toBeUndefined()
})
