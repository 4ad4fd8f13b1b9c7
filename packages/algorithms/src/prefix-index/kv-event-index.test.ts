import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chainHashes, KvEventIndex, type StoredBlock } from './kv-event-index.js'

const blocks = (...hashes: readonly number[]): StoredBlock[] =>
  hashes.map((hash) => ({ hash, localHash: hash % 100 }))

function matches(index: KvEventIndex, localHashes: readonly number[]): number[] {
  const out = new Float64Array(3)
  index.match(localHashes, out)
  return [...out]
}

test('each backend matches its contiguous run from the start', () => {
  const index = new KvEventIndex()
  index.store(0, undefined, blocks(1, 2, 3))
  index.store(1, undefined, blocks(101))
  expect(matches(index, [1, 2, 3, 4])).toEqual([3, 1, 0])
  index.store(1, 101, blocks(102))
  expect(matches(index, [1, 2, 3])).toEqual([3, 2, 0])
  expect(matches(index, [2, 3])).toEqual([0, 0, 0])
})

test('an event with a parent that this backend never announced is refused whole', () => {
  const index = new KvEventIndex()
  index.store(0, undefined, blocks(1))
  expect(index.store(1, 1, blocks(2))).toBe('unknown_parent')
  expect(index.countOf('unknown_parent')).toBe(1)
  expect(matches(index, [1, 2])).toEqual([1, 0, 0])
})

test('a block that is its own parent is refused', () => {
  const index = new KvEventIndex()
  index.store(0, undefined, blocks(1))
  expect(index.store(0, 1, blocks(1))).toBe('self_reference')
  expect(index.size).toBe(1)
})

test('an unknown block does not stop the removal of others', () => {
  const index = new KvEventIndex()
  index.store(0, undefined, blocks(1, 2))
  expect(index.remove(0, [9, 2])).toBe('unknown_block')
  expect(matches(index, [1, 2])).toEqual([1, 0, 0])
  expect(index.remove(0, [1])).toBe('applied')
  expect(index.size).toBe(0)
})

test('what was below a block that nobody holds does not come back with it', () => {
  const index = new KvEventIndex()
  index.store(0, undefined, blocks(1, 2))
  index.remove(0, [1])
  expect(matches(index, [1, 2])).toEqual([0, 0, 0])
  index.store(0, undefined, blocks(1))
  expect(matches(index, [1, 2])).toEqual([1, 0, 0])
})

test('a hash that stands for another block now stands no longer for the one before', () => {
  const index = new KvEventIndex()
  for (const backend of [0, 1]) index.store(backend, undefined, [{ hash: 5, localHash: 1 }])
  index.store(1, undefined, [{ hash: 5, localHash: 2 }])
  expect([matches(index, [1]), matches(index, [2])]).toEqual([
    [1, 0, 0],
    [0, 1, 0],
  ])
  expect([index.size, index.nodes]).toEqual([2, 2])
  index.store(0, undefined, [{ hash: 5, localHash: 2 }])
  expect([matches(index, [1]), matches(index, [2])]).toEqual([
    [0, 0, 0],
    [1, 1, 0],
  ])
  expect([index.size, index.nodes]).toEqual([2, 1])
})

test('nodes are counted however many prompts begin differently', () => {
  const index = new KvEventIndex()
  for (let i = 0; i < 130_000; i++) index.store(0, undefined, [{ hash: i, localHash: i }])
  expect(index.nodes).toBe(130_000)
})

test('clearing one backend leaves the others', () => {
  const index = new KvEventIndex()
  index.store(0, undefined, blocks(1, 2))
  index.store(1, undefined, blocks(1, 2))
  index.clear(0)
  expect(matches(index, [1, 2])).toEqual([0, 2, 0])
  expect(index.size).toBe(2)
})

test('an early exit stops at the first block that one backend has alone', () => {
  const index = new KvEventIndex()
  index.store(0, undefined, blocks(1, 2, 3, 4))
  index.store(1, undefined, blocks(1))
  const out = new Float64Array(2)
  index.match([1, 2, 3, 4], out, true)
  expect([...out]).toEqual([2, 1])
})

test('for whole prompts, stored and removed from the end, it matches as lists of prompts do', () => {
  const step = fc.record({
    backend: fc.nat(2),
    prompt: fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 1, maxLength: 4 }),
    isRemoval: fc.boolean(),
  })
  /** The engine's hash of a block: the prompt up to it, read as digits. */
  const hashOf = (prompt: readonly number[], i: number) => Number(prompt.slice(0, i + 1).join(''))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const index = new KvEventIndex()
      const held = [new Set<number>(), new Set<number>(), new Set<number>()]
      for (const { backend, prompt, isRemoval } of steps) {
        const hashes = prompt.map((_, i) => hashOf(prompt, i))
        if (isRemoval) {
          // As an engine evicts: a block and all that follow it, the last first.
          const doomed = [...held[backend]!].filter((h) => `${h}`.startsWith(`${hashes.at(-1)}`))
          index.remove(
            backend,
            doomed.sort((a, b) => b - a),
          )
          for (const hash of doomed) held[backend]!.delete(hash)
        } else {
          index.store(
            backend,
            undefined,
            hashes.map((hash, i) => ({ hash, localHash: prompt[i]! })),
          )
          for (const hash of hashes) held[backend]!.add(hash)
        }
        const expected = held.map((own) => {
          const gap = hashes.findIndex((hash) => !own.has(hash))
          return gap === -1 ? hashes.length : gap
        })
        expect(matches(index, prompt)).toEqual(expected)
      }
      expect(index.size).toBe(held.reduce((sum, own) => sum + own.size, 0))
    }),
  )
})

test('a chained hash tells a block from the same block elsewhere', () => {
  const [a, b, again] = chainHashes([7, 7, 7])
  expect(new Set([a, b, again]).size).toBe(3)
  expect(a).toBe(7)
  expect([...chainHashes([7, 7])]).toEqual([a, b])
  const all = new Set<number>()
  for (let i = 0; i < 20_000; i++) all.add(chainHashes([i % 200, Math.floor(i / 200)])[1]!)
  expect(all.size).toBe(20_000)
})

test('a block under two hashes of a backend is held until both are removed', () => {
  const index = new KvEventIndex()
  index.store(0, undefined, blocks(1))
  index.store(0, 1, blocks(2))
  index.store(0, 1, blocks(102, 3))
  index.store(0, 1, blocks(2))
  expect(index.remove(0, [2])).toBe('applied')
  expect(matches(index, [1, 2, 3])).toEqual([3, 0, 0])
  index.remove(0, [102])
  expect(matches(index, [1, 2, 3])).toEqual([1, 0, 0])
  index.store(0, undefined, blocks(101))
  index.clear(0)
  expect([index.size, index.nodes]).toEqual([0, 0])
})

test('what the blocks of a backend come to with all before them, also those below one that nobody holds', () => {
  const index = new KvEventIndex()
  index.store(0, undefined, blocks(1, 2))
  index.store(1, undefined, blocks(1, 2, 3))
  index.store(1, 1, blocks(102, 4))
  index.store(0, 2, blocks(5))
  index.remove(1, [1, 2, 102])
  index.remove(0, [2])
  const pathsOf = (backend: number) =>
    Object.fromEntries(index.fold(backend, '', (before, local) => `${before} ${local}`))
  expect(pathsOf(0)).toEqual({ 1: ' 1', 5: ' 1 2 5' })
  expect(pathsOf(1)).toEqual({ 3: ' 1 2 3', 4: ' 1 2 4' })
  expect(pathsOf(2)).toEqual({})
})
