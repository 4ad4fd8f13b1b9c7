import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PromptPath } from '../prompt/prompt-path.js'
import { chainedIds, testPath } from '../testing/test-path.js'
import { RadixTree } from './radix-tree.js'

const BACKENDS = 3
const steps = fc.array(fc.nat(2), { minLength: 1, maxLength: 5 })
const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('insert' as const), steps, at: fc.nat(2) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('evict' as const), budget: fc.nat(8), at: fc.nat(2) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), at: fc.nat(2) }) },
)

/** Sets of ids with the time of last use, evicted leaf by leaf by looking at everything. */
class NaiveTree {
  readonly owned = Array.from({ length: BACKENDS }, () => new Map<number, number>())
  private clock = 0

  insert(ids: readonly number[], at: number): void {
    for (const id of [...ids].reverse()) this.owned[at]!.set(id, ++this.clock)
  }
  evict(at: number, runs: number): void {
    const own = this.owned[at]!
    while (own.size > runs) {
      const leaves = [...own].filter(([id]) => ![1, 2, 3].some((way) => own.has(3 * id + way)))
      leaves.sort(([, a], [, b]) => a - b)
      own.delete(leaves[0]![0])
    }
  }
  match(ids: readonly number[], at: number): number {
    const missing = ids.findIndex((id) => !this.owned[at]!.has(id))
    return missing === -1 ? ids.length : missing
  }
}

test('it owns, matches and evicts as sets of nodes do', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 40 }), steps, (operations, probe) => {
      const tree = new RadixTree()
      const naive = new NaiveTree()
      const out = new Float64Array(BACKENDS)
      for (const [nowMs, operation] of operations.entries()) {
        const { at } = operation
        if (operation.kind === 'insert') {
          const ids = chainedIds(operation.steps)
          tree.insert(testPath(ids), at, nowMs)
          naive.insert(ids, at)
        } else if (operation.kind === 'evict') {
          tree.evict(at, operation.budget * 16)
          naive.evict(at, operation.budget)
        } else {
          tree.remove(at)
          naive.evict(at, 0)
        }
        const ids = chainedIds(probe)
        tree.match(testPath(ids), out)
        const expected = Array.from({ length: BACKENDS }, (_, b) => 16 * naive.match(ids, b))
        expect([...out]).toEqual(expected)
        const deepest = { tokens: 0, run: -1 }
        tree.deepest(testPath(ids), deepest)
        expect(deepest.tokens).toBe(Math.max(...expected))
        for (let b = 0; b < BACKENDS; b++) expect(tree.tokensOf(b)).toBe(16 * naive.owned[b]!.size)
      }
      expect(tree.size).toBe(naive.owned.reduce((sum, own) => sum + own.size, 0))
    }),
  )
})

test('runs whose ids are given to others are forgotten', () => {
  const tree = new RadixTree()
  tree.insert(testPath([1, 4, 13]), 0, 0)
  tree.insert(testPath([1, 4]), 2, 1)
  tree.forget([4, 13, 999])
  const out = new Float64Array(3)
  tree.match(testPath([1, 4, 13]), out)
  expect([...out]).toEqual([16, 0, 16])
  expect([0, 2].map((backend) => tree.tokensOf(backend))).toEqual([16, 16])
  expect(tree.latestOwner(4)).toBe(-1)
  tree.insert(testPath([4]), 1, 2)
  expect(tree.latestOwner(4)).toBe(1)
  tree.evict(0, 0)
  expect(tree.size).toBe(2)
})

test('the latest owner is the one that was sent the node last, while it owns it', () => {
  const tree = new RadixTree()
  tree.insert(testPath([1, 4]), 0, 0)
  tree.insert(testPath([1, 5]), 2, 1)
  expect(tree.latestOwner(1)).toBe(2)
  tree.remove(2)
  expect(tree.latestOwner(1)).toBe(0)
  expect(tree.latestOwner(5)).toBe(-1)
  expect(tree.latestOwner(999)).toBe(-1)
  expect(tree.owns(4, 0)).toBe(true)
  expect(tree.owns(4, 2)).toBe(false)
})

test('the latest owner is the one that used a run last, or any other once that has lost it', () => {
  const tree = new RadixTree()
  const path = new PromptPath()
  path.push(7, 16)
  for (const [nowMs, backend] of [1, 0, 1].entries()) tree.insert(path, backend, nowMs)
  expect(tree.latestOwner(7)).toBe(1)
  tree.remove(1)
  expect(tree.latestOwner(7)).toBe(0)
  tree.remove(0)
  expect(tree.latestOwner(7)).toBe(-1)
})
