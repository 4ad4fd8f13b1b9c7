import { request } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { algorithmFile } from '../testing/algorithm-file.js'
import { complete, LiveFleet } from '../testing/live-fleet.js'
import { until } from '../testing/until.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

test('what a client takes to send its request is no overhead of the router', async () => {
  const router = await fleet.router([await fleet.workers(1)])
  const { stats } = router
  const body = JSON.stringify({ prompt: 'x', max_tokens: 1 })
  const headers = { 'content-length': body.length }
  const sent = request(`${router.url}/v1/completions`, { method: 'POST', headers })
  sent.write(body.slice(0, 5))
  await until(() => stats.inFlight === 1)
  const fromMs = performance.now()
  await setTimeout(200)
  const uploadSec = (performance.now() - fromMs) / 1000
  sent.end(body.slice(5))
  await until(() => stats.ends.completed === 1)
  expect(stats.overhead.count).toBe(1)
  expect(stats.overhead.sum + uploadSec).toBeLessThanOrEqual(stats.duration.sum)
})

test('the time for which a request is held is no overhead of the router, and is told', async () => {
  const algorithm = algorithmFile(`{
    name: 'own',
    wasHeld: false,
    route(request, cluster) {
      if (this.wasHeld) return cluster.backends[0]
      this.wasHeld = true
      return { kind: 'hold', untilMs: cluster.nowMs + 200 }
    },
  }`)
  const router = await fleet.router([await fleet.workers(1)], { algorithm })
  const { stats } = router
  await complete(router.url, { prompt: 'x', max_tokens: 1 })
  await until(() => stats.ends.completed === 1)
  expect([stats.overhead.count, stats.held.count]).toEqual([1, 1])
  expect(stats.held.sum).toBeGreaterThan(0.15)
  expect(stats.overhead.sum + stats.held.sum).toBeLessThanOrEqual(stats.duration.sum)
})
