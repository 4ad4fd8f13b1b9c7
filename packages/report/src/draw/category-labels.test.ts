import { expect, test } from 'vitest'
import { categoryLabels } from './category-labels.js'

test('names stand on one line, in lines of whole words, or upright, as there is room', () => {
  const names = ['overlap_weight', 'ttl']
  const [wide, tight, narrow] = [400, 140, 60].map((width) => categoryLabels(names, width))
  expect(wide).toMatchObject({ isUpright: false, excess: 0 })
  expect(names.map(wide!.written)).toEqual(names)
  expect(tight).toMatchObject({ isUpright: false, excess: 0 })
  expect(names.map(tight!.written)).toEqual(['overlap_\nweight', 'ttl'])
  expect(narrow!.isUpright).toBe(true)
  expect(narrow!.excess).toBe(14 * 7 - 40)
  expect(names.map(narrow!.written)).toEqual(names)
})
