import { expect, test } from 'vitest'
import { lackingSeeds, lackingSeedsText } from './lacking-seeds.js'
import type { AlgorithmSummary } from './simulate-all.js'

const over = (algorithm: string, ...seeds: number[]) =>
  ({ algorithm, seeds }) as unknown as AlgorithmSummary

test('results lack the seeds of those that they compete with, and no others', () => {
  const results = [over('a', 1, 2), over('b', 2, 1), over('a', 3), over('b', 4, 3)]
  expect(lackingSeeds(results, [0, 0, 1, 1])).toEqual([
    { algorithm: 'a', contest: 1, missing: [4] },
  ])
  const single = [{ algorithm: 'a', seed: 1 }, over('b', 1)] as AlgorithmSummary[]
  expect(lackingSeeds(single)).toEqual([])
})

test('the first few are named, the same once', () => {
  const lacking = lackingSeeds([over('all', 1, 2, 3, 4, 5), over('few', 5), over('few', 5)])
  expect(lackingSeedsText(lacking)).toBe('few without seeds 1, 2, 3 and 1 more')
})
