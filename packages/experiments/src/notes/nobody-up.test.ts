import type { BackendEvent, BackendEventKind } from '@routesim/core'
import { expect, test } from 'vitest'
import { nobodyUp } from './nobody-up.js'

/** Two backends, and events such as `3 fail 0`. */
function found(...story: readonly string[]) {
  const events = story.map((words): BackendEvent => {
    const [atMs, kind, backend] = words.split(' ')
    return { atMs: Number(atMs), kind: kind as BackendEventKind, backend: Number(backend) }
  })
  return nobodyUp(events, 2)
}

test('there is always one', () => {
  expect(found()).toBeUndefined()
  expect(found('1 fail 0', '2 recover 0', '2 fail 1')).toBeUndefined()
  expect(found('1 slow 0', '1 slow 1')).toBeUndefined()
})

test('all fail, are drained or removed', () => {
  expect(found('3 fail 0', '5 fail 1')).toEqual({ fromMs: 5, toMs: Infinity })
  expect(found('5 drain 1', '3 remove 0', '9 recover 1')).toEqual({ fromMs: 5, toMs: 9 })
})

test('one that joins is absent before', () => {
  expect(found('2 fail 0', '6 add 1')).toEqual({ fromMs: 2, toMs: 6 })
})

test('the longest time, whatever happens in it to those that are down', () => {
  const story = ['1 fail 0', '1 fail 1', '2 recover 0', '10 drain 0', '11 fail 0', '20 recover 1']
  expect(found(...story)).toEqual({ fromMs: 10, toMs: 20 })
})
