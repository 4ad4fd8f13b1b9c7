import type { TimelineChart } from '../chart/chart.js'
import { tableOf } from '../chart/table.js'
import { formatValue } from '../format/format-value.js'
import { labelOf, type ReportedResult } from '../results/reported-result.js'

const PHASES = ['queue', 'prefill', 'decode'] as const

/**
 * Queue, prefill and decode of the requests of one backend around its worst moment; undefined when
 * there is nothing to show.
 */
export function requestTimelineChart(
  reported: ReportedResult,
  id: string,
): TimelineChart | undefined {
  const timeline = reported.detail?.timeline
  if (timeline === undefined || timeline === null) return undefined
  const { backend, requests } = timeline
  const originMs = Math.min(...requests.map(({ sent_ms }) => sent_ms))
  const rows = requests.map((request) => {
    const { sent_ms, admitted_ms, first_token_ms, finished_ms } = request
    const times = [sent_ms, admitted_ms, first_token_ms, finished_ms]
    const spans = PHASES.flatMap((_, phase) => {
      const [fromMs, toMs] = [times[phase]!, times[phase + 1]!]
      if (fromMs === null || toMs === null || !(toMs > fromMs)) return []
      return [{ phase, fromMs: fromMs - originMs, toMs: toMs - originMs }]
    })
    return { name: String(request.id), spans, request }
  })
  const label = labelOf(reported)
  return {
    type: 'timeline',
    id,
    title: `Requests on backend ${backend}: ${label}`,
    summary: `Queue, prefill and decode of ${requests.length} requests that backend ${backend} admitted one after another, around the one of the whole fleet that waited longest for its first token.`,
    x: { title: 'Time since the first was sent', unit: 'ms', scale: 'linear', min: 0 },
    phases: PHASES,
    rowTitle: 'Request',
    rows: rows.map(({ name, spans }) => ({ name, spans })),
    table: tableOf(
      ['Request'],
      ['Prompt tokens', 'of which cached', 'Output tokens', ...PHASES],
      rows.map(({ name, spans, request }) => [
        name,
        String(request.prompt_tokens),
        String(request.cached_tokens),
        String(request.output_tokens),
        ...PHASES.map((_, phase) => {
          const span = spans.find((each) => each.phase === phase)
          return formatValue(span === undefined ? 0 : span.toMs - span.fromMs, 'ms')
        }),
      ]),
    ),
  }
}
