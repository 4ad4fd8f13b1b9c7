import { expect, test } from 'vitest'
import { type RequestFacts, runResult } from '../testing/run-result.js'
import { completedTtftMs, e2eMs, queueWaitMs, tpotMs, ttftMs } from './request-latencies.js'

const served = { arrivalMs: 5, admittedMs: 8, firstTokenMs: 20, finishedMs: 50 }

/** TTFT, that of completed ones, wait, E2E and TPOT. */
function latencies(facts: Partial<RequestFacts>): number[] {
  const { requests, outcomes } = runResult([{ ...served, ...facts }], [{}])
  return [ttftMs, completedTtftMs, queueWaitMs, e2eMs, tpotMs].map((latency) =>
    latency(0, requests, outcomes),
  )
}

test.each<[string, Partial<RequestFacts>, number[]]>([
  ['four tokens have three gaps', { outputTokens: 4 }, [15, 15, 3, 45, 10]],
  ['two have one', { outputTokens: 2 }, [15, 15, 3, 45, 30]],
  ['one has none', { outputTokens: 1 }, [15, 15, 3, 45, Number.NaN]],
  [
    'what was not completed has an end that counts for nothing',
    { outputTokens: 4, outcome: 'failed' },
    [15, Number.NaN, 3, Number.NaN, Number.NaN],
  ],
])('%s', (_why, facts, expected) => {
  expect(latencies(facts)).toEqual(expected)
})
