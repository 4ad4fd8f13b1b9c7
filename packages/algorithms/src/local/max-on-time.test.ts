import { RandomStream } from '@routesim/core'
import { expect, test } from 'vitest'
import { admissionOrder } from '../testing/test-waiting.js'
import { maxOnTime, mostOnTime, type TimedJob } from './max-on-time.js'

/** Six jobs, four of which can be on time. */
const JOBS: readonly TimedJob[] = [
  { durationMs: 10, dueMs: 15 },
  { durationMs: 3, dueMs: 6 },
  { durationMs: 4, dueMs: 9 },
  { durationMs: 8, dueMs: 23 },
  { durationMs: 10, dueMs: 20 },
  { durationMs: 6, dueMs: 30 },
]

/** Whether these jobs are all on time in order of due date, which is best if any order is. */
function areOnTime(jobs: readonly TimedJob[], places: readonly number[]): boolean {
  let endMs = 0
  return [...places]
    .sort((a, b) => jobs[a]!.dueMs - jobs[b]!.dueMs)
    .every((i) => {
      endMs += jobs[i]!.durationMs
      return endMs <= jobs[i]!.dueMs
    })
}

/**
 * What the mixed-integer programme finds: the largest number of jobs on time over every order of all of
 * them, where a late one goes on taking its turn.
 */
function bestOverAllOrders(jobs: readonly TimedJob[]): number {
  const visit = (left: readonly number[], nowMs: number): number =>
    left.reduce((best, i) => {
      const endMs = nowMs + jobs[i]!.durationMs
      const others = left.filter((other) => other !== i)
      return Math.max(best, (endMs <= jobs[i]!.dueMs ? 1 : 0) + visit(others, endMs))
    }, 0)
  return visit(
    jobs.map((_, i) => i),
    0,
  )
}

test('the longest so far gives way, twice', () => {
  const onTime = mostOnTime(JOBS)
  expect(onTime).toEqual([1, 2, 3, 5])
  expect(bestOverAllOrders(JOBS)).toBe(4)
})

test('as many on time as the best of all orders of up to seven jobs, 600 times', () => {
  const random = new RandomStream(7, 'jobs')
  let late = 0
  for (let round = 0; round < 600; round++) {
    const jobs = Array.from({ length: 1 + random.integer(7) }, () => ({
      durationMs: random.integer(12),
      dueMs: random.integer(40) - 4,
    }))
    const onTime = mostOnTime(jobs)
    expect(areOnTime(jobs, onTime)).toBe(true)
    expect(onTime.length).toBe(bestOverAllOrders(jobs))
    late += jobs.length - onTime.length
  }
  expect(late).toBeGreaterThan(500)
})

test('the policy serves those on time by due date, then the shortest', () => {
  const requests = JOBS.map(({ durationMs, dueMs }) => ({
    arrivalMs: 100,
    prefillMs: durationMs,
    ttftSloMs: dueMs,
  }))
  expect(admissionOrder(maxOnTime, requests, { nowMs: 100 })).toEqual([1, 2, 3, 5, 0, 4])
})
