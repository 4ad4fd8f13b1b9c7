import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { traceError } from '../errors/trace-error.js'
import { LARGEST_CV } from './check-arrivals.js'
import type { DistributionSpec } from './distribution.js'
import type { ClientSpec, WorkloadSpec } from './workload-spec.js'

/** Which part of the statistics of ServeGen's clients becomes a workload. */
export interface ServegenOptions {
  readonly seed: number
  /** In seconds of the statistics, from the beginning by default. */
  readonly fromSec?: number | undefined
  /** To the end by default. */
  readonly toSec?: number | undefined
}

/** Windows of rates are of this length. */
const WINDOW_SEC = 600

interface RateWindow {
  readonly atSec: number
  readonly rateRps: number
  readonly cv: number
  readonly kind: 'gamma' | 'weibull'
}

interface LengthWindow {
  readonly atSec: number
  readonly input: ReadonlyMap<number, number>
  readonly output: ReadonlyMap<number, number>
}

/**
 * The clients whose statistics lie in a directory as ServeGen publishes them (`chunk-N-trace.csv` with the
 * rate, coefficient of variation and kind of gaps of every ten minutes, `chunk-N-dataset.json` with
 * lengths), as a mixture. A client keeps its rates; of the kinds and variations of its gaps it has the
 * one of most arrivals and their mean, at most 20; of its lengths the mixture of the time. Those that send
 * nothing in the time, or have no lengths, are left out.
 *
 * @throws RouteSimError `trace_unreadable`, `trace_invalid` with file and line, `trace_empty`
 *
 * @example
 * const spec = await readServegenClients('language/m-small', { seed: 1, fromSec: 36_000, toSec: 39_600 })
 */
export async function readServegenClients(
  directory: string,
  { seed, fromSec = 0, toSec = Number.POSITIVE_INFINITY }: ServegenOptions,
): Promise<WorkloadSpec> {
  let files: string[]
  try {
    files = await readdir(directory)
  } catch (cause) {
    const message = `${directory}: ${(cause as Error).message}`
    throw traceError('trace_unreadable', message, { path: directory, cause })
  }
  const numbers = files
    .flatMap((name) => /^chunk-(\d+)-trace\.csv$/.exec(name)?.[1] ?? [])
    .filter((number) => files.includes(`chunk-${number}-dataset.json`))
    .sort((a, b) => Number(a) - Number(b))
  const clients: ClientSpec[] = []
  let endSec = 0
  for (const number of numbers) {
    const rates = await readRates(join(directory, `chunk-${number}-trace.csv`))
    endSec = Math.max(endSec, (rates.at(-1)?.atSec ?? 0) + WINDOW_SEC)
    const lengths = await readLengths(join(directory, `chunk-${number}-dataset.json`))
    const until = Math.min(toSec, endSec)
    const client = clientOf(`chunk-${number}`, rates, lengths, fromSec, until)
    if (client !== undefined) clients.push(client)
  }
  if (clients.length === 0) {
    throw traceError(
      'trace_empty',
      `${directory}: expected a client that sends from ${fromSec} s to ${toSec} s, found none`,
      {
        path: directory,
        hint: 'Give a directory with chunk-N-trace.csv and chunk-N-dataset.json.',
      },
    )
  }
  return { seed, durationSec: Math.min(toSec, endSec) - fromSec, clients }
}

function clientOf(
  name: string,
  rates: readonly RateWindow[],
  lengths: readonly LengthWindow[],
  fromSec: number,
  toSec: number,
): ClientSpec | undefined {
  const stages: { durationSec: number; rateRps: number }[] = []
  const input = new Map<number, number>()
  const output = new Map<number, number>()
  const arrivals = { gamma: 0, weibull: 0, cv: 0 }
  let atSec = fromSec
  for (const window of rates) {
    const start = Math.max(window.atSec, fromSec)
    const durationSec = Math.min(window.atSec + WINDOW_SEC, toSec) - start
    if (durationSec <= 0) continue
    if (start > atSec) stages.push({ durationSec: start - atSec, rateRps: 0 })
    atSec = start + durationSec
    const of = lengths.findLast((each) => each.atSec <= start)
    const { rateRps, cv } = window
    // Without lengths there is nothing to send.
    const isSilent = of === undefined || of.input.size === 0 || of.output.size === 0
    const expected = isSilent ? 0 : rateRps * durationSec
    stages.push({ durationSec, rateRps: isSilent ? 0 : rateRps })
    if (expected === 0) continue
    arrivals[window.kind] += expected
    arrivals.cv += expected * cv
    addTo(input, of!.input, expected)
    addTo(output, of!.output, expected)
  }
  const total = arrivals.gamma + arrivals.weibull
  if (total === 0) return undefined
  const cv = Math.min(arrivals.cv / total, LARGEST_CV)
  const kind = arrivals.weibull > arrivals.gamma ? 'weibull' : 'gamma'
  return {
    name,
    arrivals: { kind, cv, stages },
    promptTokens: empirical(input),
    outputTokens: empirical(output),
  }
}

