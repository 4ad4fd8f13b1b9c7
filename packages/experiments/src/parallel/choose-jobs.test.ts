import { expect, test } from 'vitest'
import { chooseJobs } from './choose-jobs.js'

const machine = { cores: 8, memoryBytes: 8e9 }
const runs = (count: number, requests: number) => Array.from({ length: count }, () => requests)

test.each([
  ['little work stays in this thread', 9, 3000, 'fast', 1],
  ['much work takes every core', 20, 20_000, 'fast', 8],
  ['the reference stepper is much work sooner', 9, 3000, 'reference', 8],
  ['no more workers than runs', 3, 1_000_000, 'fast', 3],
  ['as many as memory has room for', 8, 10_000_000, 'fast', 2],
  ['one where memory has room for none', 8, 100_000_000, 'fast', 1],
] as const)('%s', (_, count, requests, stepper, jobs) => {
  expect(
    chooseJobs(undefined, { requests: runs(count, requests), stepper, perRequest: true }, machine),
  ).toBe(jobs)
})

test('what is asked for is done, up to the number of runs', () => {
  const work = { requests: runs(4, 10), stepper: 'fast', perRequest: true } as const
  expect(chooseJobs(3, work, machine)).toBe(3)
  expect(chooseJobs(16, work, machine)).toBe(4)
  expect(chooseJobs(1, work, machine)).toBe(1)
})

test.each([0, 1.5, -1, Number.NaN, 5000])('jobs %d are refused', (jobs) => {
  expect(() => chooseJobs(jobs, { requests: [1], stepper: 'fast', perRequest: true })).toThrow(
    expect.objectContaining({
      code: 'jobs_invalid',
      message: `jobs: expected an integer from 1 to 1024, got ${jobs}`,
    }),
  )
})

test('memory is no limit where nothing is kept per request', () => {
  const work = { requests: runs(8, 1e9), stepper: 'fast', perRequest: false } as const
  expect(chooseJobs(undefined, work, machine)).toBe(8)
})
