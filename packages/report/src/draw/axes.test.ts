import { expect, test } from 'vitest'
import { pairedDifferences } from '../charts/paired-differences.js'
import { searchProgress } from '../charts/parameter-sensitivity.js'
import { sweepReport } from '../reports/sweep-report.js'
import { barOption } from './bar-option.js'
import { LIGHT } from './theme.js'
import { xyOption } from './xy-option.js'

const options = { theme: LIGHT, width: 800, hasTitle: false }

test('bars stand on zero, whatever they have in common', () => {
  const chart = pairedDifferences(
    [50, 55, 60].map((difference) => ({
      ...{ path: 'ttft.p50', title: `${difference}`, unit: 'ms', outcome: 'worse' },
      ...{ base: 100, other: 100 + difference, difference, ci95: 1 },
    })),
    ['a', 'b'],
  )
  expect(barOption(chart, options)['yAxis']).toMatchObject({ scale: false })
})

test('an axis that need not begin at 0 begins and ends beside its values', () => {
  const tried = [1013, 1012, 1010.2].map((objective) => ({ share: 1, objective, breaks: false }))
  const chart = searchProgress(tried, { title: 'TTFT P99', unit: 'ms', better: 'low' })
  const { yAxis } = xyOption(chart, options)
  expect(yAxis).toMatchObject({ min: 1010, max: 1013, interval: 1 })
  const one = searchProgress(tried.slice(0, 1), { title: 'TTFT P99', unit: 'ms', better: 'low' })
  expect(xyOption(one, options)['yAxis']).toMatchObject({ max: 1500, interval: 500 })
})

test('a logarithmic axis has room for the upper ends of intervals', () => {
  const points = [50, 80, 400, 1900].map((mean, i) => {
    const figures = { p50: { mean, ci95: mean * 0.8 }, p99: { mean, ci95: mean * 0.8 } }
    const result = { algorithm: 'a', ttft: figures, tbt: figures, end_to_end_latency: figures }
    return { rate: i + 1, settings: {}, result: result as never }
  })
  const scenario = {
    ...{ name: 's', source: 's', requests: 1, spanMs: 1, fleet: '1 x g' },
    ...{ visibility: 'exact', seeds: [1, 2], notes: [] },
  }
  const { sections } = sweepReport({ scenario, durationSec: 60, points })
  const chart = sections[0]!.charts![0]!
  expect(chart).toMatchObject({ y: { scale: 'log', min: 50, max: 3420 } })
})
