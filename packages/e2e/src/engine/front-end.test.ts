import { expect, test } from 'vitest'
import { backend, STEPPERS, tinyRun, ttftMs } from '../testing/tiny-run.js'

test.each(STEPPERS)(
  'the front end delays a request, which counts as waiting meanwhile: %s',
  (stepper) => {
    const seen: number[] = []
    const run = tinyRun({
      stepper,
      requests: [{ promptTokens: 100 }, { arrivalMs: 8, promptTokens: 100 }, { arrivalMs: 11 }],
      backends: [backend({ frontEndMs: 10 })],
      router: {
        name: 'counts',
        route: (_, { backends: [only] }) => {
          seen.push(only!.waiting, only!.running)
          return only!
        },
      },
    })
    // 2 ms of prefill each, after 10 ms in the front end.
    expect([0, 1, 2].map((request) => ttftMs(run, request))).toEqual([12, 12, 12])
    expect([...run.outcomes.admittedMs]).toEqual([10, 18, 21])
    expect(seen).toEqual([0, 0, 1, 0, 1, 1])
    expect(run.backends[0]!.waitingRequestMs).toBe(30)
  },
)

test('a request in the front end takes a place in the queue', () => {
  const run = tinyRun({
    requests: [{}, {}],
    backends: [backend({ frontEndMs: 10, maxQueueDepth: 1 })],
  })
  expect(run.rejectReasons).toEqual(['queue_full'])
})

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])(
  'a front end of %s ms is refused',
  (frontEndMs) => {
    const run = (): unknown => tinyRun({ requests: [{}], backends: [backend({ frontEndMs })] })
    expect(run).toThrow(`cluster.backends[0].frontEndMs: expected a number >= 0, got ${frontEndMs}`)
  },
)
