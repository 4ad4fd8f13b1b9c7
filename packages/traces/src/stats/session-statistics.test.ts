import { RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { sessionStatistics } from './session-statistics.js'

test('by hand: turns, what they add, and what they wait for', () => {
  const builder = new RequestTableBuilder()
  const first = builder.add({ arrivalMs: 0, promptTokens: 100, outputTokens: 20, session: 'a' })
  builder.add({ arrivalMs: 500, promptTokens: 40, outputTokens: 5 })
  const next = { session: 'a', outputTokens: 10, thinkMs: 300 }
  builder.add({ ...next, arrivalMs: 4000, promptTokens: 150, predecessor: first })
  // One that forgot what came before adds nothing.
  builder.add({ arrivalMs: 5000, promptTokens: 90, outputTokens: 1, session: 'a' })
  builder.add({ arrivalMs: 6000, promptTokens: 10, outputTokens: 1, session: 'b' })
  const found = sessionStatistics(builder.build())
  expect(found).toMatchObject({ sessions: 2, requests: 4 })
  expect(found.turns).toMatchObject({ min: 1, max: 3 })
  expect(found.turnGapMs).toMatchObject({ count: 2, min: 1000, max: 4000 })
  expect(found.newTokens).toMatchObject({ count: 2, min: 0, max: 30 })
  expect(found.thinkMs).toMatchObject({ count: 1, mean: 300 })
})
