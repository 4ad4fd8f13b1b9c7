import type { BackendEvent } from '@routesim/core'
import { expect, test } from 'vitest'
import { Presence } from './presence.js'

const events: BackendEvent[] = [
  { atMs: 70, backend: 2, kind: 'remove' },
  { atMs: 30, backend: 1, kind: 'remove' },
  { atMs: 40, backend: 2, kind: 'add' },
  { atMs: 50, backend: 0, kind: 'fail' },
  { atMs: 20, backend: 3, kind: 'remove' },
  { atMs: 60, backend: 3, kind: 'add' },
]

test('a backend is there from when it is added until it is removed and has ended what it had', () => {
  const presence = new Presence(4, events)
  for (const [backend, ...ends] of [
    [0, 99],
    [1, 28, 35],
    [2, 65],
    [3, 25, 90],
  ] as const)
    for (const atMs of ends) presence.had(backend, atMs - 7, atMs)
  presence.had(1, 20, Number.NaN)
  presence.had(1, Number.NaN, 99)
  // One that fails stays, and one that comes back is not there in between, but for what it had to end.
  expect(presence.times(0, 100)).toEqual([100, 35, 30, 25 + 40])
  expect(presence.times(10, 50)).toEqual([40, 25, 10, 15])
  expect(presence.changes).toBe(true)
})

test('all are there all the time where none comes or goes', () => {
  const presence = new Presence(2, [{ atMs: 50, backend: 0, kind: 'fail' }])
  expect(presence.times(10, 50)).toEqual([40, 40])
  expect(presence.changes).toBe(false)
})

test('one that comes back while it has what it had was there in between, and is there once', () => {
  const gone = new Presence(1, [
    { atMs: 10, backend: 0, kind: 'remove' },
    { atMs: 50, backend: 0, kind: 'add' },
    { atMs: 90, backend: 0, kind: 'remove' },
  ])
  gone.had(0, 5, 70)
  expect(gone.times(0, 100)).toEqual([90])
  gone.had(0, 60, 95)
  expect(gone.times(0, 100)).toEqual([95])
  expect(gone.times(20, 60)).toEqual([40])
})
