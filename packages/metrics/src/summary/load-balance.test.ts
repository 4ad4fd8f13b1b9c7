import { expect, test } from 'vitest'
import { runResult } from '../testing/run-result.js'
import { loadBalance } from './load-balance.js'

test('backends may be more than a call takes arguments', () => {
  const idle = new Array(130_000).fill({ waitingRequestMs: 1 })
  const { backends } = runResult([], [{ waitingRequestMs: 5 }, ...idle])
  const requests = new Array(backends.length).fill(1)
  expect(loadBalance(backends, requests)).toMatchObject({ jainsIndex: 1, maxMinQueueRatio: 5 })
})
