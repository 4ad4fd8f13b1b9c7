import { expect, test } from 'vitest'
import { testBackend, testCluster } from '../test-kit/test-cluster.js'
import { LlumnixRequests } from './llumnix-requests.js'
import { LlumnixRoom } from './llumnix-room.js'

// Ten blocks of 16 tokens, one of them for rounding, and two requests of 8 prompt tokens. Freeness at their longest is
// (9 - 4) / 2, then (9 - 2) / 2.
test.each([
  [3, 16, true],
  [3, 8, false],
  [-10, 16, false],
  // All ten: more than there are, whatever the threshold.
  [-10, 64, true],
])('with a threshold of %i and answers of %i tokens: %s', (threshold, maxTokens, expected) => {
  const states = [{ kvTokens: 160, running: 2 }]
  const cluster = testCluster(states)
  const backend = testBackend(0, states[0]!)
  const own = new LlumnixRequests()
  for (const row of [0, 1]) own.add(row, backend, 8, maxTokens, undefined)
  const room = new LlumnixRoom(threshold, own)
  room.update(cluster)
  expect(room.mayBeShort(cluster, backend)).toBe(expected)
})
