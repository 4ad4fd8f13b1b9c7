import type { Spread, TraceAnalysis } from '@routesim/traces'
import { durationText } from './duration.js'
import { alignedTable, type Column, figureColumns } from './table.js'
import { counted, thousands } from './thousands.js'

const BARS = ' ▁▂▃▄▅▆▇█'
const CHART_COLUMNS = 60

const SPREADS = [
  ['Input length', 'inputLength'],
  ['Context length', 'contextLength'],
  ['Unique prompt length', 'uniquePromptLength'],
  ['Output length', 'outputLength'],
  ['Theoretical hit rate', 'theoreticalHitRate'],
] as const

const FIGURES = ['mean', 'sd', 'min', 'p25', 'median', 'p75', 'max'] as const
const MOST_WANTED = ['median', 'mean', 'max', 'min', 'p75', 'p25', 'sd']
const RATE_LABEL = '  rate  '

/** What a trace is, for a terminal. */
export function traceAnalysisText(
  analysis: TraceAnalysis,
  maxWidth: number = Number.POSITIVE_INFINITY,
): string {
  const { requests, arrivals, prefixes, sessions, blockTokens } = analysis
  const columns: Column[] = [{ title: '', align: 'left' }, ...figureColumns(FIGURES, MOST_WANTED)]
  const rows = SPREADS.map(([title, name]) => [title, ...figures(analysis[name])])
  const seconds = (ms: number): string => `${short(ms / 1000)} s`
  const span = (ms: number): string =>
    ms < 120_000 ? seconds(ms) : `${seconds(ms)} (${durationText(ms)})`
  const lines = [
    `${counted(requests, 'request')} over ${span(arrivals.spanMs)}, ${thousands(arrivals.distinctTimes)} distinct times; blocks of ${blockTokens} tokens`,
    '',
    alignedTable(columns, rows, maxWidth),
    '',
    `Hit rate of prompts in one cache without limit, answers left aside: ${percent(analysis.blockHitRate)} of blocks, ${percent(analysis.tokenHitRate)} of tokens`,
    `Arrivals: ${short(arrivals.meanRateRps)}/s, CV of gaps ${short(arrivals.gapCv)} (Poisson 1), dispersion ${short(arrivals.dispersion)}, autocorrelation ${arrivals.autocorrelation.slice(0, 3).map(short).join(' ')}`,
    `${RATE_LABEL}${chart(folded(arrivals.perBin, Math.min(CHART_COLUMNS, maxWidth - RATE_LABEL.length)))}`,
    `Prefixes: ${thousands(prefixes.distinctBlocks)} distinct blocks, ${prefixes.groups} groups of ${thousands(prefixes.groupedRequests)} requests, Zipf ${short(prefixes.zipfExponent)}; blocks between two uses: median ${short(prefixes.reuseDistance.median)}, p90 ${short(prefixes.reuseDistance.p90)}`,
    ...cacheLines(analysis, maxWidth),
  ]
  if (sessions.sessions > 0) {
    lines.push(
      `Sessions: ${thousands(sessions.sessions)}, turns mean ${short(sessions.turns.mean)}, max ${sessions.turns.max}; ${seconds(sessions.turnGapMs.median)} from turn to turn (median), ${short(sessions.newTokens.median)} new tokens`,
    )
  }
  return lines.join('\n')
}

function cacheLines({ prefixes, blockHitRate }: TraceAnalysis, maxWidth: number): string[] {
  if (blockHitRate === 0) return []
  const columns = [
    { title: 'LRU cache of', align: 'right' as const },
    { title: 'finds', align: 'right' as const },
    { title: '', align: 'left' as const },
  ]
  const rows = prefixes.cache.map(({ tokens, hitRate }) => [
    `${thousands(tokens)} tokens`,
    percent(hitRate),
    '█'.repeat(Math.round((hitRate / blockHitRate) * 30)),
  ])
  return [alignedTable(columns, rows, maxWidth)]
}

function figures(spread: Spread): string[] {
  return FIGURES.map((name) => short(spread[name]))
}

function folded(counts: readonly number[], most: number): number[] {
  const per = Math.ceil(counts.length / Math.max(1, most))
  return Array.from({ length: Math.ceil(counts.length / Math.max(1, per)) }, (_, i) =>
    counts.slice(i * per, (i + 1) * per).reduce((sum, count) => sum + count, 0),
  )
}

function chart(counts: readonly number[]): string {
  const most = Math.max(1, ...counts)
  return counts.map((count) => BARS[Math.round((count / most) * (BARS.length - 1))]).join('')
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)}%`
}

function short(value: number): string {
  const digits = Math.abs(value) >= 100 ? 1 : 3
  // No -0 of what rounds to 0.
  return value.toLocaleString('en-US', { maximumFractionDigits: digits, signDisplay: 'negative' })
}
