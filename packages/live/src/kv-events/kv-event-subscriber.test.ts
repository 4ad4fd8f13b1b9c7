import { afterEach, expect, test } from 'vitest'
import { until } from '../testing/until.js'
import { KvEventSubscriber } from './kv-event-subscriber.js'
import { loadZeroMq } from './load-zeromq.js'
import { END_OF_REPLAY, encodeKvEvents, encodeSequence } from './vllm-wire.js'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

test('events go on when one of two answers to a replay is lost', async () => {
  const { Publisher, Router } = await loadZeroMq()
  const publisher = new Publisher({ linger: 0 })
  const replays = new Router({ linger: 0 })
  await publisher.bind('tcp://127.0.0.1:*')
  await replays.bind('tcp://127.0.0.1:*')
  let questions = 0
  const answering = (async () => {
    for await (const [who] of replays) {
      if (++questions > 1) await replays.send([who!, '', encodeSequence(END_OF_REPLAY), ''])
    }
  })()
  const applied = new Set<number>()
  const subscriber = await KvEventSubscriber.open(
    {
      endpoint: publisher.lastEndpoint!,
      replayEndpoint: replays.lastEndpoint!,
      topic: '',
      replayTimeoutMs: 300,
    },
    {
      apply({ timestampSec }) {
        applied.add(timestampSec)
      },
      forget() {},
    },
  )
  closing.push(() => subscriber.close())
  const publish = (sequence: number): Promise<void> => {
    const batch = { timestampSec: sequence + 1, events: [], rank: 0 }
    return publisher.send(['', encodeSequence(sequence), encodeKvEvents(batch)])
  }
  // A publisher drops what it sends before it has heard of a subscriber.
  await until(async () => {
    await publish(0)
    return applied.size > 0
  })
  subscriber.restart()
  await until(() => questions === 2)
  // The one numbered 6 is missing.
  await publish(5)
  let latest = 6
  await until(async () => {
    await publish(++latest)
    return applied.has(latest)
  })
  expect(applied.has(7)).toBe(false)
  publisher.close()
  replays.close()
  await answering.catch(() => {})
})
