import { type BackendEvent, RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { lateEvents } from './late-events.js'

const failsAt = (atSec: number): BackendEvent => ({ atMs: atSec * 1000, kind: 'fail', backend: 0 })

function arrivals(...seconds: number[]) {
  const requests = new RequestTableBuilder()
  for (const second of seconds)
    requests.add({ arrivalMs: second * 1000, promptTokens: 1, outputTokens: 1 })
  return requests
}

test('events after the last arrival are told', () => {
  const table = arrivals(0, 29.7).build()
  expect(lateEvents([failsAt(1000)], table)).toEqual([
    'the event of [[events]] comes after the last request, which arrives at 29.7 s: from 1000 s on',
  ])
  expect(lateEvents([failsAt(10), failsAt(40), failsAt(30)], table)).toEqual([
    '2 of 3 events of [[events]] come after the last request, which arrives at 29.7 s: from 30 s on',
  ])
})

test('not those before it, nor where requests wait for others', () => {
  expect(lateEvents([failsAt(29.7)], arrivals(0, 29.7).build())).toEqual([])
  const turns = arrivals(0)
  turns.add({ arrivalMs: 0, promptTokens: 1, outputTokens: 1, predecessor: 0, thinkMs: 1e6 })
  expect(lateEvents([failsAt(1000)], turns.build())).toEqual([])
})
