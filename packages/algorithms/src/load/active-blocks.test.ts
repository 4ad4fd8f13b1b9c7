import fc from 'fast-check'
import { expect, test } from 'vitest'
import { testPrompt } from '../test-kit/test-request.js'
import { chainedIds } from '../testing/test-path.js'
import { ActiveBlocks } from './active-blocks.js'

const BACKENDS = 3
const ROWS = 6
const step = fc.record({
  row: fc.nat(ROWS - 1),
  backend: fc.nat(BACKENDS - 1),
  isEnd: fc.boolean(),
})
// The prompt of a row does not change: its runs, and 5 tokens that are its own.
const prompts = fc.array(fc.array(fc.nat(2), { minLength: 0, maxLength: 4 }), {
  minLength: ROWS,
  maxLength: ROWS,
})

test('blocks under way are those of the set of its requests, each counted once where they share', () => {
  fc.assert(
    fc.property(
      prompts,
      fc.array(step, { maxLength: 40 }),
      fc.boolean(),
      fc.constantFrom(16, 6, 20),
      (all, steps, isSharing, runTokens) => {
        const runs = all.map(chainedIds)
        const promptTokens = runs.map((path) => runTokens * path.length + 5)
        const request = (row: number) =>
          testPrompt(runs[row]!, { id: row, promptTokens: promptTokens[row]! }, runTokens)
        // A block is known by the run in which it ends, and its place.
        const paths = runs.map((path) =>
          Array.from(
            { length: Math.floor((runTokens * path.length) / 16) },
            (_, i) => `${path[Math.ceil((16 * (i + 1)) / runTokens) - 1]} ${i}`,
          ),
        )
        const rest = (row: number) => Math.ceil(promptTokens[row]! / 16) - paths[row]!.length
        const active = new ActiveBlocks(isSharing)
        active.reserve(BACKENDS)
        const out = new Float64Array(BACKENDS)
        const homes = new Map<number, number>()
        for (const { row, backend, isEnd } of steps) {
          if (isEnd) {
            active.remove(request(row))
            homes.delete(row)
          } else {
            active.add(request(row), backend, 16)
            homes.set(row, backend)
          }
          const rowsOn = (b: number) =>
            [...homes].filter(([, home]) => home === b).map(([id]) => id)
          for (let b = 0; b < BACKENDS; b++) {
            const rows = rowsOn(b)
            const shared = rows.flatMap((id) => paths[id]!)
            const blocks = isSharing ? new Set(shared).size : shared.length
            // Each has one or two more blocks, in which its own tokens are.
            const own = rows.reduce((sum, row) => sum + rest(row), 0)
            expect(active.blocksOf(b, 16)).toBe(blocks + own)
            expect(active.blocks[b]).toBe(blocks + own)
            expect(active.requests[b]).toBe(rows.length)
          }
          active.match(request(row), out)
          const expected = Array.from({ length: BACKENDS }, (_, b) => {
            const held = new Set(isSharing ? rowsOn(b).flatMap((id) => paths[id]!) : [])
            const gap = paths[row]!.findIndex((id) => !held.has(id))
            return 16 * (gap === -1 ? paths[row]!.length : gap)
          })
          expect([...out]).toEqual(expected)
        }
      },
    ),
  )
})

test('requests may be many', () => {
  const active = new ActiveBlocks(true)
  for (const id of [1023, 1024, 5000]) active.add(testPrompt([id], { id }), 0, 16)
  expect([active.blocks[0], active.requests[0]]).toEqual([3, 3])
  for (const id of [5000, 1023, 1024]) active.remove(testPrompt([id], { id }))
  expect([active.blocks[0], active.requests[0]]).toEqual([0, 0])
})
