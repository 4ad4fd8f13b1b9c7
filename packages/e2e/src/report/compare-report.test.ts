// A page of what `compare` returns, made in a script instead of on the command line.
import { compare, parseConfig } from '@routesim/experiments'
import { compareReport, renderHtml } from '@routesim/report'
import { expect, test } from 'vitest'

const config = parseConfig(
  '[cluster]\nnum_backends = 2\n[trace]\nrate = 10\nduration_sec = 20\nnum_prefixes = 5',
)
const comparison = await compare({
  config,
  algorithms: ['round_robin', 'prefix_aware'],
  detail: true,
  sampleIntervalMs: 1000,
  jobs: 1,
})

test('what compare returns is taken as it is, details and samples included', () => {
  const { scenario, results, details, samples, verdict } = comparison
  const byHand = results.map((result, i) => ({
    result,
    detail: details[i],
    samples: samples.find(({ algorithm }) => algorithm === result.algorithm)?.rows,
  }))
  const report = compareReport(comparison)
  expect(report).toEqual(compareReport({ scenario, results: byHand, verdict }))
  const titles = report.sections.map(({ title }) => title)
  expect(titles).toContain('Latency by length')
  expect(titles).toContain('KV cache and utilisation')
})

test('a page says how to have it again only where that is known', () => {
  const page = renderHtml(compareReport(comparison))
  expect(page).not.toContain('Reproduce')
  expect(page).toContain('<footer>Made by RouteSim:')
  const command = renderHtml(compareReport(comparison, { command: 'node page.ts' }))
  expect(command.match(/Reproduce/g)).toHaveLength(2)
  expect(command).toContain('<pre>node page.ts</pre>')
})
