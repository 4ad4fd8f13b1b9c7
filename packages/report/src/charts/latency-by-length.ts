import type { LengthBin, RunDetail } from '@routesim/metrics'
import type { XyChart, XySeries } from '../chart/chart.js'
import { fittingAxis } from '../chart/fitting-axis.js'
import { type Table, tableOf } from '../chart/table.js'
import { formatValue } from '../format/format-value.js'
import { labelOf, type ReportedResult } from '../results/reported-result.js'

type Detailed = ReportedResult & { readonly detail: RunDetail }

/** Where one picture finds its numbers. */
interface Lengths {
  readonly id: string
  readonly title: string
  readonly lengthTitle: string
  readonly latencyTitle: string
  bins(detail: RunDetail): readonly LengthBin[]
  lengths(detail: RunDetail): readonly number[]
  latencies(detail: RunDetail): readonly (number | null)[]
}

/** Time to first token against the length of the prompt. */
export function ttftByPromptLength(results: readonly ReportedResult[]): XyChart {
  return latencyByLength(results, {
    id: 'ttft-by-prompt',
    title: 'Time to first token by prompt length',
    lengthTitle: 'Prompt tokens',
    latencyTitle: 'TTFT',
    bins: ({ by_length }) => by_length.ttft_by_prompt,
    lengths: ({ sample }) => sample.prompt_tokens,
    latencies: ({ sample }) => sample.ttft_ms,
  })
}

/** Time per output token against the length of the output. */
export function tpotByOutputLength(results: readonly ReportedResult[]): XyChart {
  return latencyByLength(results, {
    id: 'tpot-by-output',
    title: 'Time per output token by output length',
    lengthTitle: 'Output tokens',
    latencyTitle: 'TPOT',
    bins: ({ by_length }) => by_length.tpot_by_output,
    lengths: ({ sample }) => sample.output_tokens,
    latencies: ({ sample }) => sample.tpot_ms,
  })
}

/** Medians of each result; of a single one its requests, and P90 too. */
function latencyByLength(all: readonly ReportedResult[], of: Lengths): XyChart {
  const results = all.filter((result): result is Detailed => result.detail !== undefined)
  const single = results.length === 1 ? results[0] : undefined
  const series =
    single === undefined
      ? results.map((result) => line(labelOf(result), of.bins(result.detail), 'p50_ms'))
      : [
          line('Median', of.bins(single.detail), 'p50_ms'),
          line('P90', of.bins(single.detail), 'p90_ms'),
          { ...sample(single.detail, of), behind: 0 },
        ]
  const values = (axis: 'x' | 'y') => series.flatMap((each) => [...each[axis]])
  const sampled =
    single === undefined || single.detail.sample.of === single.detail.sample.ttft_ms.length
      ? ''
      : `; dots are ${single.detail.sample.ttft_ms.length} of ${single.detail.sample.of} requests`
  return {
    type: 'xy',
    id: of.id,
    title: of.title,
    summary: `${of.title}: median of each range of lengths${sampled}.`,
    x: { ...fittingAxis(of.lengthTitle, 'number', values('x')) },
    y: fittingAxis(
      single === undefined ? `Median ${of.latencyTitle}` : of.latencyTitle,
      'ms',
      values('y'),
    ),
    series,
    readAlong: 'x',
    table: binTable(results, of),
  }
}

function line(name: string, bins: readonly LengthBin[], key: 'p50_ms' | 'p90_ms'): XySeries {
  return {
    name,
    draw: 'line',
    x: bins.map(({ from_tokens, to_tokens }) => Math.round((from_tokens + to_tokens) / 2)),
    y: bins.map((bin) => bin[key]),
  }
}

function sample(detail: RunDetail, of: Lengths): XySeries {
  return { name: 'Requests', draw: 'points', x: of.lengths(detail), y: of.latencies(detail) }
}

function binTable(results: readonly Detailed[], of: Lengths): Table {
  return tableOf(
    ['Algorithm', of.lengthTitle],
    ['Requests', 'Median', 'P90'],
    results.flatMap((result) =>
      of
        .bins(result.detail)
        .map((bin) => [
          labelOf(result),
          bin.from_tokens === bin.to_tokens
            ? String(bin.from_tokens)
            : `${bin.from_tokens} to ${bin.to_tokens}`,
          String(bin.count),
          formatValue(bin.p50_ms, 'ms'),
          formatValue(bin.p90_ms, 'ms'),
        ]),
    ),
  )
}
