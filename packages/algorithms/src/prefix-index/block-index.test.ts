import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PromptPath } from '../prompt/prompt-path.js'
import { chainedIds, testPath } from '../testing/test-path.js'
import { BlockIndex } from './block-index.js'

const BACKENDS = 3
const steps = fc.array(fc.nat(2), { minLength: 1, maxLength: 5 })

/** A list of (id, time) per backend, the least recently used first. */
class NaiveIndex {
  private lists = Array.from({ length: BACKENDS }, () => [] as { id: number; ms: number }[])
  private readonly capacity: number
  private readonly ttlMs: number

  constructor(capacity: number, ttlMs: number) {
    this.capacity = capacity
    this.ttlMs = ttlMs
  }
  insert(ids: readonly number[], at: number, ms: number): void {
    const kept = this.lists[at]!.filter(({ id }) => !ids.includes(id))
    this.lists[at] = [...kept, ...ids.map((id) => ({ id, ms }))].slice(-this.capacity)
  }
  has(at: number, id: number, nowMs: number): boolean {
    return this.lists[at]!.some((entry) => entry.id === id && nowMs - entry.ms < this.ttlMs)
  }
}

test('it keeps, forgets and matches as plain lists do', () => {
  const insertion = fc.record({ steps, at: fc.nat(BACKENDS - 1), gapMs: fc.nat(20) })
  fc.assert(
    fc.property(
      fc.array(insertion, { maxLength: 30 }),
      steps,
      fc.integer({ min: 5, max: 12 }),
      fc.constantFrom(25, Number.POSITIVE_INFINITY),
      (insertions, probe, capacity, ttlMs) => {
        const index = new BlockIndex({ blockTokens: 16, capacityBlocks: capacity, ttlMs })
        const naive = new NaiveIndex(capacity, ttlMs)
        const out = new Float64Array(BACKENDS)
        const ids = chainedIds(probe)
        let nowMs = 0
        for (const { steps, at, gapMs } of insertions) {
          nowMs += gapMs
          index.insert(testPath(chainedIds(steps)), at, nowMs)
          naive.insert(chainedIds(steps), at, nowMs)
          const holds = (b: number, id: number) => naive.has(b, id, nowMs)
          const all = [0, 1, 2]
          index.matchPrefix(testPath(ids), nowMs, out)
          expect([...out]).toEqual(
            all.map((b) => {
              const gap = ids.findIndex((id) => !holds(b, id))
              return 16 * (gap === -1 ? ids.length : gap)
            }),
          )
          index.matchRuns(testPath(ids), nowMs, out)
          const nobody = ids.findIndex((id) => !all.some((b) => holds(b, id)))
          const walked = nobody === -1 ? ids : ids.slice(0, nobody)
          expect([...out]).toEqual(all.map((b) => 16 * walked.filter((id) => holds(b, id)).length))
          for (const b of all) expect(index.tokensOf(b)).toBeLessThanOrEqual(capacity * 16)
        }
      },
    ),
  )
})

/** Tokens of a run: unlike from run to run, and more or fewer than those of a block. */
const tokensOf = (id: number) => 1 + ((id * 7) % 23)

function unevenPath(ids: readonly number[]): PromptPath {
  const path = new PromptPath()
  let end = 0
  for (const id of ids) {
    end += tokensOf(id)
    path.push(id, end)
  }
  return path
}

/** A prompt cut into blocks, each named by all tokens up to its end; its rest, too, where that counts. */
function blocksOf(ids: readonly number[], blockTokens: number, countsRests: boolean): string[] {
  const tokens = ids.flatMap((id) => Array.from({ length: tokensOf(id) }, (_, i) => `${id}.${i}`))
  const blocks: string[] = []
  for (let end = blockTokens; end <= tokens.length; end += blockTokens) {
    blocks.push(tokens.slice(0, end).join())
  }
  if (countsRests && tokens.length % blockTokens > 0) blocks.push(`${tokens.join()} ends`)
  return blocks
}

/** Blocks per backend, the least recently used first. */
class NaiveBlocks {
  readonly held = Array.from({ length: BACKENDS }, (): string[] => [])
  private readonly capacities: readonly number[]

  constructor(capacities: readonly number[]) {
    this.capacities = capacities
  }
  insert(blocks: readonly string[], at: number): void {
    const kept = this.held[at]!.filter((block) => !blocks.includes(block))
    this.held[at] = [...kept, ...blocks].slice(-this.capacities[at]!)
  }
  leading(blocks: readonly string[], at: number): string[] {
    const gap = blocks.findIndex((block) => !this.held[at]!.includes(block))
    return blocks.slice(0, gap === -1 ? blocks.length : gap)
  }
  known(blocks: readonly string[], at: number): string[] {
    const nobody = blocks.findIndex((block) => !this.held.some((held) => held.includes(block)))
    const walked = nobody === -1 ? blocks : blocks.slice(0, nobody)
    return walked.filter((block) => this.held[at]!.includes(block))
  }
}

