import { expect, test } from 'vitest'
import type { ReportedScenario } from './scenario.js'
import { sweepReport } from './sweep-report.js'

const scenario: ReportedScenario = {
  ...{ name: 'chat', source: 'generated', requests: 10, spanMs: 1000 },
  ...{ fleet: '2 x H100 SXM', visibility: 'exact', seeds: [1], notes: ['a note'] },
}
const nothing = { scenario, durationSec: undefined, points: [], totalRuns: 2, totalPoints: 2 }

test('where every run failed, a page says why', () => {
  const failure = { settings: {}, rate: 5, algorithm: 'mine', message: 'oops' }
  const failures = [1, 2].map((seed) => ({ ...failure, seed }))
  const { notes, sections } = sweepReport({ ...nothing, failures })
  expect(notes).toEqual(['every run failed. The first error: oops', 'a note'])
  expect(sections.map(({ title }) => title)).toEqual(['Failed runs'])
})

test('a sweep that was stopped says how much of it is there', () => {
  const { notes } = sweepReport({ ...nothing, interrupted: true })
  expect(notes![0]).toBe('the sweep was stopped: 0 of 2 points are here, and nothing of the others')
  expect(sweepReport({ ...nothing, interrupted: false }).notes).toEqual(['a note'])
})
