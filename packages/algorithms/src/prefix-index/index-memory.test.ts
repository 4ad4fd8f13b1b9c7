import { RandomStream } from '@routesim/core'
import { expect, test } from 'vitest'
import { testPath } from '../testing/test-path.js'
import { BlockIndex } from './block-index.js'
import { HomeLoads } from './home-loads.js'
import { KvEventIndex } from './kv-event-index.js'
import { RadixTree } from './radix-tree.js'

const BACKENDS = 64
const BLOCKS = 100
const RUNS = 50_000
/** 40 bytes per entry and as much again for growth by doubling, 12 per run twice, 20 per backend twice. */
const BUDGET = 2 * (40 * BACKENDS * (BLOCKS + 8) + 12 * RUNS + 20 * BACKENDS)
/** And 64 per entry, twice, where all that is kept is owned by many. */
const SHARED_BUDGET = BUDGET + 2 * 64 * BACKENDS * (BLOCKS + 8)

/** Prompts of eight blocks that hardly ever come again. */
function* prompts(count: number) {
  const random = new RandomStream(5, 'prompts')
  for (let i = 0; i < count; i++) {
    const first = random.integer(RUNS - 8)
    const ids = Array.from({ length: 8 }, (_, j) => first + j)
    yield { path: testPath(ids), backend: random.integer(BACKENDS), nowMs: i }
  }
}

test('a block index of 64 backends keeps to its capacity and to its memory, whatever passes through', () => {
  const index = new BlockIndex({
    blockTokens: 16,
    capacityBlocks: BLOCKS,
    ttlMs: Number.POSITIVE_INFINITY,
  })
  let early = 0
  for (const { path, backend, nowMs } of prompts(40_000)) {
    index.insert(path, backend, nowMs)
    expect(index.tokensOf(backend)).toBeLessThanOrEqual(16 * BLOCKS)
    if (nowMs === 10_000) early = index.bytes
  }
  expect(index.size).toBeLessThanOrEqual(BACKENDS * BLOCKS)
  expect(index.bytes).toBe(early)
  expect(index.bytes).toBeLessThan(BUDGET)
})

test('entries of a block index that have lived their time make room, too', () => {
  const index = new BlockIndex({
    blockTokens: 16,
    capacityBlocks: Number.POSITIVE_INFINITY,
    ttlMs: 500,
  })
  const out = new Float64Array(BACKENDS)
  for (const { path, backend, nowMs } of prompts(20_000)) {
    index.matchPrefix(path, nowMs, out)
    index.insert(path, backend, nowMs)
    expect(index.size).toBeLessThanOrEqual(8 * 500)
  }
  expect(index.bytes).toBeLessThan(BUDGET)
})

test('a radix tree that is cut to a budget keeps to its memory', () => {
  const tree = new RadixTree()
  let early = 0
  for (const { path, backend, nowMs } of prompts(40_000)) {
    tree.insert(path, backend, 16 * 8)
    tree.evict(backend, 16 * BLOCKS)
    expect(tree.tokensOf(backend)).toBeLessThanOrEqual(16 * BLOCKS)
    if (nowMs === 10_000) early = tree.bytes
  }
  expect(tree.bytes).toBe(early)
  expect(tree.bytes).toBeLessThan(BUDGET)
})

test('homes of prefixes keep to their budget, and what they cost to the window', () => {
  const loads = new HomeLoads({
    windowMs: 500,
    capacityTokens: 16 * BLOCKS,
    prefillMsPerToken: 1,
    perHomeMs: 0,
  })
  let early = 0
  for (const { path, backend, nowMs } of prompts(40_000)) {
    loads.read(path, nowMs)
    loads.sent(16 * 8, 0, backend, nowMs)
    expect(loads.size).toBeLessThanOrEqual(BACKENDS * BLOCKS)
    if (nowMs === 20_000) early = loads.bytes
  }
  expect(loads.bytes).toBe(early)
  // 48 bytes per run for what it costs, and 32 per request of the window, which has room for 512.
  expect(loads.bytes).toBeLessThan(BUDGET + 2 * 48 * RUNS + 32 * 1024)
})

/** Prompts that many send: of a few hundred, which change with time, so that rows come and go. */
function* sharedPrompts(count: number) {
  const random = new RandomStream(6, 'prompts')
  for (let i = 0; i < count; i++) {
    const first = 8 * ((i / 400 + 20 * random.float()) | 0)
    const ids = Array.from({ length: 8 }, (_, j) => (first + j) % RUNS)
    yield { path: testPath(ids), backend: random.integer(BACKENDS), nowMs: i }
  }
}

test('what many backends own takes more memory, but no more than its share', () => {
  const index = new BlockIndex({
    blockTokens: 16,
    capacityBlocks: BLOCKS,
    ttlMs: Number.POSITIVE_INFINITY,
  })
  const tree = new RadixTree()
  let early = 0
  for (const { path, backend, nowMs } of sharedPrompts(60_000)) {
    index.insert(path, backend, nowMs)
    tree.insert(path, backend, 16 * 8)
    tree.evict(backend, 16 * BLOCKS)
    if (nowMs === 30_000) early = index.bytes
  }
  // Only the tables by run still grow with their ids.
  expect(index.bytes - early).toBeLessThan(2 * 12 * RUNS)
  expect(index.bytes).toBeLessThan(SHARED_BUDGET)
  expect(tree.bytes).toBeLessThan(SHARED_BUDGET + 2 * 4 * RUNS)
})

test('an index kept by KV events has no node that no backend holds, whatever passes through', () => {
  const index = new KvEventIndex()
  const random = new RandomStream(7, 'events')
  const held = Array.from({ length: BACKENDS }, (): number[][] => [])
  for (let i = 0; i < 20_000; i++) {
    const backend = random.integer(BACKENDS)
    const first = 1 + 8 * random.integer(2000)
    const hashes = Array.from({ length: 8 }, (_, j) => first + j)
    const own = held[backend]!
    if (own.some(([hash]) => hash === first)) continue
    index.store(
      backend,
      undefined,
      hashes.map((hash) => ({ hash, localHash: hash })),
    )
    own.push(hashes)
    // Full: the oldest prompt goes, its end first.
    if (own.length > BLOCKS / 8) index.remove(backend, [...own.shift()!].reverse())
    if (random.integer(500) === 0) {
      index.clear(backend)
      own.length = 0
    }
    expect(index.size).toBeLessThanOrEqual(BACKENDS * BLOCKS)
  }
  expect(index.size).toBe(held.flat(2).length)
  expect(index.nodes).toBe(new Set(held.flat(2)).size)
  for (let backend = 0; backend < BACKENDS; backend++) index.clear(backend)
  expect([index.size, index.nodes]).toEqual([0, 0])
})
