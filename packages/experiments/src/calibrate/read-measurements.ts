import { readFile } from 'node:fs/promises'
import { RouteSimError } from '@routesim/core'
import { whyUnreadable } from '../config/why-unreadable.js'
import type { ExperimentsErrorCode } from '../errors.js'
import { numberedRows } from '../validation/data/csv-rows.js'
import type { MeasuredRequest } from './measured-request.js'

/** Formats of measurements, as results name them. */
export type MeasurementFormat = 'csv' | 'aiperf' | 'vllm-bench'

/** Requests in order of sending, and where they came from. */
export interface Measurements {
  readonly format: MeasurementFormat
  readonly requests: readonly MeasuredRequest[]
  /** Requests that failed: they are not among the others. */
  readonly failed: number
  /** Requests of which nothing says how much of their prompt was cached: their `cachedTokens` are 0. */
  readonly untoldCached: number
}

/** A request as its line tells it. */
type ToldRequest = Omit<MeasuredRequest, 'cachedTokens'> & {
  readonly cachedTokens: number | undefined
}

type Told = ToldRequest | 'failed'

/**
 * Reads per-request measurements of one backend: CSV, AIPerf's `profile_export.jsonl`, or the JSON of
 * `vllm bench serve --save-detailed`.
 *
 * CSV needs a time of sending (`sent_s`, `arrival_s`, `sent_ms` or `arrival_ms`), `input_tokens`,
 * `output_tokens`, `ttft_s` or `ttft_ms`, and `e2e_s` or `e2e_ms`; `cached_tokens` may be there. AIPerf has
 * them where the engine reports them; vllm bench keeps none (vllm/benchmarks/lib/endpoint_request_func.py at
 * 3aee4a4f).
 * @throws RouteSimError `measurements_invalid`, with the line
 */
export async function readMeasurements(path: string): Promise<Measurements> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw invalid(path, whyUnreadable(cause), cause)
  }
  return parseMeasurements(text, path)
}

/**
 * The same from a text.
 * @param name - what error messages call it
 * @throws RouteSimError `measurements_invalid`
 */
export function parseMeasurements(source: string, name = 'measurements'): Measurements {
  const text = source.replace(/^\uFEFF/, '')
  const isJson = text.trimStart().startsWith('{')
  const isLines = isJson && /^\s*\{.*\}\s*$/.test(text.split('\n', 1)[0]!)
  const format: MeasurementFormat = !isJson
    ? 'csv'
    : isLines && (hasMetrics(text) || text.trim().includes('\n'))
      ? 'aiperf'
      : 'vllm-bench'
  const read = { csv: fromCsv, aiperf: fromAiperf, 'vllm-bench': fromVllmBench }[format]
  const all = read(text, name)
  const told = all.filter((each) => each !== 'failed').sort((a, b) => a.sentMs - b.sentMs)
  const requests = told.map((each) => ({ ...each, cachedTokens: each.cachedTokens ?? 0 }))
  if (requests.length < LEAST_REQUESTS) {
    throw invalid(name, `expected at least ${LEAST_REQUESTS} requests, got ${requests.length}`)
  }
  const untoldCached = told.filter(({ cachedTokens }) => cachedTokens === undefined).length
  return { format, requests, failed: all.length - told.length, untoldCached }
}

/** Fewer can not tell six parameters apart. */
const LEAST_REQUESTS = 8

function hasMetrics(text: string): boolean {
  return /"metrics"\s*:/.test(text.split('\n', 1)[0]!)
}

/** Columns of each field, with what turns their unit into that of the field. */
const COLUMNS = {
  sentMs: { sent_ms: 1, arrival_ms: 1, sent_s: 1000, arrival_s: 1000 },
  promptTokens: { input_tokens: 1, prompt_tokens: 1 },
  outputTokens: { output_tokens: 1 },
  ttftMs: { ttft_ms: 1, ttft_s: 1000 },
  e2eMs: { e2e_ms: 1, e2e_s: 1000, e2el_ms: 1 },
} as const

function fromCsv(text: string, name: string): ToldRequest[] {
  const rows = numberedRows(text)
  if (rows.length === 0) throw invalid(name, 'expected a table with a line per request, got none')
  const columns = Object.keys(rows[0]?.row ?? {})
  return rows.map(({ line, row }) => {
    const where = `${name}:${line}`
    const field = (key: keyof typeof COLUMNS): number => {
      const known: Readonly<Record<string, number>> = COLUMNS[key]
      const column = columns.find((each) => each in known)
      if (column === undefined) {
        throw invalid(`${name}:1`, `expected a column ${Object.keys(known).join(' or ')}, got none`)
      }
      return checked(row[column] ?? '', where, column) * known[column]!
    }
    return request(where, {
      sentMs: field('sentMs'),
      promptTokens: field('promptTokens'),
      outputTokens: field('outputTokens'),
      cachedTokens: row['cached_tokens']
        ? checked(row['cached_tokens'], where, 'cached_tokens')
        : undefined,
      ttftMs: field('ttftMs'),
      e2eMs: field('e2eMs'),
    })
  })
}

/** What the engine says of the prompt tokens that it found in its cache. */
const CACHED_TOKENS = 'usage_prompt_cache_read_tokens'

