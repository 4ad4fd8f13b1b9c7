import { pagedKvCache } from '@routesim/hardware'
import { afterEach, expect, test } from 'vitest'
import { syntheticWorkload } from '../bench/synthetic-workload.js'
import { algorithmFile } from '../testing/algorithm-file.js'
import { complete, LiveFleet, TEST_SPEC } from '../testing/live-fleet.js'
import { twin } from '../twin/twin.js'
import { loadAlgorithmFactory, makeAlgorithm } from './load-algorithm-factory.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

const SPLIT = [
  { ...TEST_SPEC, role: 'prefill' },
  { ...TEST_SPEC, role: 'decode' },
] as const

test('combinators are around one algorithm, or once around a pair', async () => {
  const create = await loadAlgorithmFactory('gate(round_robin)')
  const held = { gate_held: 0, gate_expired: 0 }
  expect(makeAlgorithm(create, false, () => false).customMetrics?.()).toEqual(held)
  expect(makeAlgorithm(create, true, () => false).customMetrics?.()).toEqual(held)
})

test('a router that chooses both workers answers behind live prefill and decode workers', async () => {
  const algorithm = algorithmFile(`{
    name: 'own',
    disaggregates: true,
    route(request, cluster) {
      const [prefill, decode] = cluster.backends
      return { kind: 'disaggregate', prefill, decode }
    },
  }`)
  const mocks = await fleet.workers(2, { cluster: { backends: SPLIT } })
  const router = await fleet.router([mocks], { algorithm })
  expect(await complete(router.url, { prompt: 'x' })).toMatchObject({ status: 200, worker: 1 })
})

test('twin has combinators live and simulated', async () => {
  const { live, simulated } = await twin({
    cluster: { backends: [TEST_SPEC], kvCache: pagedKvCache() },
    prefixCaching: true,
    algorithm: 'gate(round_robin):when_full=shed,saturation=concurrency,request_limit=1',
    kvIndex: 'none',
    metricsIntervalMs: 0,
    // All at once: the first is sent, and the others are shed.
    requests: syntheticWorkload({
      requests: 5,
      isl: 100,
      osl: 300,
      prefixRatio: 0,
      numPrefixPrompts: 0,
      lengthSpread: 0,
      seed: 1,
    }),
    isOpenLoop: true,
    pace: 1,
    seed: 1,
    model: 'mock',
  })
  for (const { measurements } of [live, simulated])
    expect(measurements.filter(({ error }) => error !== undefined)).toHaveLength(4)
})
