import { afterEach, expect, test } from 'vitest'
import { KvEventPublisher } from '../kv-events/kv-event-publisher.js'
import { LiveFleet, workersOf } from '../testing/live-fleet.js'
import { until } from '../testing/until.js'
import { checkRouterConfig } from './router-config.js'
import type { RunningRouter } from './router-server.js'

const fleet = new LiveFleet()
const closing: (() => void)[] = []
afterEach(async () => {
  await fleet.close()
  for (const close of closing.splice(0)) close()
})

const open = async (eventsPort: number, replayPort: number): Promise<KvEventPublisher> => {
  const publisher = await KvEventPublisher.open({
    endpoint: `tcp://127.0.0.1:${eventsPort}`,
    replayEndpoint: `tcp://127.0.0.1:${replayPort}`,
    topic: '',
    bufferedBatches: 100,
  })
  closing.push(() => publisher.close())
  return publisher
}

/** Publishers of two ranks, on two ports in a row for events and two for replays. */
async function ranks(first = 21_000): Promise<{ port: number; publishers: KvEventPublisher[] }> {
  const port = first + (process.pid % 500) * 4
  try {
    return { port, publishers: [await open(port, port + 2), await open(port + 1, port + 3)] }
  } catch (error) {
    if (first > 30_000) throw error
    for (const close of closing.splice(0)) close()
    return ranks(first + 2000)
  }
}

const PROMPTS = [1, 2].map((start) => Array.from({ length: 33 }, (_, i) => start * 1000 + i))

/** What a rank that does not tell its number publishes when it stores a prompt. */
function stored(prompt: number, timestampSec: number) {
  const tokens = PROMPTS[prompt]!.slice(0, 32)
  const apart = { adapter: undefined, cacheSalt: undefined, medium: 'GPU' }
  const blocks = { hashes: [10 * prompt + 1, 10 * prompt + 2], parent: undefined, tokens }
  const event = { kind: 'stored', blockTokens: 16, ...blocks, ...apart } as const
  return { timestampSec, rank: 0, events: [event] }
}

async function matched({ adminUrl }: RunningRouter): Promise<unknown[]> {
  const ask = async (prompt: readonly number[]): Promise<unknown> => {
    const body = JSON.stringify({ prompt })
    const answer = await fetch(`${adminUrl}/find_best_worker`, { method: 'POST', body })
    return ((await answer.json()) as { matched_tokens: number }).matched_tokens
  }
  return [await ask(PROMPTS[0]!), await ask(PROMPTS[1]!)]
}

test('ranks with an address each are all heard, and one that starts over takes nothing from the others', async () => {
  const { port, publishers } = await ranks()
  const { url } = workersOf([await fleet.workers(1)])[0]!
  const worker = {
    url,
    kv_events: `tcp://127.0.0.1:${port}`,
    kv_replay: `tcp://127.0.0.1:${port + 2}`,
  }
  const config = { kv_index: 'events', block_tokens: 16 } as const
  const nothing = (timestampSec: number) => ({ timestampSec, rank: 0, events: [] })
  // One that starts over is known by numbers that were there before.
  for (let i = 0; i < 1000; i++) publishers[1]!.publish(nothing(1))
  for (const [rank, publisher] of publishers.entries()) publisher.publish(stored(rank, 1))
  const router = await fleet.router([], {
    ...config,
    workers: [{ ...worker, data_parallel_size: 2 }],
  })
  await until(() => router.core.knowledge.size === 4)
  expect(await matched(router)).toEqual([32, 32])
  publishers[1]!.close()
  // The ports are free some time after they are closed.
  let again!: KvEventPublisher
  await until(async () => {
    const opened = await open(port + 1, port + 3).catch(() => undefined)
    if (opened !== undefined) again = opened
    return opened !== undefined
  })
  let timestampSec = 2
  await until(async () => {
    again.publish(nothing(timestampSec++))
    return router.core.knowledge.size === 2
  })
  expect(await matched(router)).toEqual([32, 0])
  const workers = (await (await fetch(`${router.adminUrl}/workers`)).json()) as [
    { kv_events: { batches: number; resets: number } },
  ]
  expect(workers[0].kv_events.batches).toBeGreaterThan(2)
  again.publish(stored(1, timestampSec))
  await until(() => router.core.knowledge.size === 4)
  await router.reload(checkRouterConfig({ ...config, workers: [worker] }))
  await until(() => router.core.knowledge.size === 2)
  expect(await matched(router)).toEqual([32, 0])
})

test('addresses that two ranks would share are refused, and those that have no port for each', () => {
  const check = (...workers: object[]) =>
    checkRouterConfig({
      workers: workers.map((worker, i) => ({ url: `http://h:${i + 1}`, ...worker })),
    })
  const ofTwo = { kv_events: 'tcp://h:5557', data_parallel_size: 2 }
  check(ofTwo, { kv_events: 'tcp://h:5559', kv_replay: 'ipc:///tmp/replay' })
  expect(() => check(ofTwo, { kv_events: 'tcp://h:5558' })).toThrow(
    'router workers.1.kv_events: expected an address of its own for each, got tcp://h:5558 for kv_events of rank 0 of workers.1 and kv_events of rank 1 of workers.0',
  )
  expect(() => check({ ...ofTwo, kv_replay: 'tcp://h:5558' })).toThrow(
    'router workers.0.kv_replay: expected an address of its own for each',
  )
  expect(() => check({ kv_events: 'ipc:///tmp/events', data_parallel_size: 2 })).toThrow(
    'router workers.0.kv_events: expected a TCP address with a port for each of 2 ranks, got "ipc:///tmp/events"',
  )
  expect(() => check({ kv_events: 'tcp://h:65535', data_parallel_size: 2 })).toThrow(
    'router workers.0.kv_events: expected a TCP address with a port for each of 2 ranks',
  )
  expect(() => check({ data_parallel_size: 0 })).toThrow(
    'router workers.0.data_parallel_size: expected an integer from 1 to 65535, got 0',
  )
})
