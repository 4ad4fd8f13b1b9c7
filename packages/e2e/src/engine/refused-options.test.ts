// What no compiler has looked at, as in options that were read from a file, is refused by name.
import { Simulation, simulate, tableSource } from '@routesim/core'
import { radixKvCache } from '@routesim/hardware'
import { describe, expect, test } from 'vitest'
import {
  backend,
  inTurn,
  kvTransfer,
  STEPPERS,
  seeing,
  type TinyRun,
  tinyRun,
  tinyTable,
} from '../testing/tiny-run.js'

const huge = Number.MAX_SAFE_INTEGER
const unknown = 'constructor' as never
const of = (overrides: Parameters<typeof backend>[0]): Partial<TinyRun> => ({
  backends: [backend(), backend(overrides)],
})

describe.each(STEPPERS)('%s stepper', (stepper) => {
  test.each<[string, string, Partial<TinyRun>]>([
    ['backends[1].role', 'one of both, prefill, decode', of({ role: unknown })],
    ['backends[1].batching', 'one of mixed, prefill_first', of({ batching: unknown })],
    [
      'backends[1].preemption',
      'one of recompute_newest, retract_shortest, swap, evict_all, reserve_all',
      of({ preemption: unknown }),
    ],
    ['backends[1].maxBatchTokens', 'an integer <= 2147483647', of({ maxBatchTokens: huge })],
    ['backends[1].maxNumSeqs', 'an integer <= 2147483647', of({ maxNumSeqs: huge })],
    ['backends[1].maxModelLen', 'an integer >= 1', of({ maxModelLen: 0 })],
    [
      'backends[1].kv.blocks',
      'an integer <= 2147483647',
      of({ kv: { blocks: huge, blockTokens: 16 } }),
    ],
    [
      'backends[1].kv.blockTokens',
      'an integer <= 2147483647',
      of({ kv: { blocks: 10, blockTokens: huge } }),
    ],
    [
      'kvTransfer.contention',
      'one of none, exclusive',
      { transfer: { ...kvTransfer, contention: unknown } },
    ],
  ])('cluster.%s: expected %s', (path, expected, run) => {
    expect(() => tinyRun({ stepper, requests: [{}], ...run })).toThrow(
      expect.objectContaining({
        code: 'options_invalid',
        path: `cluster.${path}`,
        message: expect.stringContaining(`expected ${expected}, got `),
      }),
    )
  })

  test('batches without a limit are as large as all requests', () => {
    const largest = 2 ** 31 - 1
    const run = tinyRun({
      stepper,
      requests: [{}, {}],
      backends: [backend({ maxNumSeqs: largest, maxBatchTokens: largest })],
    })
    expect(run.backends[0]!.steps).toBe(1)
  })
})

test.each<[string, Partial<TinyRun>]>([
  ['events[0].kind', { events: [{ kind: unknown, backend: 0, atMs: 1 }] }],
  [
    'visibility.routers.split',
    { visibility: seeing({ routers: { replicas: 1, split: unknown, syncMs: 0 } }) },
  ],
  ['forcedDecision.backend', { forcedDecision: forced(1, 0) }],
  ['forcedDecision.decode', { forcedDecision: forced(0, -2) }],
])('%s', (path, run) => {
  expect(() => tinyRun({ requests: [{}], ...run })).toThrow(
    expect.objectContaining({ code: 'options_invalid', path }),
  )
})

function forced(backend: number, decode: number): NonNullable<TinyRun['forcedDecision']> {
  return { request: 0, attempt: 0, turn: 0, backend, decode }
}

test.each([Number.NaN, Number.POSITIVE_INFINITY, 4])(
  'a source whose second request arrives at %s ms, after 5',
  (secondMs) => {
    const rows = tableSource(tinyTable([{ arrivalMs: 5 }, { arrivalMs: 6 }]))
    let made = 0
    const requests = {
      ...rows,
      next(window: Parameters<typeof rows.next>[0], row: number): void {
        rows.next(window, row)
        if (made++ === 1) window.arrivalMs[row] = secondMs
      },
    }
    const cluster = { backends: [backend()], kvCache: radixKvCache() }
    expect(() => new Simulation({ seed: 1, requests, cluster, router: inTurn() })).toThrow(
      expect.objectContaining({
        code: 'request_invalid',
        message: `requests: expected a source whose request 1 arrives at 5 ms or later, got ${secondMs}`,
      }),
    )
  },
)

const whole = {
  cluster: { backends: [backend()], kvCache: radixKvCache() },
  requests: tinyTable([{}]),
  router: inTurn(),
  seed: 1,
}
const inBackend = (overrides: object): object => ({
  ...whole,
  cluster: { ...whole.cluster, backends: [{ ...backend(), ...overrides }] },
})

test.each<[string, unknown]>([
  ['options: expected an object of cluster, requests, router and seed, got nothing', undefined],
  ['requests: expected a table of requests, or a source, got nothing', omit('requests')],
  ['requests: expected a table of requests, or a source, got an array', { ...whole, requests: [] }],
  ['cluster: expected an object of backends and kvCache, got nothing', omit('cluster')],
  ['cluster.backends: expected an array, got nothing', { ...whole, cluster: {} }],
  [
    'cluster.kvCache: expected a function that makes the KV caches, got "radix"',
    { ...whole, cluster: { ...whole.cluster, kvCache: 'radix' } },
  ],
  [
    'cluster.backends[0].latency: expected a latency model, got nothing',
    inBackend({ latency: undefined }),
  ],
  [
    'cluster.backends[0].latency: expected a latency model, got one without segment()',
    inBackend({ latency: { name: 'x', stepMs: () => 1 } }),
  ],
  [
    'cluster.backends[0].kv: expected an object of blocks and blockTokens, got nothing',
    inBackend({ kv: undefined }),
  ],
  ['seed: expected an integer >= 0, got nothing', omit('seed')],
  ['seed: expected an integer >= 0, got "7"', { ...whole, seed: '7' }],
  [
    'cluster.backends[0].maxNumSeqs: expected an integer >= 1, got "12"',
    inBackend({ maxNumSeqs: '12' }),
  ],
])('%s', (message, options) => {
  expect(() => simulate(options as never)).toThrow(
    expect.objectContaining({ code: 'options_invalid', path: message.split(':')[0], message }),
  )
})

function omit(name: keyof typeof whole): object {
  return { ...whole, [name]: undefined }
}

test.each(['fast', 'reference'] as const)('a step time that is text, %s stepper', (stepper) => {
  const latency = { name: 'x', stepMs: () => '5', segment: segmentOfText } as never
  expect(() => tinyRun({ stepper, requests: [{}], backends: [backend({ latency })] })).toThrow(
    'latency model "x": expected a finite step time > 0 ms, got "5" for ',
  )
})

function segmentOfText(_: unknown, out: { baseMs: unknown }): void {
  Object.assign(out, { baseMs: '5', slopeMs: 0, steps: 1 })
}
