import { setImmediate } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { complete, LiveFleet } from '../testing/live-fleet.js'
import { until } from '../testing/until.js'
import { standingClock } from './standing-clock.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

test('a clock stands still for a turn of the event loop, and then goes on', async () => {
  let nowMs = 1
  const clock = standingClock(() => nowMs)
  expect(clock()).toBe(1)
  nowMs = 2
  await Promise.resolve()
  expect(clock()).toBe(1)
  await setImmediate()
  expect(clock()).toBe(2)
})

test.each(['aibrix_slo', 'dualmap'])(
  '%s, which goes by instants, answers live',
  async (algorithm) => {
    const router = await fleet.router([await fleet.workers(2)], { algorithm })
    const all = Array.from({ length: 4 }, (_, i) => complete(router.url, { prompt: `x ${i}` }))
    expect((await Promise.all(all)).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  },
)

test('those that a gate holds go in the order in which they came', async () => {
  const algorithm = 'gate(least_outstanding):saturation=concurrency,request_limit=2'
  const router = await fleet.router([await fleet.workers(2)], { algorithm })
  const leaving = new AbortController()
  const first = Array.from({ length: 4 }, () =>
    fetch(`${router.url}/v1/completions`, {
      method: 'POST',
      body: JSON.stringify({ prompt: 'x', max_tokens: 5000 }),
      signal: leaving.signal,
    }),
  )
  await until(() => router.core.backends.every(({ inFlight }) => inFlight === 2))
  const order: number[] = []
  const held: Promise<unknown>[] = []
  for (let i = 0; i < 20; i++) {
    const request = complete(router.url, { prompt: 'x', max_tokens: 20 })
    held.push(request.then(() => order.push(i)))
    await until(() => router.core.held.size === i + 1)
  }
  leaving.abort()
  await Promise.allSettled(first)
  await Promise.all(held)
  // Those that run beside each other may overtake.
  for (const [place, i] of order.entries()) expect(Math.abs(place - i)).toBeLessThanOrEqual(4)
})
