import { expect, test } from 'vitest'
import { lengthClass, WorkProfile } from './work-profile.js'

test.each([
  [0, 1],
  [1, 1],
  [5, 4],
  [6, 8],
  [90, 64],
  [91, 128],
  [181, 128],
  [182, 256],
])('%d tokens are of the class %d', (tokens, expected) => {
  expect(lengthClass(tokens)).toBe(expected)
})

const profile = new WorkProfile({
  prefillTokensPerSec: 1000,
  tpotMs: 10,
  decodeTokensPerSec: 400,
})

test('latency is prefill and then token after token', () => {
  expect(profile.latencyMs(128, 100)).toBe(128 + 1000)
})

test('a part is what it takes alone relative to how long it stays', () => {
  // 128 + 320 ms of the backend, of 128 + 1280 ms.
  expect(profile.share(128, 128)).toBeCloseTo(448 / 1408, 6)
  // Of what is almost only decoded there are 400 x 0.01 at a time.
  expect(profile.share(1, 100_000)).toBeCloseTo(0.25, 4)
  // Of what is almost only prefilled there is one.
  expect(profile.share(100_000, 1)).toBeCloseTo(1, 3)
})

test('none is larger than a backend', () => {
  const slow = new WorkProfile({ prefillTokensPerSec: 1000, tpotMs: 1, decodeTokensPerSec: 10 })
  expect(slow.share(10, 1000)).toBe(1)
})
