import type { BackendEvent } from '@routesim/core'
import { expect, test } from 'vitest'
import { presentTimes } from './present-time.js'

const events: BackendEvent[] = [
  { atMs: 70, backend: 2, kind: 'remove' },
  { atMs: 30, backend: 1, kind: 'remove' },
  { atMs: 40, backend: 2, kind: 'add' },
  { atMs: 50, backend: 0, kind: 'fail' },
  { atMs: 20, backend: 3, kind: 'remove' },
  { atMs: 60, backend: 3, kind: 'add' },
]

test('a backend is there from when it is added until it is removed and has ended what it had', () => {
  // One that fails stays, and one that comes back is not there in between.
  expect(presentTimes(events, 0, 100, [99, 35, 65, 90])).toEqual([100, 35, 30, 20 + 40])
  expect(presentTimes(events, 10, 50, [99, 35, 65, 90])).toEqual([40, 25, 10, 10])
  expect(presentTimes([], 10, 50, [Number.NEGATIVE_INFINITY])).toEqual([40])
})
