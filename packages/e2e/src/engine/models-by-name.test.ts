import { type BackendView, type ClusterView, disaggregate } from '@routesim/core'
import { expect, test } from 'vitest'
import { backend, pairsInTurn, tinyRun } from '../testing/tiny-run.js'

const small = backend({ model: 'small' })
const large = backend({ model: 'large' })

test('a request that names a model goes to a backend that serves it, whatever the router', () => {
  const run = tinyRun({
    requests: [{ model: 'large' }, { model: 'small' }, { model: 'large' }, {}, {}],
    backends: [small, large, small],
  })
  expect([...run.outcomes.backend]).toEqual([1, 2, 1, 0, 1])
})

test('a model that nobody serves is refused, and counted', () => {
  const run = tinyRun({
    requests: [{ model: 'tiny' }, { model: 'small' }],
    backends: [small, large],
  })
  expect(run.rejectReasons).toEqual(['model_not_served'])
  expect([...run.outcomes.backend]).toEqual([-1, 0])
})

test('backends without a name take any, as they always did', () => {
  const run = tinyRun({ requests: [{ model: 'gpt-4' }], backends: [backend()] })
  expect([...run.outcomes.backend]).toEqual([0])
  const mixed = tinyRun({ requests: [{ model: 'gpt-4' }], backends: [small, backend()] })
  expect([...mixed.outcomes.backend]).toEqual([1])
})

test('a model of which only one half of a pair is there is not served', () => {
  const run = tinyRun({
    requests: [
      { model: 'small', outputTokens: 3 },
      { model: 'large', outputTokens: 3 },
    ],
    backends: [
      { ...small, role: 'prefill' },
      { ...large, role: 'prefill' },
      { ...large, role: 'decode' },
    ],
    router: pairsInTurn(),
  })
  expect(run.rejectReasons).toEqual(['model_not_served'])
  expect([...run.outcomes.prefillBackend]).toEqual([-1, 1])
})

test('a router that sends a request to another model is told so', () => {
  const router = (route: (cluster: ClusterView) => BackendView) => {
    let all: readonly BackendView[] = []
    return {
      name: 'stubborn',
      route: (_: unknown, cluster: ClusterView) => {
        if (cluster.backends.length > all.length) all = cluster.backends
        return route({ ...cluster, backends: all })
      },
    }
  }
  expect(() =>
    tinyRun({
      requests: [{}, { model: 'large' }],
      backends: [small, large],
      router: router(({ backends }) => backends[0]!),
    }),
  ).toThrow('request 1: expected a backend that serves "large", got 0, which serves "small"')
})

test('the KV cache that is sent has the size of its model', () => {
  const roles = [
    backend({ role: 'prefill' }),
    backend({ role: 'decode', kvBytesPerToken: 1000 }),
    backend({ role: 'decode' }),
    backend({ role: 'decode', kvBytesPerRequest: 5000 }),
  ]
  const run = tinyRun({
    requests: [0, 200, 400].map((arrivalMs) => ({ arrivalMs, outputTokens: 2 })),
    backends: roles,
    transfer: { latencyMs: 0, bandwidthBytesPerSec: 1e6, bytesPerToken: 100 },
    router: {
      name: 'one each',
      route: ({ id }, { backends }) => disaggregate(backends[0]!, backends[1 + id]!),
    },
  })
  const secondToken = (i: number): number =>
    run.outcomes.finishedMs[i]! - run.outcomes.firstTokenMs[i]!
  expect(secondToken(0) - secondToken(1)).toBeCloseTo(100 * (1 - 0.1), 9)
  expect(secondToken(2) - secondToken(1)).toBeCloseTo(5, 9)
})

test('a KV cache whose parts go over a link each takes as long as the largest part', () => {
  const share = (kvLinkShare: number) => ({ kvLinkShare })
  const e2eMs = (prefill: { kvLinkShare?: number }, decode: { kvLinkShare?: number }): number =>
    tinyRun({
      requests: [{ outputTokens: 2 }],
      backends: [
        backend({ role: 'prefill', ...prefill }),
        backend({ role: 'decode', kvBytesPerRequest: 5000, ...decode }),
      ],
      transfer: { latencyMs: 0, bandwidthBytesPerSec: 1e6, bytesPerToken: 100 },
      router: {
        name: 'pair',
        route: (_, { backends }) => disaggregate(backends[0]!, backends[1]!),
      },
    }).outcomes.finishedMs[0]!
  const wholeMs = e2eMs({}, {})
  // 100 tokens of 100 bytes and 5000 more, at 1 MB/s.
  expect(wholeMs - e2eMs(share(1 / 4), share(1 / 2))).toBeCloseTo(15 / 2, 9)
  expect(wholeMs - e2eMs(share(1 / 2), share(1 / 4))).toBeCloseTo(15 / 2, 9)
  expect(e2eMs(share(1 / 4), {})).toBeCloseTo(wholeMs, 9)
})
