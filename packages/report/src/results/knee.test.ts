import { expect, test } from 'vitest'
import { kneeOf } from './knee.js'
import { paretoFront } from './pareto-front.js'

test('the knee is the last rate before latency climbs', () => {
  expect(kneeOf([10, 20, 30, 40, 50], [100, 100, 110, 400, 2000])).toBe(3)
  expect(kneeOf([10, 20, 30, 40], [100, 100, 100, 1000])).toBe(2)
})

test('a straight line, a flat one and three points have no knee', () => {
  expect(kneeOf([1, 2, 3, 4], [100, 200, 300, 400])).toBeUndefined()
  expect(kneeOf([1, 2, 3, 4], [100, 101, 102, 150])).toBeUndefined()
  expect(kneeOf([1, 2, 3], [1, 1, 100])).toBeUndefined()
  expect(kneeOf([1, 2, 3, 4], [null, 1, 1, 100])).toBeUndefined()
})

test('the front holds what nothing beats on both axes', () => {
  const points = [
    { x: 1, y: 10 },
    { x: 2, y: 5 },
    { x: 3, y: 20 },
    { x: 3, y: 30 },
    { x: null, y: 1 },
  ]
  expect(paretoFront(points)).toEqual([
    { x: 2, y: 5 },
    { x: 3, y: 20 },
  ])
})
