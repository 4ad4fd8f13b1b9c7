import { expect, test } from 'vitest'
import { sumMetrics } from './parse-prometheus.js'
import { LatencyHistogram, PrometheusText } from './prometheus-text.js'

test('what is written is what Prometheus reads', () => {
  const text = new PrometheusText()
  text.gauge('a:b', 'Things.', [{ labels: { name: 'x "y"\n' }, value: 1.5 }, { value: 2 }])
  const histogram = new LatencyHistogram([0.1, 1])
  for (const seconds of [0.05, 0.1, 0.5, 9]) histogram.add(seconds)
  text.histogram('h', 'Times.', histogram, { w: 1 })
  expect(text.toString()).toBe(`# HELP a:b Things.
# TYPE a:b gauge
a:b{name="x \\"y\\"\\n"} 1.5
a:b 2
# HELP h Times.
# TYPE h histogram
h_bucket{w="1",le="0.1"} 2
h_bucket{w="1",le="1"} 3
h_bucket{w="1",le="+Inf"} 4
h_sum{w="1"} 9.65
h_count{w="1"} 4
`)
  expect(sumMetrics(text.toString(), new Set(['a:b', 'h_count']))).toEqual(
    new Map([
      ['a:b', { sum: 3.5, count: 2 }],
      ['h_count', { sum: 4, count: 1 }],
    ]),
  )
})

test('times, braces in labels, and lines that are none', () => {
  const text = 'n{a="} 9"} 3 1700000000\nn 1e1\nn nonsense\nother 4\n\n}{'
  expect(sumMetrics(text, new Set(['n']))).toEqual(new Map([['n', { sum: 13, count: 2 }]]))
})
