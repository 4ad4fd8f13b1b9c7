// configs/scenarios/backend-failure.toml shows what it says it shows, whatever the seed.
import { join } from 'node:path'
import { compare } from '@routesim/experiments'
import type { RunSummary } from '@routesim/metrics'
import { beforeAll, describe, expect, test } from 'vitest'
import { ROOT } from '../testing/command.js'

const config = join(ROOT, 'configs/scenarios/backend-failure.toml')
const NAMES = ['random', 'round_robin', 'power_of_two', 'least_outstanding'] as const

type Results = Readonly<Record<(typeof NAMES)[number], RunSummary>>

async function resultsOf(seed: number, visibility?: string, perRequest = true): Promise<Results> {
  const { results } = await compare({
    ...{ config, seed, perRequest, jobs: 1, algorithms: NAMES },
    ...(visibility !== undefined && { visibility }),
  })
  return Object.fromEntries(
    results.map((result, i) => [NAMES[i]!, result as RunSummary]),
  ) as Results
}

describe.each([42, 1, 2])(
  'a backend fails and routers see it ten seconds later, seed %d',
  (seed) => {
    let late: Results
    beforeAll(async () => {
      late = await resultsOf(seed)
    })

    test('one that looks for the least load sends all to the dead backend, which looks idle', () => {
      const { random, round_robin, power_of_two, least_outstanding } = late
      // A hundred requests come in each of the ten seconds.
      expect(least_outstanding.failed_requests).toBeGreaterThan(850)
      for (const { failed_requests } of [random, round_robin, power_of_two])
        expect(failed_requests).toBeLessThan(100)
      expect(power_of_two.retries).toBeGreaterThan(1.5 * round_robin.retries)
      expect(least_outstanding.retries).toBeGreaterThan(4 * power_of_two.retries)
    })

    test('round robin loses what had its first token, and its retries save nearly all the rest', () => {
      const { failed_by_reason } = late.round_robin
      const { backend_failed = 0, backend_unreachable = 0 } = failed_by_reason
      expect(backend_failed).toBeGreaterThan(10)
      expect(backend_unreachable).toBeLessThan(15)
    })

    test('all requests are accounted for, with rows and without', async () => {
      const streamed = await resultsOf(seed, undefined, false)
      for (const name of NAMES) {
        const result = late[name]
        const { completed_requests, rejected_requests, failed_requests, timed_out_requests } =
          result
        expect(
          completed_requests + rejected_requests + failed_requests + timed_out_requests,
          name,
        ).toBe(result.total_requests)
        expect(result.unfinished_requests).toBe(0)
        const { failed_by_reason, retries } = result
        const counts = { completed_requests, failed_requests, failed_by_reason, retries }
        expect(streamed[name], name).toMatchObject(counts)
      }
    })
  },
)

test('when routers see it at once, the one that looks for the least load loses no more than others', async () => {
  const { round_robin, least_outstanding } = await resultsOf(42, 'exact')
  expect(least_outstanding.failed_requests).toBeLessThan(1.5 * round_robin.failed_requests)
  expect(least_outstanding.ttft.p99).toBeLessThan(2 * round_robin.ttft.p99!)
})
