import { createHash } from 'node:crypto'
import type { RequestTable } from '@routesim/core'
import { describe, expect, it } from 'vitest'
import { promptSharing } from '../stats/prompt-sharing.js'
import { gapsOf, ksDistance, moments } from '../testing/statistics.js'
import { formatTrace } from '../writing/write-trace.js'
import { generateTrace } from './generate-trace.js'
import type { GeneratorOptions } from './generator-options.js'
import { expectedRequests } from './plan-workload.js'
import { TraceGeneration } from './trace-generation.js'

const gapsMs = (table: RequestTable): number[] => gapsOf(table.arrivalMs)

const countIn = (table: RequestTable, inside: (sec: number) => boolean): number =>
  table.arrivalMs.filter((ms) => inside(ms / 1000)).length

describe('arrivals', () => {
  it('poisson: exponential gaps at the rate', () => {
    const gaps = gapsMs(generateTrace({ durationSec: 200 }))
    expect(Math.abs(gaps.length - 20_000)).toBeLessThan(3 * Math.sqrt(20_000))
    const distance = ksDistance(gaps, (x) => 1 - Math.exp(-x / 10))
    expect(distance).toBeLessThan(1.63 / Math.sqrt(gaps.length)) // 1 % level
  })

  it('constant: even gaps', () => {
    const table = generateTrace({ kind: 'constant', rateRps: 8, durationSec: 1 })
    expect([...table.arrivalMs]).toEqual([0, 125, 250, 375, 500, 625, 750, 875])
  })

  it('gamma: gaps with the coefficient of variation asked for', () => {
    for (const options of [{ cv: 3 }, { burstiness: 1 / 9 }]) {
      const { mean, std } = moments(gapsMs(generateTrace({ kind: 'gamma', ...options })))
      expect(mean).toBeGreaterThan(9.3)
      expect(mean).toBeLessThan(10.7)
      expect(std / mean).toBeGreaterThan(2.85)
      expect(std / mean).toBeLessThan(3.15)
    }
  })

  it('bursty: as many requests as the schedule implies, not what the last rate would give', () => {
    const table = generateTrace({
      kind: 'bursty',
      baseRateRps: 0.05,
      burstRateRps: 50,
      durationSec: 600,
    })
    expect(Math.abs(table.size - 5025)).toBeLessThan(3 * Math.sqrt(5025))
    const inBursts = countIn(table, (sec) => sec % 60 < 10)
    expect(Math.abs(inBursts / 100 - 50)).toBeLessThan(2)
    expect(table.size - inBursts).toBeLessThan(45)
  })

  it('diurnal: follows the sine, over the trace when it is shorter than a day', () => {
    const table = generateTrace({ kind: 'diurnal', durationSec: 400 })
    expect(Math.abs(table.size - 24_000)).toBeLessThan(3 * Math.sqrt(24_000))
    const quarter = (k: number): number =>
      countIn(table, (sec) => Math.floor(sec / 100) === k) / 100
    // Mean of the sine over half its period is 2 / pi.
    for (const k of [0, 1]) expect(Math.abs(quarter(k) - (60 + 80 / Math.PI))).toBeLessThan(3)
    for (const k of [2, 3]) expect(Math.abs(quarter(k) - (60 - 80 / Math.PI))).toBeLessThan(3)
  })
})

describe('lengths', () => {
  it.each([
    { lengthDistribution: 'lognormal', mean: 500, std: 200 },
    { lengthDistribution: 'normal', mean: 503.57, std: 195.46 },
    { lengthDistribution: 'fixed', mean: 500, std: 0 },
  ] as const)('have the mean and deviation asked for: %o', ({ lengthDistribution, mean, std }) => {
    const table = generateTrace({ lengthDistribution, durationSec: 1000 })
    const got = moments(table.promptTokens)
    expect(Math.abs(got.mean - mean)).toBeLessThan(2)
    expect(Math.abs(got.std - std)).toBeLessThan(3)
    expect(Math.min(...table.promptTokens.slice(0, 1e5))).toBeGreaterThanOrEqual(1)
  })

  it('may be 0 for outputs', () => {
    const table = generateTrace({ genTokensMean: 0, durationSec: 1 })
    expect(new Set(table.outputTokens)).toEqual(new Set([0]))
  })
})

