import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { aiperfHeader } from '@routesim/experiments'
import { isOnSchedule, type LoadMetrics, loadMetrics, REQUEST_METRICS } from './load-metrics.js'
import type { LoadRun } from './request-measurement.js'

/** Columns of the statistics in the CSV. */
const COLUMNS = [
  'avg',
  'min',
  'max',
  'p1',
  'p5',
  'p10',
  'p25',
  'p50',
  'p75',
  'p90',
  'p95',
  'p99',
  'std',
] as const

/**
 * Writes the files that AIPerf writes of a run: `profile_export_aiperf.json`, `.csv`, and
 * `profile_export.jsonl` with one request a line.
 *
 * @param inputConfig - what the run was asked to be
 */
export async function writeArtifacts(
  folder: string,
  run: LoadRun,
  inputConfig: Readonly<Record<string, unknown>>,
): Promise<LoadMetrics> {
  const metrics = loadMetrics(run)
  const { startedMs, measurements, target } = run
  const endMs = measurements.reduce((most, request) => Math.max(most, request.endMs), 0)
  const errors = new Map<string, number>()
  for (const { error } of measurements) {
    if (error !== undefined) errors.set(error, (errors.get(error) ?? 0) + 1)
  }
  await mkdir(folder, { recursive: true })
  const time = (ms: number): string => new Date(startedMs + ms).toISOString()
  const summary = {
    ...metrics,
    input_config: { target, ...inputConfig },
    was_cancelled: run.wasCancelled === true,
    ...(startedMs === 0 ? {} : { start_time: time(0), end_time: time(endMs) }),
    schedule_degraded: !isOnSchedule(metrics),
    error_summary: [...errors].map(([error, count]) => ({
      error_details: errorDetails(error),
      count,
    })),
  }
  await Promise.all([
    writeFile(
      join(folder, 'profile_export_aiperf.json'),
      `${JSON.stringify(summary, undefined, 2)}\n`,
    ),
    writeFile(join(folder, 'profile_export_aiperf.csv'), csv(metrics)),
    writeFile(join(folder, 'profile_export.jsonl'), `${requestLines(run).join('\n')}\n`),
  ])
  return metrics
}

function csv(metrics: LoadMetrics): string {
  const rows = Object.entries(metrics)
  const distributions = rows.filter(([, { p50 }]) => p50 !== undefined)
  const scalars = rows.filter(([, { p50 }]) => p50 === undefined)
  return [
    ['Metric', ...COLUMNS].join(),
    ...distributions.map(([tag, statistics]) =>
      [aiperfHeader(tag, statistics.unit), ...COLUMNS.map((column) => statistics[column])].join(),
    ),
    '',
    'Metric,Value',
    ...scalars.map(([tag, { unit, avg }]) => [aiperfHeader(tag, unit), avg].join()),
    '',
  ].join('\n')
}

function errorDetails(error: string) {
  const status = /^status (\d+)$/.exec(error)?.[1]
  return { code: status === undefined ? null : Number(status), type: error, message: error }
}

/** Requests in the form of AIPerf's `MetricRecordInfo`, which asks for all of the metadata. */
function requestLines({ measurements, startedMs }: LoadRun): string[] {
  return measurements.map((request) => {
    const metrics = Object.entries(REQUEST_METRICS).flatMap(([tag, { unit, of }]) => {
      const value = of(request)
      return Number.isFinite(value) ? [[tag, { value, unit }]] : []
    })
    const ns = (ms: number): number => Math.round((startedMs + ms) * 1e6)
    const metadata = {
      session_num: request.row,
      turn_index: 0,
      request_start_ns: ns(request.sentMs),
      request_end_ns: ns(request.endMs),
      worker_id: 'routesim',
      record_processor_id: 'routesim',
      benchmark_phase: 'profiling',
      was_cancelled: false,
    }
    const error = request.error === undefined ? null : errorDetails(request.error)
    const own = request.error === undefined ? Object.fromEntries(metrics) : {}
    return JSON.stringify({ metadata, metrics: own, error })
  })
}
