import { afterEach, expect, test } from 'vitest'
import { algorithmFile } from '../testing/algorithm-file.js'
import { complete, LiveFleet, workersOf } from '../testing/live-fleet.js'
import { until } from '../testing/until.js'
import { checkRouterConfig } from './router-config.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

/** Sends the first request, holds the others until it ends, and then sends them to the worker `to`. */
const keeper = (to: number) =>
  algorithmFile(`{
    name: 'keeper',
    held: [],
    isBusy: false,
    route(request, cluster) {
      if (!this.isBusy) {
        this.isBusy = true
        return cluster.backends[${to}]
      }
      this.held.push(request.id)
      return { kind: 'hold', untilMs: Infinity }
    },
    onFinished(request, backend, cluster) {
      for (const id of this.held.splice(0)) cluster.release(id, cluster.backends[${to}])
      cluster.timer('late', 1)
      cluster.query(backend, 'late')
    },
    onTimer() { throw new Error('a timer') },
    onReply() { throw new Error('a reply') },
  }`)

test('a router that another has taken over from lets no request go that the other holds', async () => {
  const mocks = await fleet.workers(2)
  const faults: unknown[] = []
  const router = await fleet.router(
    [mocks],
    { algorithm: keeper(0) },
    {
      onLog: (entry) => {
        if (entry.event === 'fault') faults.push(entry)
      },
    },
  )
  const first = complete(router.url, { prompt: 'a', max_tokens: 200 })
  await until(() => router.stats.inFlight === 1)
  const held = ['b', 'c'].map((prompt) => complete(router.url, { prompt, max_tokens: 400 }))
  await until(() => router.core.held.size === 2)
  await router.reload(
    checkRouterConfig({
      workers: workersOf([mocks]),
      algorithm: keeper(1),
      health_interval_ms: 50,
    }),
  )
  // The new one sends one of them and holds the other until that ends.
  await until(() => router.core.held.size === 1)
  expect(await first).toMatchObject({ status: 200, worker: 0 })
  await until(() => router.stats.ends.completed === 1)
  expect(router.core.held.size).toBe(1)
  expect(faults).toEqual([])
  for (const one of held) expect(await one).toMatchObject({ status: 200, worker: 1 })
  await until(() => router.stats.ends.completed === 3)
})
