import { expect, test } from 'vitest'
import { generateTrace } from '../generating/generate-trace.js'
import { readText } from '../testing/in-memory.js'
import { analyzeTrace } from './analyze-trace.js'
import { BlockRanges } from './block-ranges.js'
import { StackDistances } from './stack-distances.js'

const line = (timestamp: number, input_length: number, hash_ids: number[]): string =>
  JSON.stringify({ timestamp, input_length, output_length: 10, hash_ids })

test('one prompt after another, by hand', async () => {
  const text = [line(0, 256, [1, 2]), line(1, 384, [1, 2, 3]), line(2, 256, [1, 4])].join('\n')
  const { table } = await readText(text, { blockTokens: 128 })
  const analysis = analyzeTrace(table, { blockTokens: 128 })
  expect(analysis.contextLength).toMatchObject({ min: 128, median: 256, max: 256 })
  expect(analysis.uniquePromptLength).toMatchObject({ min: 0, max: 128 })
  expect(analysis.theoreticalHitRate.mean).toBeCloseTo((0 + 2 / 3 + 1 / 2) / 3, 12)
  expect(analysis.blockHitRate).toBeCloseTo(3 / 7, 12)
  expect(analysis.tokenHitRate).toBeCloseTo(384 / 896, 12)
  expect(analysis.prefixes).toMatchObject({ distinctBlocks: 4, groups: 1, groupedRequests: 3 })
  expect(analysis.prefixes.cache.at(-1)).toEqual({ blocks: 4, tokens: 512, hitRate: 3 / 7 })
})

test('stack distances are those of a plain LRU list', () => {
  const table = generateTrace({ rateRps: 5, durationSec: 20, numPrefixes: 4, turnsMean: 3 })
  const ranges = new BlockRanges(table, 64)
  let uses = 0
  for (let row = 0; row < table.size; row++) {
    ranges.lookAt(row)
    for (let i = 0; i < ranges.from.length; i++) uses += ranges.to[i]! - ranges.from[i]!
  }
  const distances = new StackDistances(ranges.size, uses)
  const list: number[] = []
  const expected = new Map<number, number>()
  let first = 0
  for (let row = 0; row < table.size; row++) {
    ranges.lookAt(row)
    distances.use(ranges.from, ranges.to)
    const blocks = ranges.from.flatMap((from, i) =>
      Array.from({ length: ranges.to[i]! - from }, (_, k) => from + k),
    )
    for (const block of blocks) {
      const at = list.indexOf(block)
      if (at < 0) first++
      else expected.set(at, (expected.get(at) ?? 0) + 1)
    }
    for (const block of blocks.reverse()) {
      const at = list.indexOf(block)
      if (at >= 0) list.splice(at, 1)
      list.unshift(block)
    }
  }
  expect(distances.firstUses).toBe(first)
  expect(first).toBeLessThan(uses)
  for (const [distance, count] of expected) expect(distances.counts[distance]).toBe(count)
  expect(distances.hits(ranges.size + 1)).toBe(uses - first)
})

test('blocks that nobody uses again push others out of the cache, with names or without', async () => {
  for (let seed = 0; seed < 10; seed++) {
    const table = generateTrace({ seed, rateRps: 5, durationSec: 20, numPrefixes: 4 })
    const ranges = new BlockRanges(table, 16)
    let unused = ranges.size
    const lines = Array.from(table.promptTokens, (promptTokens, row) => {
      const nameless = ranges.lookAt(row)
      const ids = ranges.from.flatMap((from, i) => numbersFrom(from, ranges.to[i]! - from))
      const own = numbersFrom(unused, nameless)
      unused += nameless
      return line(table.arrivalMs[row]!, promptTokens, [...ids, ...own])
    })
    const { table: named } = await readText(lines.join('\n'), { blockTokens: 16 })
    const { prefixes } = analyzeTrace(table, { blockTokens: 16 })
    expect(prefixes).toEqual(analyzeTrace(named, { blockTokens: 16 }).prefixes)
    expect(unused).toBeGreaterThan(ranges.size)
    expect(prefixes.reuseDistance.median).toBeGreaterThan(0)
  }
})

const numbersFrom = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => first + i)

test('tells a metronome from bursts, and conversations', () => {
  const even = analyzeTrace(generateTrace({ kind: 'constant', rateRps: 10, durationSec: 100 }))
  expect(even.arrivals.gapCv).toBeLessThan(1e-6)
  expect(even.arrivals.meanRateRps).toBeCloseTo(10, 6)
  const poisson = analyzeTrace(generateTrace({ rateRps: 50, durationSec: 200 }))
  expect(poisson.arrivals.gapCv).toBeGreaterThan(0.95)
  expect(poisson.arrivals.gapCv).toBeLessThan(1.05)
  const bursty = analyzeTrace(
    generateTrace({ kind: 'gamma', cv: 4, rateRps: 50, durationSec: 200 }),
  )
  expect(bursty.arrivals.gapCv).toBeGreaterThan(3)
  const chats = analyzeTrace(generateTrace({ rateRps: 20, durationSec: 100, turnsMean: 4 }))
  expect(chats.sessions.turns.mean).toBeGreaterThan(3.5)
  expect(chats.sessions.turns.mean).toBeLessThan(4.5)
  expect(chats.sessions.requests).toBe(chats.requests)
})
