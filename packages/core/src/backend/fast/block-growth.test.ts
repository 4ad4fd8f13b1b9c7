import fc from 'fast-check'
import { expect, test } from 'vitest'
import { changeGrowth, growthOver, stepsToCompletion } from './block-growth.js'

/** Blocks that requests with so many computed tokens need in k steps, one token at a time. */
function naive(computed: readonly number[], blockTokens: number, k: number): number {
  let blocks = 0
  for (let tokens of computed) {
    for (let step = 0; step < k; step++, tokens++) if (tokens % blockTokens === 0) blocks++
  }
  return blocks
}

test('counts per residue agree with counting block by block', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.nat(100), { maxLength: 12 }),
      fc.nat(1000),
      fc.nat(70),
      (blockTokens, computed, counter, k) => {
        // Next to the counts of another backend.
        const growth = new Int32Array(3 + blockTokens)
        const count = computed.length
        for (const tokens of computed) changeGrowth(growth, 3, blockTokens, tokens, counter, 1)
        changeGrowth(growth, 3, blockTokens, 17, counter, 1)
        changeGrowth(growth, 3, blockTokens, 17, counter, -1)
        expect(growthOver(growth, 3, blockTokens, count, counter, k)).toBe(
          naive(computed, blockTokens, k),
        )
        // Later, with everybody some tokens further.
        const later = computed.map((tokens) => tokens + 7)
        expect(growthOver(growth, 3, blockTokens, count, counter + 7, k)).toBe(
          naive(later, blockTokens, k),
        )
        const completion = stepsToCompletion(growth, 3, blockTokens, counter)
        const first = computed.map((tokens) => blockTokens - (tokens % blockTokens))
        expect(completion).toBe(Math.min(2 ** 30, ...first))
      },
    ),
  )
})
