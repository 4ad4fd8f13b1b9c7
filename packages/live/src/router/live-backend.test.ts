import { expect, test } from 'vitest'
import { LiveBackend } from './live-backend.js'
import { LoadColumns } from './load-columns.js'
import { checkRouterConfig } from './router-config.js'

/** A worker of 100 KV tokens at time 0, with metrics of that time. */
function sampledBackend(intervalMs: number) {
  const clock = { nowMs: 0 }
  const config = checkRouterConfig({ workers: [{ url: 'http://a', kv_tokens: 100 }] })
  const columns = new LoadColumns(1, intervalMs)
  const backend = new LiveBackend(0, config.workers[0]!, config, columns, () => clock.nowMs)
  backend.sample = { takenMs: 0, waiting: 3, running: 4, kvUsage: 0.5 }
  backend.heldTokens = 25
  return { backend, clock, columns }
}

test('metrics that are too old count for nothing, KV usage as little as queues', () => {
  const { backend, clock, columns } = sampledBackend(10)
  const seen = () => {
    columns.update(backend, clock.nowMs, false)
    const { waiting, running, kvUsage, metricsAgeMs } = backend
    return [waiting, running, kvUsage, metricsAgeMs]
  }
  clock.nowMs = 50
  expect(seen()).toEqual([3, 4, 0.5, 50])
  clock.nowMs = 51
  expect(seen()).toEqual([0, 0, 0.25, 0])
})

test('KV usage does not freeze when a new config turns metrics off', () => {
  const { backend } = sampledBackend(10)
  backend.showIn(new LoadColumns(1, 0))
  expect([backend.kvUsage, backend.metricsAgeMs, backend.sample]).toEqual([0.25, 0, undefined])
})
