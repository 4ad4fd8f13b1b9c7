import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TraceAnalysis } from '@routesim/traces'
import { expect, test } from 'vitest'
import { ROOT, routesim } from '../testing/command.js'

const TRACE = join(ROOT, '../shared/traces/mooncake/conversation_trace.jsonl.gz')
const isMissing = !existsSync(TRACE)
const skipped = isMissing ? ' (skipped: ../shared has no traces)' : ''

async function stats(path: string): Promise<TraceAnalysis> {
  const { code, stdout } = await routesim(['trace', 'stats', path, '--format', 'json'])
  expect(code).toBe(0)
  return JSON.parse(stdout) as TraceAnalysis
}

test.skipIf(isMissing)(
  `the published Mooncake trace has the figures that NVIDIA's recipe publishes${skipped}`,
  async () => {
    const analysis = await stats(TRACE)
    expect(analysis.requests).toBe(12_031)
    expect(analysis.arrivals.spanMs).toBe(3_536_999)
    expect(analysis.arrivals.distinctTimes).toBe(1180)
    const { inputLength, outputLength, contextLength, uniquePromptLength } = analysis
    expect(inputLength.mean).toBeCloseTo(12_035.1, 1)
    expect(Math.round(inputLength.sd / 10)).toBe(1580)
    expect(inputLength).toMatchObject({ min: 891, median: 6909, max: 126_195 })
    expect(outputLength.mean).toBeCloseTo(342.6, 1)
    expect(analysis.prefixes.distinctBlocks).toBe(182_790)
    expect(contextLength.mean).toBeCloseTo(6373.6, 1)
    expect(uniquePromptLength.mean).toBeCloseTo(5661.5, 1)
    expect(analysis.theoreticalHitRate.mean).toBeCloseTo(0.384, 3)
    expect(analysis.blockHitRate).toBeCloseTo(0.3664, 4)
    expect(analysis.tokenHitRate).toBeCloseTo(0.3736, 4)
  },
)

test.skipIf(isMissing)(
  `a neutral synthesis of it has its lengths and its hit rate${skipped}`,
  async () => {
    const given = await stats(TRACE)
    const folder = mkdtempSync(join(tmpdir(), 'routesim-synthesis-'))
    for (const mode of [[], ['--keep-locality']]) {
      const path = join(folder, `made${mode.length}.jsonl`)
      expect((await routesim(['synthesize', '-i', TRACE, '-o', path, ...mode])).code).toBe(0)
      const made = await stats(path)
      for (const name of ['inputLength', 'outputLength'] as const) {
        expect(Math.abs(made[name].mean / given[name].mean - 1)).toBeLessThan(0.02)
      }
      expect(Math.abs(made.blockHitRate - given.blockHitRate)).toBeLessThan(0.02)
      expect(Math.abs(made.theoreticalHitRate.mean - given.theoreticalHitRate.mean)).toBeLessThan(
        mode.length === 0 ? 0.02 : 0.001,
      )
    }
  },
)

test('what rounds to 0 is 0, not -0', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'routesim-stats-')), 'two.jsonl')
  const line = (ts: number) => `{"ts":${ts},"prompt_tokens":5,"gen_tokens":5}\n`
  writeFileSync(path, line(0) + line(9))
  const { stdout } = await routesim(['trace', 'stats', path])
  expect(stdout).toContain('autocorrelation 0 0 0')
})

test('synthesize and trace stats say what is wrong with their options', async () => {
  const trace = join(ROOT, 'packages/e2e/package.json')
  const wrong = await routesim(['synthesize', '-i', trace, '-o', '-', '--time-window', '5'])
  expect(wrong.code).not.toBe(0)
  const size = await routesim(['trace', 'stats', trace, '--block-size', '0'])
  expect(size.stderr).toContain('--block-size: expected an integer >= 1, got 0')
  expect(size.code).toBe(2)
})
