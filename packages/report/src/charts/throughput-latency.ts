import type { XyChart, XySeries } from '../chart/chart.js'
import { fittingAxis } from '../chart/fitting-axis.js'
import { tableOf } from '../chart/table.js'
import { formatValue } from '../format/format-value.js'
import { paretoFront } from '../results/pareto-front.js'
import { figuresOf, type RateCurve } from '../results/rate-curves.js'

/**
 * What the fleet delivers against how long users wait, one point per rate, and the front of points
 * that no other beats on both.
 */
export function throughputLatency(curves: readonly RateCurve[]): XyChart {
  const drawn = curves.map((curve) => ({
    ...curve,
    throughput: figuresOf(curve, 'gen_tokens_per_sec').map(({ value }) => value),
    latency: figuresOf(curve, 'ttft.p99').map(({ value }) => value),
  }))
  const points = drawn.flatMap(({ label, points: own, throughput, latency }) =>
    own.map(({ rate }, i) => ({ label, rate, x: throughput[i]!, y: latency[i]! })),
  )
  const front = paretoFront(points)
  const guide: XySeries = {
    name: 'Pareto front',
    draw: 'steps',
    x: front.map(({ x }) => x),
    y: front.map(({ y }) => y),
    isGuide: true,
  }
  const onFront = new Set<object>(front)
  return {
    type: 'xy',
    id: 'throughput-latency',
    title: 'Throughput against latency',
    summary: `Output tokens per second against P99 time to first token, a point per rate; ${
      [...new Set(front.map(({ label }) => label))].join(', ') || 'nothing'
    } on the Pareto front, the dashed line.`,
    x: fittingAxis(
      'Output tokens per second',
      'number',
      points.map(({ x }) => x),
    ),
    y: fittingAxis(
      'TTFT P99',
      'ms',
      points.map(({ y }) => y),
    ),
    series: [
      ...drawn.map(
        ({ label, points: own, throughput, latency }): XySeries => ({
          name: label,
          draw: 'line',
          x: throughput,
          y: latency,
          labels: own.map(({ rate }) => `${formatValue(rate, 'number')}/s`),
        }),
      ),
      ...(front.length > 1 ? [guide] : []),
    ],
    table: tableOf(
      ['Algorithm', 'On the front'],
      ['Rate', 'Output tokens/s', 'TTFT P99'],
      points.map((point) => [
        point.label,
        onFront.has(point) ? 'yes' : '',
        formatValue(point.rate, 'number'),
        formatValue(point.x, 'number'),
        formatValue(point.y, 'ms'),
      ]),
    ),
  }
}
