import { expect, test } from 'vitest'
import { type FailedRun, failedRuns, failureNotes } from './failed-runs.js'

const run = { settings: {}, rate: null, algorithm: 'a', seed: 1, message: 'no backend' }

test('a sweep without failures says nothing of them', () => {
  expect(failureNotes([], 3)).toEqual([])
  expect(failedRuns([])).toEqual([])
})

test('failures are told with their router and the first error', () => {
  const failures = [run, { ...run, seed: 2, message: 'other' }, { ...run, algorithm: 'b' }]
  expect(failureNotes(failures, 9)).toEqual([
    '3 of 9 runs failed (a, b); tables and charts go without. The first error: no backend',
  ])
  expect(failureNotes([run], undefined)[0]).toMatch(/^1 run failed/)
})

test('where every run failed, that is said', () => {
  expect(failureNotes([run, { ...run, seed: 2 }], 2)).toEqual([
    `every run failed. The first error: ${run.message}`,
  ])
})

test('failures stand in a table by setting, rate and seed', () => {
  const failures: FailedRun[] = [
    { ...run, settings: { 'cluster.num_backends': 4 }, rate: 10 },
    { ...run, settings: { 'router.seed': 5 }, rate: 10.5 },
  ]
  const [section] = failedRuns(failures)
  const { columns, rows } = section!.tables![0]!.table
  const titles = ['Algorithm', 'num_backends', 'seed', 'Rate', 'Seed', 'Error']
  expect(columns.map(({ title }) => title)).toEqual(titles)
  expect(rows).toEqual([
    ['a', '4', '', '10', '1', 'no backend'],
    ['a', '', '5', '10.5', '1', 'no backend'],
  ])
  expect(section!.text).toEqual([])
})

test('of very many failures the first are told, and that there are more', () => {
  const [section] = failedRuns(Array.from({ length: 60 }, (_, seed) => ({ ...run, seed })))
  expect(section!.tables![0]!.table.rows).toHaveLength(50)
  expect(section!.text).toEqual(['The first 50 of 60.'])
})
