import { RouteSimError } from '@routesim/core'
import type { PrefixRatioSeries } from '../charts/prefix-ratio.js'
import type { ReportErrorCode } from '../report-error-code.js'
import type { RatePoint } from '../results/rate-curves.js'
import { labelWith, type ReportedResult } from '../results/reported-result.js'
import type { SampledLoad } from '../results/sampled-load.js'
import type { PredictedFigure } from '../results/validation-result.js'

/** A result file, read as JSON. */
export interface ResultFile {
  /** What the file is called: tells results of equal algorithms apart. */
  readonly name: string
  readonly json: unknown
  /** Share of common prefix of the traffic, where the caller says so. */
  readonly prefixRatio?: number | undefined
}

/** What result files hold, by kind. */
export interface PlottedResults {
  readonly results: readonly (ReportedResult & { readonly prefixRatio?: number | undefined })[]
  readonly points: readonly RatePoint[]
  readonly rows: readonly PredictedFigure[]
  readonly samples: readonly (SampledLoad & { readonly algorithm: string })[]
  readonly ratios: readonly PrefixRatioSeries[]
}

type Json = Readonly<Record<string, unknown>>

/**
 * Sorts out result files: what `run`, `compare`, `sweep` and `validate` write as JSON, samples of
 * backends, and the `results_summary.json` of Dynamo's prefix ratio benchmark or of `bench prefix-ratio`.
 *
 * @throws RouteSimError `result_invalid`
 */
export function readResults(files: readonly ResultFile[]): PlottedResults {
  const results: (ReportedResult & { prefixRatio?: number | undefined })[] = []
  const points: RatePoint[] = []
  const rows: PredictedFigure[] = []
  const samples: (SampledLoad & { algorithm: string })[] = []
  const ratios: PrefixRatioSeries[] = []
  const labels = files.map(labelsIn)
  const isSeries = files.some(({ prefixRatio }) => prefixRatio !== undefined)
  /** With the name of its file, where several files have the same label. */
  const unique = (label: string, name: string): string =>
    !isSeries && labels.filter((own) => own.has(label)).length > 1 ? `${label} (${name})` : label
  for (const file of files) {
    const { name, json, prefixRatio } = file
    if (isObject(json) && 'prefix_ratios' in json) {
      ratios.push(ratioSeries(name, json))
      continue
    }
    const entries = entriesOf(json)
    if (entries.length === 0) throw invalid(name, 'nothing')
    for (const entry of entries) {
      if (!isObject(entry)) throw invalid(name, JSON.stringify(entry))
      if ('predicted' in entry && 'measured' in entry) rows.push(entry as never)
      else if ('time_ms' in entry && 'backend' in entry) {
        samples.push({
          ...(entry as unknown as SampledLoad),
          algorithm: unique(ownLabel(entry), name),
        })
      } else if (!isResult(entry)) throw invalid(name, `an object with ${keysOf(entry)}`)
      else {
        const result = { ...reported(entry), label: unique(ownLabel(entry), name) }
        if (typeof entry['rate'] === 'number') points.push({ ...result, rate: entry['rate'] })
        else results.push({ ...result, prefixRatio })
      }
    }
  }
  return { results, points, rows, samples, ratios }
}

function reported(entry: Json): ReportedResult {
  const { detail, ...result } = entry
  return {
    result: result as unknown as ReportedResult['result'],
    ...(isObject(detail) && { detail: detail as unknown as NonNullable<ReportedResult['detail']> }),
  }
}

/** What the entries of a file are called. */
function labelsIn({ json }: ResultFile): ReadonlySet<string> {
  return new Set(entriesOf(json).filter(isObject).map(ownLabel))
}

function entriesOf(json: unknown): readonly unknown[] {
  return Array.isArray(json) ? json : [json]
}

/** The algorithm and its settings. */
function ownLabel({ algorithm, settings }: Json): string {
  return labelWith(String(algorithm), isObject(settings) ? settings : {})
}

function isResult(entry: Json): boolean {
  return typeof entry['algorithm'] === 'string' && isObject(entry['ttft'])
}

function ratioSeries(name: string, json: Json): PrefixRatioSeries {
  const column = (key: string): number[] => {
    const values = json[key]
    if (Array.isArray(values) && values.every((value) => typeof value === 'number')) return values
    throw invalid(name, `no numbers as ${key}`)
  }
  const { config } = json
  const label = isObject(config) ? config['label'] : undefined
  return {
    label: typeof label === 'string' ? label : name,
    ratios: column('prefix_ratios'),
    ttftMs: column('ttft_values'),
    throughput: column('throughput_values'),
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function keysOf(entry: Json): string {
  const keys = Object.keys(entry)
  return keys.length === 0 ? 'no keys' : keys.slice(0, 4).join(', ')
}

function invalid(name: string, found: string): RouteSimError<ReportErrorCode> {
  return new RouteSimError(
    `${name}: expected results of run, compare, sweep or validate as JSON, got ${found}`,
    {
      code: 'result_invalid',
      path: name,
      hint: 'Write them with -o results.json; with --detail for distributions and timelines.',
    },
  )
}