describe('prefixes', () => {
  it('have one length each, capped at the prompt', () => {
    const table = generateTrace({ prefixLenStd: 100, durationSec: 30 })
    const roots = new Set(promptSharing(table).sharedWith)
    expect(roots.size).toBeGreaterThanOrEqual(10)
    expect(new Set(table.prefixTokens.filter((n, i) => n < table.promptTokens[i]!)).size).toBe(10)
    expect(table.prefixTokens.every((n, i) => n <= table.promptTokens[i]!)).toBe(true)
  })

  it('are as popular as Zipf says', () => {
    const text = formatTrace(
      generateTrace({
        prefixPopularity: 'zipf',
        numPrefixes: 4,
        prefixLenMean: 10,
        promptTokensMean: 50,
        promptTokensStd: 0,
      }),
      'jsonl',
    )
    const counts = new Map<string, number>()
    for (const [, name] of text.matchAll(/"prefix_hash":"(\w+)"/g)) {
      counts.set(name!, (counts.get(name!) ?? 0) + 1)
    }
    const shares = [...counts.values()].sort((a, b) => b - a).map((n) => n / 30_000)
    const total = 1 + 1 / 2 + 1 / 3 + 1 / 4
    for (const [k, share] of shares.entries()) {
      expect(Math.abs(share - 1 / (k + 1) / total)).toBeLessThan(0.01)
    }
  })

  it('may be none', () => {
    const table = generateTrace({ numPrefixes: 0, durationSec: 1 })
    expect(table.prompts.size).toBe(0)
  })
})

describe('conversations', () => {
  const table = generateTrace({ turnsMean: 5, thinkTimeMeanSec: 20, durationSec: 600, rateRps: 20 })

  it('give the request rate, the turns and the think time asked for', () => {
    expect(Math.abs(table.size - 12_000)).toBeLessThan(1000)
    const sessions = new Set(table.session).size
    expect(table.size / sessions).toBeCloseTo(5, 0)
    const last = new Map<number, number>()
    const gaps: number[] = []
    table.arrivalMs.forEach((ms, row) => {
      const session = table.session[row]!
      if (last.has(session)) gaps.push(ms - last.get(session)!)
      last.set(session, ms)
    })
    expect(Math.abs(moments(gaps).mean - 20_000)).toBeLessThan(1000)
  })

  it('extend: each turn repeats the turn before, prompt and answer', () => {
    const { sharedTokens } = promptSharing(table)
    const last = new Map<number, number>()
    table.session.forEach((session, row) => {
      const before = last.get(session)
      if (before !== undefined) {
        const whole = table.promptTokens[before]! + table.outputTokens[before]!
        expect(sharedTokens[row]).toBe(whole)
        expect(table.prefixTokens[row]).toBe(whole)
      }
      last.set(session, row)
    })
  })

  it('end before the longest prompt, and are as few as asked', () => {
    const small = generateTrace({ turnsMean: 50, numSessions: 7, maxPromptTokens: 3000 })
    expect(new Set(small.session).size).toBe(7)
    expect(Math.max(...small.promptTokens)).toBeLessThanOrEqual(3000)
  })
})

