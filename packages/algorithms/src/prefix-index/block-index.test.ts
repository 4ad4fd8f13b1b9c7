import fc from 'fast-check'
import { expect, test } from 'vitest'
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
        const index = new BlockIndex({ capacityTokens: capacity * 16, ttlMs })
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

test('what was used at an age of the time to live is forgotten, a moment before it is not', () => {
  const index = new BlockIndex({ capacityTokens: Number.POSITIVE_INFINITY, ttlMs: 100 })
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
