// Results are the same on every machine and with every number of workers: hashes of rounded results,
// with some figures beside them that tell what has changed. UPDATE_GOLDEN=1 writes them anew.
import { readFileSync, writeFileSync } from 'node:fs'
import { type AlgorithmSummary, compare, parseConfig } from '@routesim/experiments'
import type { RunSummary } from '@routesim/metrics'
import { generateTrace } from '@routesim/traces'
import { afterAll, expect, test } from 'vitest'
import { DIGITS, roundedHash } from './rounded-hash.js'
import { GENERATORS, type GoldenScenario, SCENARIOS } from './scenarios.js'

const FILE = new URL('golden.json', import.meta.url)
const isUpdate = process.env['UPDATE_GOLDEN'] === '1'
const golden: Record<string, unknown> = isUpdate ? {} : JSON.parse(readFileSync(FILE, 'utf8'))

afterAll(() => {
  if (isUpdate) writeFileSync(FILE, `${JSON.stringify(golden, undefined, 2)}\n`)
})

function expectGolden(name: string, found: unknown): void {
  if (isUpdate) golden[name] ??= found
  expect(found).toEqual(golden[name])
}

async function results(
  { toml, algorithms, trace }: GoldenScenario,
  options: { readonly jobs: number; readonly stepper: 'fast' | 'reference' },
): Promise<Record<string, unknown>> {
  const { results } = await compare({ config: parseConfig(toml), algorithms, trace, ...options })
  return Object.fromEntries(results.map((result) => [result.algorithm, figures(result)]))
}

function figures(result: AlgorithmSummary): object {
  const {
    completed_requests,
    rejected_requests,
    failed_requests,
    timed_out_requests,
    retries,
    ttft,
    end_to_end_latency,
    preemptions,
    evictions,
  } = result as RunSummary
  return {
    sha256: roundedHash(result),
    completed: completed_requests,
    rejected: rejected_requests,
    ...(failed_requests + timed_out_requests > 0 && {
      failed: failed_requests,
      timedOut: timed_out_requests,
      retries,
    }),
    preemptions,
    evictions,
    ttft_p50_ms: Number(ttft.p50?.toPrecision(DIGITS)),
    e2e_p99_ms: Number(end_to_end_latency.p99?.toPrecision(DIGITS)),
  }
}

test.each(Object.entries(SCENARIOS))('%s', async (name, scenario) => {
  expectGolden(name, await results(scenario, { jobs: 1, stepper: 'fast' }))
  expectGolden(name, await results(scenario, { jobs: 2, stepper: 'fast' }))
  expectGolden(name, await results(scenario, { jobs: 1, stepper: 'reference' }))
})

test('the scenarios go every way there is', () => {
  type Figures = { readonly rejected: number; readonly preemptions: number; evictions: number }
  const all = Object.keys(SCENARIOS).flatMap((name) =>
    Object.values(golden[name] as Record<string, Figures>),
  )
  expect(all.length).toBeGreaterThan(20)
  for (const key of ['rejected', 'preemptions', 'evictions'] as const) {
    expect(all.filter((run) => run[key] > 0).length, key).toBeGreaterThan(3)
  }
})

test.each(Object.entries(GENERATORS))('generator: %s', (name, options) => {
  // No generator asks for a time to first token.
  const { ttftSloMs, ...table } = generateTrace({ durationSec: 20, ...options })
  expect(ttftSloMs.every((ms) => ms === 0)).toBe(true)
  expectGolden(`generator: ${name}`, { sha256: roundedHash(table), requests: table.size })
})
