import { expect, test } from 'vitest'
import { runResult } from '../testing/run-result.js'
import { loadBalance } from './load-balance.js'

test('backends may be more than a call takes arguments', () => {
  const idle = new Array(130_000).fill({ waitingRequestMs: 1 })
  const { backends } = runResult([], [{ waitingRequestMs: 5 }, ...idle])
  const requests = new Array(backends.length).fill(1)
  expect(loadBalance(backends, requests)).toMatchObject({ jainsIndex: 1, maxMinQueueRatio: 5 })
})

test('backends are compared with those of their role, relative to the mean of these', () => {
  const { backends } = runResult(
    [],
    [
      { role: 'prefill', waitingRequestMs: 2, runningRequestMs: 4 },
      { role: 'prefill', runningRequestMs: 3 },
      { role: 'decode', runningRequestMs: 30 },
      { role: 'decode', runningRequestMs: 20 },
      { role: 'both', runningRequestMs: 0 },
    ],
  )
  const found = loadBalance(backends, [3, 1, 10, 30, 0])
  // Shares of 1.5, 0.5, 0.5 and 1.5: 4² / (4 x 5), and 0.5 / 1.
  expect(found.jainsIndex).toBeCloseTo(0.8, 12)
  expect(found.coefficientOfVariation).toBeCloseTo(0.5, 12)
  expect(found.maxMinQueueRatio).toBe(2)
})

test('backends are compared with those that serve the same model', () => {
  const { backends } = runResult(
    [],
    [
      { model: 'a', waitingRequestMs: 3 },
      { model: 'a', waitingRequestMs: 2 },
      { model: 'b', waitingRequestMs: 80 },
      { model: 'b', waitingRequestMs: 80 },
    ],
  )
  expect(loadBalance(backends, [5, 5, 90, 90])).toEqual({
    ...{ jainsIndex: 1, coefficientOfVariation: 0 },
    maxMinQueueRatio: 1.5,
  })
})
