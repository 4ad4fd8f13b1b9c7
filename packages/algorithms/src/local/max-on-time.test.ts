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

/**
 * The same for more jobs: whatever the order of a set of jobs, its last one ends after the sum of all, so
 * the best of a set is the best over its last job.
 */
function bestOverAllSets(jobs: readonly TimedJob[]): number {
  const best = new Int32Array(2 ** jobs.length)
  for (let set = 1; set < best.length; set++) {
    const isIn = (i: number): boolean => (set & (1 << i)) !== 0
    const endMs = jobs.reduce((sum, job, i) => sum + (isIn(i) ? job.durationMs : 0), 0)
    for (const [i, { dueMs }] of jobs.entries()) {
      if (!isIn(i)) continue
      best[set] = Math.max(best[set]!, best[set ^ (1 << i)]! + (endMs <= dueMs ? 1 : 0))
    }
  }
  return best.at(-1)!
}

test('as many as brute force finds on 500 random queues of up to eight', () => {
  const random = new RandomStream(8, 'jobs')
  let eights = 0
  let late = 0
  for (let round = 0; round < 500; round++) {
    const jobs = Array.from({ length: 1 + random.integer(8) }, () => ({
      durationMs: 1 + random.integer(1000),
      dueMs: random.integer(4000) - 200,
    }))
    const onTime = mostOnTime(jobs)
    expect(areOnTime(jobs, onTime)).toBe(true)
    expect(onTime.length).toBe(bestOverAllSets(jobs))
    if (jobs.length < 5) expect(bestOverAllSets(jobs)).toBe(bestOverAllOrders(jobs))
    if (jobs.length === 8) eights++
    late += jobs.length - onTime.length
  }
  expect(eights).toBeGreaterThan(40)
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
