// The scenarios of configs/scenarios show what they say they show, whatever the seed.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compare } from '@routesim/experiments'
import type { RunSummary } from '@routesim/metrics'
import { describe, expect, test } from 'vitest'
import { ROOT } from '../testing/command.js'
import { inProcess } from '../testing/in-process.js'

const FOLDER = 'configs/scenarios'
const FILES = readdirSync(join(ROOT, FOLDER)).toSorted()

type Results = Readonly<Record<string, RunSummary>>

/** By algorithm. */
function byName(results: readonly RunSummary[]): Results {
  return Object.fromEntries(results.map((result) => [result.algorithm, result]))
}

/** Asserts that values rise along a list of algorithms, each to at least `factor` times the one before. */
function expectRising(
  results: Results,
  value: (result: RunSummary) => number,
  algorithms: readonly string[],
  factor = 1,
): void {
  for (let i = 1; i < algorithms.length; i++) {
    const [better, worse] = [algorithms[i - 1]!, algorithms[i]!]
    const what = `${worse} against ${better}`
    expect(value(results[worse]!), what).toBeGreaterThan(factor * value(results[better]!))
  }
}

const p50 = ({ ttft }: RunSummary): number => ttft.p50!
const p99 = ({ ttft }: RunSummary): number => ttft.p99!
const hits = (result: RunSummary): number => result.token_hit_rate!

const EXPECTED: Readonly<Record<string, (results: Results) => void>> = {
  // backend-failure.test.ts says more.
  'backend-failure.toml': (results) => {
    const failed = ({ failed_requests }: RunSummary): number => failed_requests
    for (const blind of ['random', 'round_robin', 'power_of_two']) {
      expectRising(results, failed, [blind, 'least_outstanding'], 5)
    }
  },
  'hot-prefix.toml': (results) => {
    const [gateway, mended] = ['sglang_cache_aware@gateway_cli', 'sglang_cache_aware:balance_abs=4']
    expectRising(results, p50, ['round_robin', gateway], 3)
    expectRising(results, p50, ['least_outstanding', gateway], 3)
    expectRising(results, p50, [mended, gateway], 3)
    expect(hits(results[gateway]!)).toBeCloseTo(hits(results['round_robin']!), 2)
  },
  'bounded-load.toml': (results) => {
    const [bounded, unbounded] = ['chwbl_prefix@kubeai', 'chwbl_prefix:load_factor=1000']
    for (const spread of ['least_outstanding', 'round_robin']) {
      expectRising(results, p50, [bounded, spread], 10)
      expectRising(results, p99, [bounded, spread], 10)
    }
    expectRising(results, p99, [bounded, unbounded], 1.5)
    expectRising(results, hits, ['least_outstanding', bounded, unbounded])
  },
  'cold-restart.toml': (results) => {
    for (const sent of ['sglang_cache_aware@gateway_cli', 'preble']) {
      expectRising(results, p99, ['epp_scorers@llm_d_precise', sent], 2)
      for (const blind of ['least_outstanding', 'round_robin']) {
        expectRising(results, p99, [sent, blind], 4)
        expectRising(results, hits, [blind, sent], 1.5)
      }
    }
  },
  'prefix-ratio.toml': (results) => {
    const mean = ({ ttft }: RunSummary): number => ttft.mean!
    const [classic, tuned] = ['dynamo_kv@classic', 'dynamo_kv@tuned']
    for (const blind of ['round_robin', 'least_outstanding']) {
      expectRising(results, mean, [tuned, classic, blind], 1.1)
      expectRising(results, hits, [blind, classic, tuned], 1.05)
    }
  },
  'round-robin-wins.toml': (results) => {
    const [byMatch, byBoth] = ['load_aware', 'kv_aware'].map(
      (preset) => `production_stack_load_aware@${preset}`,
    ) as [string, string]
    expectRising(results, p99, ['round_robin', byBoth], 1.5)
    expectRising(results, p99, [byMatch, byBoth])
    expect(hits(results[byBoth]!)).toBeCloseTo(hits(results['round_robin']!), 1)
  },
  'stale-load.toml': (results) => {
    const polled = ['power_of_two@vllm_router_polled', 'vllm_data_parallel:clients=0']
    for (const good of ['round_robin', 'least_outstanding', 'power_of_two@vllm_router']) {
      expectRising(results, p99, [good, ...polled], 1.5)
    }
  },
}

test('every scenario has an expectation, and a place in the documentation', () => {
  expect(FILES).toEqual(Object.keys(EXPECTED).toSorted())
  const page = readFileSync(join(ROOT, 'docs/reference/scenarios.md'), 'utf8')
  for (const file of FILES) expect(page).toContain(`${FOLDER}/${file}`)
})

describe.each(FILES)('%s', (file) => {
  const path = join(ROOT, FOLDER, file)

  test('run as routesim compare FILE it shows what it says', async () => {
    const { code, stdout } = await inProcess(['compare', path, '--format', 'json'])
    expect(code).toBe(0)
    EXPECTED[file]!(byName(JSON.parse(stdout)))
  })

  test('it does so with another seed', async () => {
    const { results } = await compare({ config: path, seed: 1, jobs: 1 })
    EXPECTED[file]!(byName(results as RunSummary[]))
  })

  test('it says what to expect, and after whom', () => {
    const text = readFileSync(path, 'utf8')
    for (const word of [/^# \w/, /# Expected/, /# After /]) expect(text).toMatch(word)
  })
})
