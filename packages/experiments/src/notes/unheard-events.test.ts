import { defineRouter } from '@routesim/algorithms'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { compare } from '../run/compare.js'

test('a router that waits for KV events in vain is told of, by what it sees', async () => {
  const config = parseConfig(
    '[cluster]\nnum_backends = 2\n[trace]\nrate = 4\nduration_sec = 5\nnum_prefixes = 2\n',
  )
  let heard = 0
  const listening = defineRouter({
    name: 'listening',
    description: 'Listens.',
    parameters: {},
    create: () => ({
      name: 'listening',
      route: (_, { backends }) => backends[0]!,
      onKvEvents: () => void heard++,
    }),
  })
  const notesOf = async (visibility: readonly string[]) => {
    heard = 0
    const { scenario } = await compare({
      ...{ config, algorithms: ['round_robin', listening], visibility, jobs: 1 },
    })
    return scenario.notes.filter((note) => note.includes('onKvEvents'))
  }
  expect(await notesOf(['exact', 'production-stack'])).toEqual([
    'listening (exact) and listening (production-stack) would hear of KV events (onKvEvents), but there are none: prefixes = "kv_events" of [visibility] makes them',
  ])
  expect(heard).toBe(0)
  expect(await notesOf(['llm-d:prefixes=kv_events'])).toEqual([])
  expect(heard).toBeGreaterThan(0)
})
