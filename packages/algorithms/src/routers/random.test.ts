import { RandomStream } from '@routesim/core'
import { expect, test } from 'vitest'
import { summary, testCluster, testRequest } from '../testing/test-cluster.js'
import { random } from './random.js'

const down = { healthy: false }

test.each([
  { states: [], expected: 'no_available_backend' },
  { states: [down, { waiting: 10 }], expected: 'no_available_backend' },
  { states: [down, {}, down], expected: 1 },
])('$states leave no choice', ({ states, expected }) => {
  const stream = new RandomStream(1, 'router')
  const decision = random.create().route(testRequest(), testCluster(states, { random: stream }))
  expect(summary(decision)).toBe(expected)
  expect(stream.uint32()).toBe(new RandomStream(1, 'router').uint32())
})

test('takes the position that the stream draws, among the available', () => {
  const states = [{}, down, {}, {}, down, {}]
  const ids = [0, 2, 3, 5]
  const stream = new RandomStream(3, 'router')
  const twin = new RandomStream(3, 'router')
  const cluster = testCluster(states, { random: stream })
  const router = random.create()
  for (let i = 0; i < 100; i++) {
    expect(summary(router.route(testRequest(), cluster))).toBe(ids[twin.integer(4)])
  }
})
