import { readFileSync, writeFileSync } from 'node:fs'
import { testCluster, testRequest } from '@routesim/algorithms'
import { pagedKvCache } from '@routesim/hardware'
import { afterEach, expect, test } from 'vitest'
import { syntheticWorkload } from '../bench/synthetic-workload.js'
import { algorithmFile } from '../testing/algorithm-file.js'
import { complete, LiveFleet, TEST_SPEC, workersOf } from '../testing/live-fleet.js'
import { twin } from '../twin/twin.js'
import { loadAlgorithmFactory, makeAlgorithm, serveDifferently } from './load-algorithm-factory.js'
import { checkRouterConfig } from './router-config.js'

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

test('a config may say what an algorithm and its combinators take, and nothing else', async () => {
  const tables = { gate: { when_full: 'shed' }, prefix_aware: { cache_weight: 0.25 } }
  await expect(loadAlgorithmFactory('gate(prefix_aware)', tables)).resolves.toBeTypeOf('function')
  for (const table of [{ gate: { when_ful: 'shed' } }, { prefix_aware: { cache_wait: 1 } }])
    await expect(loadAlgorithmFactory('gate(prefix_aware)', table)).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('unknown parameter'),
    })
  const noise = loadAlgorithmFactory('round_robin', { nonsense: {} })
  await expect(noise).rejects.toThrow('algorithms.nonsense: unknown algorithm')
})

test('while workers serve different models, each model has a router of its own', async () => {
  const create = await loadAlgorithmFactory('round_robin')
  const cluster = testCluster(['a', 'a', 'b', 'b'].map((model) => ({ model })))
  const shown = (model: string) => {
    const backends = cluster.backends.filter((backend) => backend.model === model)
    return { ...cluster, backends, ids: backends.map(({ id }) => id) }
  }
  const algorithm = makeAlgorithm(create, false, () => serveDifferently(cluster.backends))
  const chosen = ['a', 'b', 'a', 'b'].map((model, id) =>
    algorithm.route(testRequest({ id, model }), shown(model)),
  )
  expect(chosen).toMatchObject([{ id: 0 }, { id: 2 }, { id: 1 }, { id: 3 }])
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

test('a router file that was edited takes over at a reload, and one that is broken does not', async () => {
  const algorithm = algorithmFile(
    `{ name: 'own', route: (request, cluster) => cluster.backends[0] }`,
  )
  const mocks = await fleet.workers(2)
  const router = await fleet.router([mocks], { algorithm })
  const config = checkRouterConfig({ workers: workersOf([mocks]), algorithm })
  const workerNow = async (): Promise<number> =>
    (await complete(router.url, { prompt: 'x' })).worker
  expect(await workerNow()).toBe(0)
  writeFileSync(algorithm, readFileSync(algorithm, 'utf8').replace('backends[0]', 'backends[1]'))
  await router.reload(config)
  expect(await workerNow()).toBe(1)
  for (const text of ['export default 5', 'export default {']) {
    writeFileSync(algorithm, text)
    await expect(router.reload(config)).rejects.toMatchObject({ code: 'router_file' })
  }
  expect(await workerNow()).toBe(1)
})
