import { reject } from '@routesim/core'
import { afterEach, expect, test } from 'vitest'
import { complete, LiveFleet } from '../testing/live-fleet.js'
import { until } from '../testing/until.js'
import { HeldTickets } from './held-tickets.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

test('a request is released once, and one that nobody waits for not at all', async () => {
  const held = new HeldTickets()
  const client = new AbortController()
  const wait = held.wait(7, Number.POSITIVE_INFINITY, client.signal)
  const decision = reject('no')
  held.release(8, decision)
  expect(held.size).toBe(1)
  held.release(7, decision)
  held.release(7, decision)
  expect(await wait).toBe(decision)
  const left = held.wait(7, Number.POSITIVE_INFINITY, client.signal)
  client.abort()
  held.release(7, decision)
  expect(await left).toBe('gone')
  expect(held.size).toBe(0)
})

test('clients that hang up, and those who only ask, block nobody behind them at a gate', async () => {
  const algorithm = 'gate(round_robin):saturation=concurrency,request_limit=1,poll_ms=1e9'
  const router = await fleet.router([await fleet.workers(1)], { algorithm })
  const first = complete(router.url, { prompt: 'x', max_tokens: 400 })
  await until(() => router.core.backends[0]!.inFlight === 1)
  const client = new AbortController()
  const gone = fetch(`${router.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'mock', prompt: 'y' }),
    signal: client.signal,
  }).catch(() => 'gone')
  await until(() => router.core.held.size === 1)
  const asked = await fetch(`${router.adminUrl}/find_best_worker`, {
    method: 'POST',
    body: JSON.stringify({ num_tokens: 10, local_hashes: [] }),
  })
  expect(await asked.text()).toContain('held')
  const next = complete(router.url, { prompt: 'z' })
  await until(() => router.core.held.size === 2)
  client.abort()
  expect(await gone).toBe('gone')
  expect([(await first).status, (await next).status]).toEqual([200, 200])
})

test('asking for the best worker at a gate that is full leaves the router alive', async () => {
  const algorithm = 'gate(round_robin):saturation=concurrency,request_limit=1'
  const faults: unknown[] = []
  const router = await fleet.router(
    [await fleet.workers(1)],
    { algorithm },
    {
      onLog: (entry) => {
        if (entry.event === 'fault') faults.push(entry)
      },
    },
  )
  const first = complete(router.url, { prompt: 'x', max_tokens: 100 })
  await until(() => router.core.backends[0]!.inFlight === 1)
  const asked = await fetch(`${router.adminUrl}/find_best_worker`, {
    method: 'POST',
    body: JSON.stringify({ num_tokens: 10, local_hashes: [] }),
  })
  expect([asked.status, await asked.text()]).toEqual([503, expect.stringContaining('held')])
  expect((await first).status).toBe(200)
  expect((await complete(router.url, { prompt: 'y' })).status).toBe(200)
  await until(() => router.stats.inFlight === 0)
  expect([router.stats.ends, faults]).toEqual([expect.objectContaining({ completed: 2 }), []])
})
