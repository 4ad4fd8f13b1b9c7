import { expect, test } from 'vitest'
import type { Mark } from '../chart/chart.js'
import { placedMarks } from './placed-marks.js'

const knee = (value: number, series: number): Mark => ({
  axis: 'x',
  value,
  label: String(value),
  series,
})

test('equal marks of several series are one that says whose it is', () => {
  const labels = (marks: readonly Mark[]): string[] =>
    placedMarks(marks, 3).map(({ label }) => label)
  expect(labels([knee(2, 0), knee(2, 1), knee(2, 2)])).toEqual(['2 (all 3)'])
  expect(labels([knee(4, 0), knee(2, 1), knee(4, 2)])).toEqual(['2', '4 (2 of 3)'])
})

test('the labels of neighbours stand at different heights, whatever the order of the series', () => {
  const goal: Mark = { axis: 'y', value: 0.99, label: 'goal' }
  const placed = placedMarks([goal, knee(132, 0), knee(128, 1), knee(140, 2), knee(125, 3)], 4)
  expect(placed.map(({ label, height }) => [label, height])).toEqual([
    ['125', 0],
    ['128', 1],
    ['132', 2],
    ['140', 0],
    ['goal', 0],
  ])
})
