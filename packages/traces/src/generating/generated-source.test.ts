import { type RequestTable, RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { promptSharing } from '../stats/prompt-sharing.js'
import { generateTrace } from './generate-trace.js'
import { GeneratedSource } from './generated-source.js'
import type { GeneratorOptions } from './generator-options.js'
import type { WorkloadSpec } from './workload-spec.js'

const LABELS = [
  'tenant',
  'user',
  'model',
  'adapter',
  'priority',
  'ttftSloMs',
  'sloClass',
  'deadlineMs',
] as const

/**
 * Columns to write to, one row per request; `isStale`: they hold what other requests left, also where
 * requests without names leave columns alone.
 */
function blank(size: number, isStale: boolean): RequestTable {
  const builder = new RequestTableBuilder()
  for (let i = 0; i < size; i++) builder.add({ arrivalMs: 0, promptTokens: 1, outputTokens: 0 })
  const column = () => new Int32Array(size).fill(-7)
  const names = () => new Int32Array(size).fill(isStale ? -7 : -1)
  return {
    ...builder.build(),
    promptTokens: column(),
    outputTokens: column(),
    maxTokens: column(),
    promptNode: column(),
    prefixTokens: column(),
    tenant: names(),
    user: names(),
    model: names(),
    adapter: names(),
    priority: isStale ? column() : new Int32Array(size),
    ttftSloMs: isStale ? column() : new Int32Array(size),
    sloClass: names(),
    deadlineMs: new Float64Array(size).fill(isStale ? 5 : Number.NaN),
  }
}

const mixture: WorkloadSpec = {
  seed: 4,
  durationSec: 20,
  clients: [
    {
      name: 'chat',
      arrivals: {
        kind: 'weibull',
        cv: 2,
        stages: [{ durationSec: 15, rateRps: 40, toRateRps: 90 }],
      },
      uniqueTokens: { kind: 'lognormal', mean: 300, std: 200 },
      outputTokens: { kind: 'uniform', min: 0, max: 90 },
      tenants: { count: 6, share: 0.7 },
      users: { count: 9, share: 0.8 },
      adapters: { names: ['x', 'y'], share: 0.5 },
      classes: [
        { name: 'fast', weight: 1, ttftMs: 200, priority: 1 },
        { name: 'slow', weight: 1, deadlineMs: 900 },
      ],
      prefixes: [
        { count: 3, tokens: { kind: 'uniform', min: 100, max: 300 } },
        { by: 'tenant', tokens: 80 },
        { name: 'u', by: 'user', tokens: { kind: 'uniform', min: 10, max: 30 } },
      ],
    },
    {
      name: 'batch',
      arrivals: {
        kind: 'poisson',
        onOff: { onRateRps: 90, offRateRps: 0, onSec: 1, everySec: 4, lengths: 'exponential' },
      },
      promptTokens: 500,
      outputTokens: 10,
      prefixes: [{ count: 2, tokens: 800 }],
    },
  ],
}

test.each<GeneratorOptions | WorkloadSpec>([
  mixture,
  {},
  { numPrefixes: 0 },
  { prefixLenMean: 900, prefixLenStd: 300, prefixPopularity: 'zipf' },
  { kind: 'bursty', genTokensMean: 0 },
])('one by one, %o gives the rows of the table', (options) => {
  const table = generateTrace({ durationSec: 20, ...options })
  const source = new GeneratedSource({ durationSec: 20, ...options })
  let slices = 0
  while (!source.prepare(300)) slices++
  expect(slices).toBeGreaterThan(3)
  expect(source.size).toBe(table.size)
  expect(source.spanMs).toBe(table.arrivalMs.at(-1)! - table.arrivalMs[0]!)
  const rows = blank(table.size, options === mixture)
  for (let row = 0; row < table.size; row++) source.next(rows, row)
  for (const name of ['arrivalMs', 'promptTokens', 'outputTokens', 'maxTokens'] as const) {
    expect(rows[name], name).toEqual(table[name])
  }
  // Nodes may be numbered otherwise, as the table separates adapters afterwards.
  expect(promptSharing({ ...rows, prompts: source.prompts })).toEqual(promptSharing(table))
  expect(rows.prefixTokens).toEqual(table.prefixTokens)
  expect(source.strings).toEqual(table.strings)
  for (const name of LABELS) {
    const own = table[name] ?? rows[name]!.map(() => (name === 'deadlineMs' ? Number.NaN : -1))
    expect(rows[name], name).toEqual(own)
  }
})

test('conversations, and too little time, are refused', () => {
  expect(() => new GeneratedSource({ turnsMean: 2 })).toThrow(
    expect.objectContaining({
      code: 'generator_invalid',
      path: 'turnsMean',
      message:
        'turnsMean: expected no conversations in a run that keeps nothing per request, got some of them',
    }),
  )
  const [chat, batch] = mixture.clients
  const users = { ...batch!, arrivals: { kind: 'users', users: 3 } } as const
  expect(() => new GeneratedSource({ ...mixture, requests: 9, clients: [chat!, users] })).toThrow(
    'clients[1].arrivals.kind: expected no users in a run that keeps nothing per request',
  )
  expect(() => new GeneratedSource({ rateRps: 1e-9 }).prepare()).toThrow(
    'durationSec: expected time',
  )
})

test('there may be more than fit a table', () => {
  expect(() => new GeneratedSource({ rateRps: 1e6, durationSec: 1e6 })).not.toThrow()
})

test('prompts under different adapters share nothing, prefix by prefix', () => {
  const spec: WorkloadSpec = {
    seed: 1,
    durationSec: 20,
    clients: [
      {
        arrivals: { kind: 'poisson', rateRps: 20 },
        uniqueTokens: 50,
        outputTokens: 5,
        adapters: { count: 3 },
        prefixes: [
          { count: 1, tokens: 400 },
          { count: 2, tokens: 100 },
        ],
      },
    ],
  }
  const source = new GeneratedSource(spec)
  source.prepare()
  // Of each adapter: the one prefix, and two within it.
  expect(source.prompts.size).toBe(9)
  const rows = blank(source.size, false)
  for (let row = 0; row < source.size; row++) source.next(rows, row)
  const firsts = new Map(
    Array.from(rows.adapter, (adapter, row) => [adapter, row] as const).reverse(),
  )
  const { sharedTokens } = promptSharing({ ...rows, prompts: source.prompts })
  expect(firsts.size).toBe(3)
  for (const row of firsts.values()) expect(sharedTokens[row]).toBe(0)
})
