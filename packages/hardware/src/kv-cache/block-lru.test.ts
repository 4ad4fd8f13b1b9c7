import { RandomStream } from '@routesim/core'
import { expect, test } from 'vitest'
import { BlockLru } from './block-lru.js'
import { LowerTiers, NAMELESS } from './lower-tiers.js'

test('the same as a list in order of use', () => {
  const random = new RandomStream(7, 'block lru')
  for (let round = 0; round < 50; round++) {
    const capacity = 1 + random.integer(200)
    const lru = new BlockLru(capacity)
    let model: number[] = []
    for (let i = 0; i < 1000; i++) {
      const content = random.integer(300) - 1
      const kind = random.integer(8)
      if (kind === 0 && content >= 0) {
        lru.remove(content)
        model = model.filter((other) => other !== content)
      } else if (kind === 1 && random.integer(50) === 0) {
        lru.clear()
        model = []
      } else {
        const isKnown = content >= 0 && model.includes(content)
        if (isKnown) model = model.filter((other) => other !== content)
        const gone = model.length === capacity ? model.shift()! : BlockLru.NOTHING
        model.push(content)
        expect(lru.put(content)).toBe(gone)
      }
      expect(lru.size).toBe(model.length)
      const asked = random.integer(300)
      expect(lru.has(asked)).toBe(model.includes(asked))
    }
  }
})

test('contents are matched over the tiers, and one that is read moves up', () => {
  const tier = { name: '', latencyMs: 0, msPerBlock: 0 }
  const tiers = new LowerTiers([
    { ...tier, blocks: 2 },
    { ...tier, blocks: 2 },
  ])
  const found = new Int32Array(2)
  for (const content of [3, 2, 1]) tiers.keep(content)
  expect(tiers.usage()).toEqual([2, 1])
  expect(tiers.match(Int32Array.of(1, 2, 3, 4), 4, found)).toBe(3)
  expect([...found]).toEqual([2, 1])
  tiers.read(Int32Array.of(1, 2, 3), 3)
  expect(tiers.usage()).toEqual([2, 1])
  // 3 was read first, then 2, then 1, so that 3 is below again; two that nobody will ask for follow.
  tiers.keep(NAMELESS)
  tiers.keep(NAMELESS)
  expect(tiers.usage()).toEqual([2, 2])
  expect(tiers.match(Int32Array.of(1, 2, 3), 3, found)).toBe(2)
  expect([...found]).toEqual([0, 2])
  tiers.clear()
  expect(tiers.usage()).toEqual([0, 0])
})