/**
 * Milliseconds in the units of time that AIPerf has, by its names for them of several versions.
 * Source: ai-dynamo/aiperf, MetricTimeUnit.
 */
const TIME_UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  sec: 1000,
}

function fromAiperf(text: string, name: string): Told[] {
  return text.split(/\r?\n/).flatMap((line, i): Told[] => {
    if (line.trim() === '') return []
    const where = `${name}:${i + 1}`
    const record = json(line, where) as {
      metadata?: Record<string, unknown>
      metrics?: Record<string, unknown>
      error?: unknown
    }
    if (record.error !== undefined && record.error !== null) return ['failed']
    const metric = (key: string): { number: number; unit: unknown } => {
      const found = record.metrics?.[key] as { value?: unknown; unit?: unknown } | undefined
      const number = checked(found?.value ?? found, where, `metrics.${key}`)
      return { number, unit: found?.unit }
    }
    const count = (key: string): number => metric(key).number
    const milliseconds = (key: string): number => {
      const { number, unit = 'ms' } = metric(key)
      const factor = Object.hasOwn(TIME_UNITS, String(unit)) ? TIME_UNITS[String(unit)] : undefined
      if (factor !== undefined) return number * factor
      const known = Object.keys(TIME_UNITS).join(', ')
      const got = JSON.stringify(unit)
      throw invalid(where, `metrics.${key}.unit: expected one of ${known}, got ${got}`)
    }
    const tellsCached = record.metrics?.[CACHED_TOKENS] != null
    return [
      request(where, {
        sentMs:
          checked(record.metadata?.['request_start_ns'], where, 'metadata.request_start_ns') / 1e6,
        promptTokens: count('input_sequence_length'),
        outputTokens: count('output_sequence_length'),
        cachedTokens: tellsCached ? count(CACHED_TOKENS) : undefined,
        ttftMs: milliseconds('time_to_first_token'),
        e2eMs: milliseconds('request_latency'),
      }),
    ]
  })
}

function fromVllmBench(text: string, name: string): Told[] {
  const result = json(text, name) as Record<string, unknown>
  const column = (key: string): readonly unknown[] => {
    const values = result[key]
    if (Array.isArray(values)) return values
    throw invalid(
      name,
      `${key}: expected a list with a value per request, got ${values === undefined ? 'nothing' : JSON.stringify(values)?.slice(0, 40)}`,
      undefined,
      'Run vllm bench serve with --save-detailed; start_times needs a version that records them.',
    )
  }
  const [starts, inputs, outputs, ttfts, itls] = [
    'start_times',
    'input_lens',
    'output_lens',
    'ttfts',
    'itls',
  ].map(column) as [unknown[], unknown[], unknown[], unknown[], unknown[]]
  return starts.map((start, i) => {
    const where = `${name} request ${i}`
    const gaps = itls[i]
    if (!Array.isArray(gaps)) throw invalid(where, 'itls: expected a list of gaps')
    const outputTokens = checked(outputs[i], where, 'output_lens')
    // vllm/benchmarks/serve.py writes it of a request that failed.
    if (outputTokens === 0) return 'failed'
    const ttftMs = checked(ttfts[i], where, 'ttfts') * 1000
    const restMs =
      gaps.reduce((sum: number, gap: unknown) => sum + checked(gap, where, 'itls'), 0) * 1000
    return request(where, {
      sentMs: checked(start, where, 'start_times') * 1000,
      promptTokens: checked(inputs[i], where, 'input_lens'),
      outputTokens,
      cachedTokens: undefined,
      ttftMs,
      e2eMs: ttftMs + restMs,
    })
  })
}

function request(where: string, fields: ToldRequest): ToldRequest {
  const { promptTokens, outputTokens, cachedTokens, ttftMs, e2eMs } = fields
  for (const [what, tokens, least] of [
    ['prompt', promptTokens, 1],
    ['output', outputTokens, 1],
    ['cached', cachedTokens ?? 0, 0],
  ] as const) {
    if (Number.isInteger(tokens) && tokens >= least) continue
    throw invalid(where, `${what} tokens: expected an integer >= ${least}, got ${tokens}`)
  }
  if (!(ttftMs > 0 && e2eMs >= ttftMs)) {
    throw invalid(where, `expected 0 < TTFT <= E2E, got ${ttftMs} and ${e2eMs} ms`)
  }
  return cachedTokens === undefined
    ? fields
    : { ...fields, cachedTokens: Math.min(cachedTokens, promptTokens - 1) }
}

function checked(value: unknown, where: string, what: string): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof number === 'number' && number >= 0 && number < Number.POSITIVE_INFINITY) return number
  throw invalid(where, `${what}: expected a number >= 0, got ${JSON.stringify(value) ?? 'nothing'}`)
}

function json(text: string, where: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value
  } catch (cause) {
    throw invalid(where, `expected JSON: ${(cause as Error).message}`, cause)
  }
  throw invalid(where, 'expected an object')
}

function invalid(where: string, what: string, cause?: unknown, hint?: string): RouteSimError {
  return new RouteSimError<ExperimentsErrorCode>(`${where}: ${what}`, {
    code: 'measurements_invalid',
    path: where,
    hint:
      hint ??
      'Give a CSV with a line per request, AIPerf profile_export.jsonl, or the JSON of vllm bench serve.',
    cause,
  })
}
