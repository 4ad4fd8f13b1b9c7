import { RandomStream } from '@routesim/core'
import { expect, test } from 'vitest'
import { type Fairness, FairQueue, type FlowRequest } from './fair-queue.js'
import { queueDisciplines } from './request-queue.js'

function request(flow: string, fields: Partial<FlowRequest> = {}): FlowRequest {
  return {
    flow,
    cost: 10,
    priority: 0,
    arrivalMs: 0,
    deadlineMs: Number.POSITIVE_INFINITY,
    uncachedTokens: 10,
    ...fields,
  }
}

/** The flows, with what they pay, in the order in which they go. */
function order(
  fairness: Fairness,
  requests: readonly FlowRequest[],
  discipline: keyof typeof queueDisciplines = 'fcfs',
  quantum = 10,
): string {
  const queue = new FairQueue(queueDisciplines[discipline], fairness, quantum)
  for (const each of requests) queue.push(each)
  expect(queue.length).toBe(requests.length)
  const popped = Array.from(requests, () => queue.pop()!)
  expect([queue.length, queue.pop()]).toEqual([0, undefined])
  return popped.map(({ flow, cost }) => flow + (cost === 10 ? '' : cost)).join(' ')
}

const [a, b, c] = [request('a'), request('b'), request('c')]
const urgent = { priority: 1 }

test.each<[string, string, string]>([
  ['flows take turns', order('round_robin', [a, a, a, b, c]), 'a b c a a'],
  ['with one queue nobody does', order('none', [a, a, a, b, c]), 'a a a b c'],
  [
    'a turn is one request, whatever it costs',
    order('round_robin', [request('a', { cost: 40 }), b, a, b]),
    'a40 b a b',
  ],
  [
    'the highest priority goes first',
    order('round_robin', [a, b, request('c', urgent), request('c', urgent)]),
    'c c a b',
  ],
  [
    'each flow goes by its own order',
    order('round_robin', [a, request('a', { cost: 2, uncachedTokens: 2 }), b], 'sjf'),
    'a2 b a',
  ],
  [
    'deadlines',
    order('none', [request('a', { deadlineMs: 9 }), request('b', { deadlineMs: 3 }), c], 'edf'),
    'b a c',
  ],
  [
    'a turn is worth a quantum: two small ones for one that is twice as large',
    order('deficit_round_robin', [
      request('a', { cost: 20 }),
      request('a', { cost: 20 }),
      b,
      b,
      b,
      b,
    ]),
    'b a20 b b a20 b',
  ],
  [
    'credit is carried over while there is something to send',
    order('deficit_round_robin', [request('a', { cost: 15 }), request('a', { cost: 15 }), b, b, b]),
    'b a15 b a15 b',
  ],
  [
    'and lost with the last request',
    order('deficit_round_robin', [request('a', { cost: 4 }), b, b]),
    'a4 b b',
  ],
])('%s', (_why, found, expected) => {
  expect(found).toBe(expected)
})

test('while all flows wait, none gets more than a quantum and its largest request ahead', () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = new RandomStream(seed, 'fair queue')
    const quantum = 1 + random.integer(50)
    const queue = new FairQueue(queueDisciplines.fcfs, 'deficit_round_robin', quantum)
    const flows = ['a', 'b', 'c']
    const left = new Map(flows.map((flow) => [flow, 0]))
    for (let i = 0; i < 90; i++) {
      const flow = flows[random.integer(3)]!
      queue.push(request(flow, { cost: 1 + random.integer(40) }))
      left.set(flow, left.get(flow)! + 1)
    }
    const got = new Map(flows.map((flow) => [flow, 0]))
    while ([...left.values()].every((count) => count > 0)) {
      const { flow, cost } = queue.pop()!
      left.set(flow, left.get(flow)! - 1)
      got.set(flow, got.get(flow)! + cost)
      const shares = [...got.values()]
      // The bound of the paper, for flows that are served in turns of one quantum.
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(quantum + 2 * 40)
    }
  }
})

test.each<Fairness>(['round_robin', 'deficit_round_robin', 'none'])(
  'what is removed spends no turn and no credit (%s)',
  (fairness) => {
    for (let seed = 0; seed < 100; seed++) {
      const random = new RandomStream(seed, 'removals')
      // The one has all requests, the other never had those that are removed before any goes.
      const [all, kept] = [0, 1].map(() => new FairQueue(queueDisciplines.sjf, fairness, 20))
      const removed: FlowRequest[] = []
      for (let i = 0; i < 300; i++) {
        const tokens = 1 + random.integer(40)
        // First those that go, so that nobody has a place in the turns by them.
        const isRemoved = i < 200
        const each = request(`${random.integer(4)}`, {
          cost: tokens,
          uncachedTokens: tokens,
          priority: random.integer(2),
        })
        all!.push(each)
        if (isRemoved) removed.push(each)
        else kept!.push(each)
        if (i === 199) for (const one of removed) all!.remove(one)
      }
      expect(all!.length).toBe(100)
      for (let i = 0; i < 100; i++) expect(all!.pop()).toBe(kept!.pop())
      expect([all!.length, all!.pop()]).toEqual([0, undefined])
    }
  },
)

test('one that is removed amid its flow is passed over', () => {
  const queue = new FairQueue(queueDisciplines.fcfs, 'deficit_round_robin', 10)
  const stale = [request('a', { cost: 40 }), request('a', { cost: 40 })]
  const live = [request('a'), request('b'), request('a')]
  for (const each of [...stale, ...live]) queue.push(each)
  for (const each of stale) queue.remove(each)
  expect(Array.from(live, () => queue.pop())).toEqual([live[0], live[1], live[2]])
})

test('many that are removed behind one that waits', () => {
  const queue = new FairQueue(queueDisciplines.sjf, 'round_robin', 10)
  const first = request('a', { uncachedTokens: 1 })
  queue.push(first)
  for (let i = 0; i < 1000; i++) {
    const late = request('a', { uncachedTokens: 100 - (i % 7) })
    queue.push(late)
    if (i % 100 !== 0) queue.remove(late)
  }
  expect(queue.length).toBe(11)
  const lengths = Array.from({ length: 11 }, () => queue.pop()!.uncachedTokens)
  expect(lengths).toEqual([1, ...lengths.slice(1).sort((x, y) => x - y)])
  expect(queue.length).toBe(0)
})
