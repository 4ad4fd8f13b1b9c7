import { expect, test } from 'vitest'
import { TraceEvents } from './trace-events.js'

const step = {
  prefillTokens: 0,
  prefillRequests: 0,
  prefillAttentionPairs: 0,
  decodeRequests: 3,
  decodeContextTokens: 300,
}
const result = {
  requests: { size: 1, promptTokens: [100], outputTokens: [10] },
  outcomes: {
    ...{ outcome: [1], backend: [1], prefillBackend: [0], cachedTokens: [40] },
    ...{ admittedMs: [5], firstTokenMs: [9], finishedMs: [20] },
  },
  sentMs: [1],
  backends: [{ id: 0 }, { id: 1 }],
} as never

function eventsOf(mostEvents: number) {
  const pieces: string[] = []
  const trace = new TraceEvents({ mostEvents, write: (piece) => void pieces.push(piece) })
  trace.stepCompleted(1, 9, 0.5, step)
  trace.finished(result)
  const { traceEvents } = JSON.parse(pieces.join('')) as { traceEvents: Record<string, unknown>[] }
  return { trace, events: traceEvents }
}

test('steps and phases stand where and when they were, in µs', () => {
  const { events, trace } = eventsOf(100)
  expect(events[0]).toMatchObject({ ph: 'X', name: 'decode', pid: 1, ts: 9000, dur: 500 })
  const spans = events.filter(({ ph }) => ph === 'b' || ph === 'e')
  expect(spans.map(({ ph, name, pid, ts }) => [ph, name, pid, ts])).toEqual([
    ['b', 'queue', 0, 1000],
    ['e', 'queue', 0, 5000],
    ['b', 'prefill', 0, 5000],
    ['e', 'prefill', 0, 9000],
    ['b', 'decode', 1, 9000],
    ['e', 'decode', 1, 20_000],
  ])
  expect(trace.omitted).toBe(0)
})

test('stays within its bound, is JSON still, and no span is left open', () => {
  for (const most of [0, 1, 4, 6, 7, 10]) {
    const { events, trace } = eventsOf(most)
    expect(events.length).toBeLessThanOrEqual(most)
    expect(events.length + trace.omitted).toBe(11)
    const of = (kind: string) => events.filter(({ ph }) => ph === kind).length
    expect(of('b')).toBe(of('e'))
  }
})