describe('seeds and streams', () => {
  it('give the same text for ever', () => {
    const text = formatTrace(generateTrace({ durationSec: 2 }), 'compact_jsonl')
    expect(text.split('\n')[0]).toMatchInlineSnapshot(
      `"{"ts":6.113681597654757,"prompt_tokens":317,"gen_tokens":133,"prefix_hash":"p0","prefix_len":256}"`,
    )
    expect(createHash('sha256').update(text).digest('hex').slice(0, 16)).toMatchInlineSnapshot(
      `"f4b655cf5c5d9ac8"`,
    )
  })

  it('keep arrivals when lengths change, and lengths when prefixes do', () => {
    const base = generateTrace({ durationSec: 5 })
    const longer = generateTrace({ durationSec: 5, promptTokensMean: 900 })
    const bare = generateTrace({ durationSec: 5, numPrefixes: 0 })
    expect(longer.arrivalMs).toEqual(base.arrivalMs)
    expect(longer.outputTokens).toEqual(base.outputTokens)
    expect(bare.promptTokens).toEqual(base.promptTokens)
    expect(generateTrace({ durationSec: 5, seed: 43 }).arrivalMs).not.toEqual(base.arrivalMs)
  })
})

describe('options', () => {
  it.each<[GeneratorOptions, string]>([
    [{ rateRps: 0 }, 'rateRps: expected a number > 0, got 0'],
    [{ rateRps: Number.NaN }, 'rateRps: expected a number > 0, got NaN'],
    [{ rateRps: 1e300 }, 'rateRps: expected a number > 0 and <= 1000000000, got 1e+300'],
    [{ durationSec: -1 }, 'durationSec: expected a number > 0, got -1'],
    [{ promptTokensStd: -1 }, 'promptTokensStd: expected a number >= 0, got -1'],
    [{ promptTokensMean: 0.5 }, 'promptTokensMean: expected a number >= 1, got 0.5'],
    [{ numPrefixes: 1.5 }, 'numPrefixes: expected an integer from 0 to 10000000, got 1.5'],
    [{ seed: -1 }, 'seed: expected an integer >= 0, got -1'],
    [
      { kind: 'poison' as 'poisson' },
      'kind: expected poisson, constant, gamma, bursty, diurnal, got "poison"',
    ],
    [{ cv: 2 }, 'cv: expected nothing, as it belongs to the generator gamma, got it with poisson'],
    [{ kind: 'gamma', cv: 1, burstiness: 1 }, 'burstiness: expected nothing beside cv, got 1'],
    [
      { kind: 'bursty', burstDurationSec: 70 },
      'burstDurationSec: expected at most burstIntervalSec, 60, got 70',
    ],
    [
      { kind: 'diurnal', troughRateRps: 200 },
      'troughRateRps: expected at most peakRateRps, 100, got 200',
    ],
    [
      { rateRps: 1e6, durationSec: 1e6 },
      'durationSec: expected time for at most 100000000 requests, got time for about 1000000000000',
    ],
    [{ rateRps: 1e-9 }, 'durationSec: expected time for at least one request, got none in 300 s'],
  ])('%o are refused', (options, message) => {
    expect(() => generateTrace(options)).toThrow(
      expect.objectContaining({ code: 'generator_invalid', message }),
    )
  })
})

describe('in slices', () => {
  it.each<GeneratorOptions>([
    { durationSec: 20 },
    { durationSec: 20, turnsMean: 4 },
    { durationSec: 20, numSessions: 300 },
    { durationSec: 20, kind: 'bursty', numPrefixes: 0 },
  ])('%o is the same table', (options) => {
    const generation = new TraceGeneration(options)
    let slices = 0
    for (; !generation.run(100); slices++) expect(generation.size).toBeLessThan(100 * (slices + 2))
    expect(generation.table()).toEqual(generateTrace(options))
    expect(slices).toBeGreaterThan(0)
  })

  it('is about as long as expected', () => {
    for (const options of [{}, { rateRps: 7, turnsMean: 3 }, { numSessions: 50, turnsMean: 4 }]) {
      const ratio = generateTrace(options).size / expectedRequests(options)
      expect(Math.abs(ratio - 1)).toBeLessThan(0.35)
    }
    expect(() => expectedRequests({ rateRps: -1 })).toThrow('rateRps: expected a number > 0')
  })
})
