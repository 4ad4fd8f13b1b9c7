import { expect, test } from 'vitest'
import { DualmapQueues, type DualmapRequest } from './dualmap-queues.js'

/** A request of 100 tokens, of which the backends 0 and 1 hold so many. */
function request(
  queues: DualmapQueues,
  id: number,
  matched: readonly [number, number],
  arrivalMs = 0,
): DualmapRequest {
  const made = queues.take(2)
  made.id = id
  made.arrivalMs = arrivalMs
  made.promptTokens = 100
  made.matched.set(matched)
  return made
}

test('the longest match goes first, of equals the first to come, of these the lower number', () => {
  const queues = new DualmapQueues()
  queues.push(request(queues, 1, [20, 0], 9), 0)
  queues.push(request(queues, 2, [50, 0], 9), 0)
  queues.push(request(queues, 4, [20, 0], 5), 0)
  queues.push(request(queues, 3, [20, 0], 5), 0)
  expect(queues.of(0).map(({ id }) => id)).toEqual([2, 3, 4, 1])
  expect([queues.size, queues.tokens[0], queues.longestWaitMs(0, { nowMs: 10 })]).toEqual([
    4, 290, 5,
  ])
  expect([queues.placeOf(3), queues.placeOf(9)]).toEqual([0, -1])
  // Before one with 40 held: the 50 tokens of 2.
  expect(queues.tokensAhead(0, request(queues, 8, [40, 0]))).toBe(50)
  expect(queues.tokensAhead(0, request(queues, 8, [10, 0]))).toBe(290)
  queues.remove(3)
  expect(queues.longestWaitMs(0, { nowMs: 10 })).toBe(5)
  queues.remove(4)
  expect(queues.longestWaitMs(0, { nowMs: 10 })).toBe(1)
  expect([queues.shift(0)?.id, queues.shift(0)?.id, queues.shift(0)]).toEqual([2, 1, undefined])
  expect([queues.size, queues.tokens[0]]).toEqual([0, 0])
  expect(queues.longestWaitMs(0, { nowMs: 10 })).toBe(Number.NEGATIVE_INFINITY)
})

test('backends for which somebody waits are found, whatever their number', () => {
  const queues = new DualmapQueues()
  queues.reserve(70)
  for (const [id, backend] of [3, 31, 32, 69, 32].entries()) {
    const waiting = request(queues, id, [0, 0])
    waiting.matched = new Float64Array(70)
    queues.push(waiting, backend)
  }
  const all = (next: (from: number) => number): number[] => {
    const found: number[] = []
    for (let id = next(0); id !== -1; id = next(id + 1)) found.push(id)
    return found
  }
  expect(all((from) => queues.nextWaiting(from))).toEqual([3, 31, 32, 69])
  expect(all((from) => queues.nextCrowded(from))).toEqual([32])
  queues.shift(32)
  queues.shift(3)
  expect(all((from) => queues.nextWaiting(from))).toEqual([31, 32, 69])
  expect(all((from) => queues.nextCrowded(from))).toEqual([])
})