test('it sees and keeps what an index does that cuts every prompt into whole blocks', () => {
  const insertion = fc.record({ steps, at: fc.nat(BACKENDS - 1) })
  fc.assert(
    fc.property(
      fc.array(insertion, { maxLength: 30 }),
      steps,
      fc.constantFrom(1, 4, 16, 64),
      fc.integer({ min: 1, max: 9 }),
      fc.boolean(),
      (insertions, probe, blockTokens, capacity, countsRests) => {
        const limits = { blockTokens, countsRests, ttlMs: Number.POSITIVE_INFINITY }
        const index = new BlockIndex({ ...limits, capacityBlocks: capacity })
        // One backend keeps more than the others.
        index.limit(1, 2 * capacity)
        const naive = new NaiveBlocks([capacity, 2 * capacity, capacity])
        const ids = chainedIds(probe)
        const path = unevenPath(ids)
        const blocks = blocksOf(ids, blockTokens, countsRests)
        const sizes = new Map(
          blocks.map((block, i) => [block, Math.min(blockTokens, path.tokens - i * blockTokens)]),
        )
        const tokens = (found: readonly string[]) =>
          found.reduce((sum, block) => sum + sizes.get(block)!, 0)
        const out = new Float64Array(BACKENDS)
        for (const { steps, at } of insertions) {
          const sent = unevenPath(chainedIds(steps))
          index.insert(sent, at, 0, sent.tokens)
          naive.insert(blocksOf(chainedIds(steps), blockTokens, countsRests), at)
          index.matchPrefix(path, 0, out, path.tokens)
          expect([...out]).toEqual([0, 1, 2].map((b) => tokens(naive.leading(blocks, b))))
          index.matchRuns(path, 0, out, path.tokens)
          expect([...out]).toEqual([0, 1, 2].map((b) => tokens(naive.known(blocks, b))))
          for (const b of [0, 1, 2]) {
            expect(index.tokensOf(b)).toBe(naive.held[b]!.length * blockTokens)
          }
        }
      },
    ),
  )
})

test('a beginning in common that is shorter than a block is not seen', () => {
  const index = new BlockIndex({
    blockTokens: 64,
    capacityBlocks: 10,
    ttlMs: Number.POSITIVE_INFINITY,
  })
  const out = new Float64Array(1)
  const seen = (ids: readonly number[], runTokens: number) => {
    index.matchPrefix(testPath(ids, runTokens), 0, out)
    return out[0]
  }
  index.insert(testPath([1], 40), 0, 0)
  expect([index.size, seen([1], 40)]).toEqual([0, 0])
  // Of 120 tokens in three runs one block, which ends in the second run.
  index.insert(testPath([1, 2, 3], 40), 0, 0)
  expect([seen([1], 40), seen([1, 2], 40), seen([1, 2, 3], 40)]).toEqual([0, 64, 64])
})

test('the rest of a prompt counts for prompts that are equal to their end', () => {
  const index = new BlockIndex({
    blockTokens: 64,
    capacityBlocks: 10,
    ttlMs: Number.POSITIVE_INFINITY,
    countsRests: true,
  })
  const out = new Float64Array(1)
  const seen = (path: PromptPath, promptTokens: number) => {
    index.matchPrefix(path, 0, out, promptTokens)
    return out[0]
  }
  index.insert(testPath([1, 2], 50), 0, 0, 100)
  expect(seen(testPath([1, 2], 50), 100)).toBe(100)
  // It goes on, with tokens of its own or of others.
  expect(seen(testPath([1, 2], 50), 101)).toBe(64)
  expect(seen(testPath([1, 2, 3], 50), 150)).toBe(64)
  index.forget([2])
  expect([index.size, seen(testPath([1, 2], 50), 100)]).toEqual([0, 0])
})

test('what was used at an age of the time to live is forgotten, a moment before it is not', () => {
  const index = new BlockIndex({
    blockTokens: 16,
    capacityBlocks: Number.POSITIVE_INFINITY,
    ttlMs: 100,
  })
  const out = new Float64Array(1)
  index.insert(testPath([1, 4]), 0, 0)
  index.matchPrefix(testPath([1, 4]), 99.9, out)
  expect(out[0]).toBe(32)
  index.matchPrefix(testPath([1, 4]), 100, out)
  expect(out[0]).toBe(0)
  index.insert(testPath([1]), 0, 200)
  index.remove(0)
  expect(index.size).toBe(0)
})

test('a path is cut within a run, and always keeps its start', () => {
  const cut = (maxTokens: number) => {
    const path = testPath([1, 4, 13])
    path.cutTo(maxTokens)
    return [[...path.ids.subarray(0, path.length)], path.tokens]
  }
  expect(cut(100)).toEqual([[1, 4, 13], 48])
  expect(cut(48)).toEqual([[1, 4, 13], 48])
  expect(cut(40)).toEqual([[1, 4, 13], 40])
  expect(cut(32)).toEqual([[1, 4], 32])
  expect(cut(1)).toEqual([[1], 1])
  const empty = testPath([])
  empty.cutTo(5)
  expect(empty.tokens).toBe(0)
})