function addTo(
  sum: Map<number, number>,
  shares: ReadonlyMap<number, number>,
  weight: number,
): void {
  for (const [tokens, share] of shares) sum.set(tokens, (sum.get(tokens) ?? 0) + share * weight)
}

function empirical(weights: ReadonlyMap<number, number>): DistributionSpec {
  const sorted = [...weights].sort(([a], [b]) => a - b)
  return {
    kind: 'empirical',
    values: sorted.map(([tokens]) => Math.max(tokens, 1)),
    weights: sorted.map(([, weight]) => weight),
  }
}

/** Rows of `seconds,rate,cv,distribution,parameters...`; those of rate 0 are left out. */
async function readRates(path: string): Promise<RateWindow[]> {
  const windows: RateWindow[] = []
  const lines = (await readFile(path, 'utf8')).split(/\r?\n/)
  lines.forEach((line, i) => {
    if (line === '') return
    const [at, rate, cv, kind] = line.split(',')
    const numbers = [at, rate, cv].map((text) => (text === undefined ? Number.NaN : Number(text)))
    const [atSec, rateRps, variation] = numbers as [number, number, number]
    const isFine = numbers.every((number) => number >= 0 && number <= 1e9)
    const isSilent = rateRps === 0
    if (!isFine || (!isSilent && !((kind === 'Gamma' || kind === 'Weibull') && variation > 0))) {
      const expected = 'expected seconds,rate,cv and Gamma or Weibull'
      throw traceError('trace_invalid', `${path}:${i + 1}: ${expected}, got "${line}"`, { path })
    }
    if (atSec < (windows.at(-1)?.atSec ?? 0)) {
      throw traceError('trace_invalid', `${path}:${i + 1}: expected rising seconds, got ${atSec}`, {
        path,
      })
    }
    const lower = kind === 'Weibull' ? 'weibull' : 'gamma'
    windows.push({ atSec, rateRps, cv: variation, kind: lower })
  })
  return windows
}

/** `{"seconds": {"input_tokens": "{tokens: share, ...}", "output_tokens": ...}}`. */
async function readLengths(path: string): Promise<LengthWindow[]> {
  let json: Readonly<Record<string, Readonly<Record<string, unknown>> | null>>
  try {
    json = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    const message = `${path}: not valid JSON: ${(cause as Error).message}`
    throw traceError('trace_invalid', message, { path, cause })
  }
  return Object.entries(json ?? {})
    .map(([seconds, window]) => ({
      atSec: Number(seconds),
      input: sharesOf(`${path}: ${seconds}.input_tokens`, window?.['input_tokens']),
      output: sharesOf(`${path}: ${seconds}.output_tokens`, window?.['output_tokens']),
    }))
    .sort((a, b) => a.atSec - b.atSec)
}

/** Shares by tokens, in the notation of a Python dictionary. */
function sharesOf(at: string, text: unknown): Map<number, number> {
  const shares = new Map<number, number>()
  const body = typeof text === 'string' ? /^\{(.*)\}$/.exec(text.trim())?.[1] : undefined
  if (body === undefined) throw invalidShares(at, text)
  if (body === '') return shares
  for (const pair of body.split(',')) {
    const [tokens, share, ...rest] = pair.split(':').map(Number)
    const isFine = Number.isInteger(tokens) && tokens! >= 0 && tokens! <= 1e9 && share! >= 0
    if (!isFine || share === Number.POSITIVE_INFINITY || rest.length > 0)
      throw invalidShares(at, pair)
    if (share! > 0) shares.set(tokens!, (shares.get(tokens!) ?? 0) + share!)
  }
  return shares
}

function invalidShares(at: string, got: unknown): Error {
  const shown = String(got).slice(0, 40)
  return traceError('trace_invalid', `${at}: expected shares by tokens, got ${shown}`, { path: at })
}
