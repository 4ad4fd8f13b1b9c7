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
    arbitrary: fc.record({
      kind: fc.constant('insert' as const),
      steps,
      hasOwn: fc.boolean(),
      at: fc.nat(2),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('evict' as const),
      budget: fc.nat(130),
      at: fc.nat(2),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), at: fc.nat(2) }) },
)

/** Sets of ids with the prompt that used them last, evicted by looking at everything; below 0 what is a prompt's own. */
class NaiveTree {
  readonly owned = Array.from({ length: BACKENDS }, () => new Map<number, number>())
  private clock = 0

  insert(ids: readonly number[], hasOwn: boolean, at: number): void {
    const use = ++this.clock
    for (const id of hasOwn ? [...ids, -use] : ids) this.owned[at]!.set(id, use)
  }
  tokens(at: number): number {
    return [...this.owned[at]!.keys()].reduce((sum, id) => sum + (id < 0 ? 5 : 16), 0)
  }
  evict(at: number, tokens: number): void {
    const own = this.owned[at]!
    while (own.size > 0 && this.tokens(at) > tokens) {
      const oldest = Math.min(...own.values())
      for (const [id, use] of own) if (use === oldest) own.delete(id)
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
      for (const operation of operations) {
        const { at } = operation
        if (operation.kind === 'insert') {
          const ids = chainedIds(operation.steps)
          tree.insert(testPath(ids), at, 16 * ids.length + (operation.hasOwn ? 5 : 0))
          naive.insert(ids, operation.hasOwn, at)
        } else if (operation.kind === 'evict') {
          tree.evict(at, operation.budget)
          naive.evict(at, operation.budget)
        } else {
          tree.remove(at)
          naive.owned[at]!.clear()
        }
        const ids = chainedIds(probe)
        tree.match(testPath(ids), out)
        const expected = Array.from({ length: BACKENDS }, (_, b) => 16 * naive.match(ids, b))
        expect([...out]).toEqual(expected)
        const deepest = { tokens: 0, run: -1 }
        tree.deepest(testPath(ids), deepest)
        expect(deepest.tokens).toBe(Math.max(...expected))
        for (let b = 0; b < BACKENDS; b++) expect(tree.tokensOf(b)).toBe(naive.tokens(b))
      }
      const runs = naive.owned.map((own) => [...own.keys()].filter((id) => id >= 0).length)
      expect(tree.size).toBe(runs.reduce((sum, count) => sum + count))
    }),
  )
})

test('runs whose ids are given to others are forgotten', () => {
  const tree = new RadixTree()
  tree.insert(testPath([1, 4, 13]), 0, 0)
  tree.insert(testPath([1, 4]), 2, 0)
  tree.forget([4, 13, 999])
  const out = new Float64Array(3)
  tree.match(testPath([1, 4, 13]), out)
  expect([...out]).toEqual([16, 0, 16])
  expect([0, 2].map((backend) => tree.tokensOf(backend))).toEqual([16, 16])
  expect(tree.latestOwner(4)).toBe(-1)
  tree.insert(testPath([4]), 1, 0)
  expect(tree.latestOwner(4)).toBe(1)
  tree.evict(0, 0)
  expect(tree.size).toBe(2)
})

test('the latest owner is the one that was sent the node last, while it owns it', () => {
  const tree = new RadixTree()
  tree.insert(testPath([1, 4]), 0, 0)
  tree.insert(testPath([1, 5]), 2, 0)
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
  for (const backend of [1, 0, 1]) tree.insert(path, backend, 0)
  expect(tree.latestOwner(7)).toBe(1)
  tree.remove(1)
  expect(tree.latestOwner(7)).toBe(0)
  tree.remove(0)
  expect(tree.latestOwner(7)).toBe(-1)
})

test('a tree that is never evicted counts what is a prompt’s own, and does not keep it', () => {
  const tree = new RadixTree({ isEvicted: false })
  tree.insert(testPath([1]), 0, 20)
  const { bytes } = tree
  for (let i = 0; i < 10_000; i++) tree.insert(testPath([1]), 0, 20)
  expect([tree.tokensOf(0), tree.size, tree.bytes]).toEqual([16 + 4 * 10_001, 1, bytes])
  tree.remove(0)
  expect([tree.tokensOf(0), tree.size]).toEqual([0, 0])
})
