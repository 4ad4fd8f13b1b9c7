import type { AlgorithmSummary } from '@routesim/experiments'
import { expect, test } from 'vitest'
import { colorsFor } from './colors.js'
import { resultsMarkdown, resultsTable } from './results-table.js'
import { visibleLength } from './wrapped.js'

const widestLine = (text: string): number => Math.max(...text.split('\n').map(visibleLength))

function result(algorithm: string, p50: unknown, rejected = 0): AlgorithmSummary {
  return {
    algorithm,
    ttft: { p50, p99: 9 },
    rejected_requests: rejected,
  } as unknown as AlgorithmSummary
}

function names(results: readonly AlgorithmSummary[]) {
  return [{ title: 'Algorithm', cells: results.map(({ algorithm }) => algorithm) }]
}

const results = [result('a', 5, 2), result('b', 7), result('c', null)]

test('the best of each column has a star, missing numbers a dash, equal ones nothing', () => {
  const [, , a, b, c] = resultsTable(results, names(results)).split('\n')
  expect(a).toMatch(/^a +5\.00\* +9\.00 .* 2$/)
  expect(b).toMatch(/^b +7\.00 +9\.00 .* 0\*$/)
  expect(c).toMatch(/^c +- +9\.00 .* 0\*$/)
})

test('in a sweep, algorithms compete at the same rate only', () => {
  const points = [result('a', 1), result('b', 2), result('a', 30), result('b', 20)]
  const rows = resultsTable(points, names(points), { contests: [5, 5, 50, 50] })
    .split('\n')
    .slice(2)
  expect(rows.map((row) => row.includes('*'))).toEqual([true, false, false, true])
  const alone = resultsTable([points[0]!, points[2]!], names([points[0]!, points[2]!]), {
    contests: [5, 50],
  })
  expect(alone).not.toContain('*')
})

test.each([40, 60, 80, 100])(
  'a table for %i columns is no wider, and names what it hides',
  (maxWidth) => {
    const text = resultsTable(results, names(results), { maxWidth })
    const table = text.split('\n').filter((line) => !line.startsWith('('))
    expect(widestLine(table.join('\n'))).toBeLessThanOrEqual(maxWidth)
    expect(text).toContain(`(not shown in ${maxWidth} columns: `)
    expect(table[0]).toContain('TTFT p99')
    expect(table[0]).toContain('Rejected')
  },
)

test('in a narrow terminal TTFT p99 stays to the last, and that none was rejected goes first', () => {
  const kept = [result('a', 5), result('b', 7)]
  const whole = widestLine(resultsTable(kept, names(kept)))
  const [titles] = resultsTable(kept, names(kept), { maxWidth: whole - 1 }).split('\n')
  expect(titles).toContain('$/1M tok')
  expect(titles).not.toContain('Rejected')
  const [narrowest] = resultsTable(kept, names(kept), { maxWidth: 10 }).split('\n')
  expect(narrowest).toBe('Algorithm  TTFT p99')
})

test('colours do not change the layout, and Markdown has none', () => {
  const colors = colorsFor({ isTTY: true })
  const plain = resultsTable(results, names(results))
  expect(widestLine(resultsTable(results, names(results), { colors }))).toBe(widestLine(plain))
  const lines = resultsMarkdown(
    [result('a|b', 5), result('c', 6)],
    names([result('a|b', 5), result('c', 6)]),
  ).split('\n')
  expect(lines[2]).toMatch(/^\| a\\\|b \| 5\.00\* \| 9\.00 \|/)
})

test('intervals of several seeds stand beside the mean', () => {
  const seeds = [result('a', { mean: 5, ci95: 0.25 }), result('b', { mean: 6, ci95: null })]
  const text = resultsTable(seeds, names(seeds))
  expect(text).toContain('5.00 ±0.25*')
  expect(text).toMatch(/^b +6\.00 /m)
})

test('what is lost has a column where there is any', () => {
  const losing = (name: string, failed_requests: number, retries: number) =>
    ({ ...result(name, 5), failed_requests, timed_out_requests: 0, retries }) as AlgorithmSummary
  const lossy = losing('a', 3, 7)
  const whole = losing('b', 0, 0)
  const both = [lossy, whole]
  const [titles, , a, b] = resultsTable(both, names(both)).split('\n')
  expect(titles).toMatch(/Rejected +Failed +Retries$/)
  expect(a).toMatch(/ 3 +7 *$/)
  expect(b).toMatch(/ 0\* +0\*$/)
  expect(resultsTable([whole], names([whole]))).not.toMatch(/Failed|Timed out|Retries/)
})

test('means over different seeds have no best, and the table says whose seeds are missing', () => {
  const over = (algorithm: string, seeds: number[], p50: number) =>
    ({ ...result(algorithm, { mean: p50, ci95: null }), seeds }) as AlgorithmSummary
  const whole = [over('a', [42, 43], 5), over('b', [42, 43], 7)]
  const points = [...whole, over('a', [42, 43], 5), over('b', [42], 4)]
  const contests = [0, 0, 2, 2]
  const lines = resultsTable(points, names(points), { contests }).split('\n')
  expect(lines.slice(2, -1).map((row) => row.includes('*'))).toEqual([true, false, false, false])
  const note = '(no * among rows over different seeds: b without seed 43)'
  expect(lines.at(-1)).toBe(note)
  expect(resultsMarkdown(points, names(points), contests)).toContain(` |\n\n${note}`)
  expect(resultsTable(whole, names(whole))).not.toContain('seeds')
})
