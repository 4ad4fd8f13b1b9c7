import {
  type BackendSpec,
  type KvCacheFactory,
  NO_NODE,
  OUTCOME,
  type RequestTable,
  RequestTableBuilder,
  RouteSimError,
  type RunResult,
  simulate,
} from '@routesim/core'
import type { ExperimentsErrorCode } from '../errors.js'
import { BoundedLeastSquares } from './bounded-least-squares.js'
import type { MeasuredRequest } from './measured-request.js'
import type { StepBasis, StepTerm } from './step-basis.js'
import { StepLedger } from './step-ledger.js'

/** What a fit starts from. */
export interface FitOptions {
  readonly basis: StepBasis
  /** The backend that was measured; its latency is replaced. */
  readonly backend: BackendSpec
  /** Says which cached tokens a request finds in the replay. */
  readonly kvCache: KvCacheFactory
  /** All requests the backend served, in order of sending. */
  readonly requests: readonly MeasuredRequest[]
  /** The first so many are fitted to; the times of the others are not looked at. */
  readonly fitted: number
  /** Time between client and scheduler that is expected, in ms. */
  readonly frontEndMs: number
}

/** Parameters of a basis that explain measured times. */
export interface StepFit {
  readonly parameters: readonly number[]
  /** Parameters that the data can not tell: they are what public figures say. */
  readonly fromPhysics: readonly string[]
  readonly frontEndMs: number
  /**
   * Mean absolute error in percent of time to first token, and of the time from first to last of requests
   * that have one; null when none has.
   */
  readonly ttftErrorPercent: number
  readonly decodeErrorPercent: number | null
  /** The same for each request from a fit to the others. */
  readonly leaveOneOutTtftPercent: number
  readonly leaveOneOutDecodePercent: number | null
  /** Measured times, all together, over those that public figures say. */
  readonly timesFigures: number
  /** The replay with the fitted parameters. */
  readonly run: RunResult
}

const ROUNDS = 25
/** Part of the way to the new fit: the batches that a fit saw change with it. */
const DAMPING = 0.6
/** Standard deviations of what public figures say and of a replayed time, in proportion to them. */
const DEVIATION = { figures: 0.3, replayed: 0.03 }
/**
 * A parameter that keeps this part of its prior variance is not told by the data: times that fit move it by
 * 30 % x sqrt(1 - 0.9) = 10 %, but those that do not, to its bound. Of seven of which only a sum is told,
 * one keeps 6 / 7 at most, so that one is left to explain it.
 */
const UNTOLD = 0.9
/** How many times surer public figures are of it then: nothing moves it. */
const HOLD = 1e6

/**
 * Fits step times to request times: a replay says which steps each request waited for, the measured
 * times are then linear in the parameters, and the replay is repeated with the fit until both agree.
 * @throws RouteSimError `measurements_invalid` for a request that the backend does not serve
 */
export function fitSteps(options: FitOptions): StepFit {
  const { basis, fitted } = options
  const expected = [...basis.terms.map((term) => term.expected), options.frontEndMs]
  const least = [...basis.terms.map((term) => term.least), 0]
  const figures = expected.map((value, i) => Math.max(value, least[i]!))
  const problem: Problem = { options, table: requestTable(options.requests), figures, least }
  refuseImpossible(problem)
  const timesFigures = timesOf(problem, figures)
  // Measured times count in parts of themselves: of a backend that is slower still, figures say as much less.
  const slower = Math.max(1, timesFigures / LIKELY_TIMES)
  const deviations = [...basis.terms, { expected: options.frontEndMs }].map(
    (term) => slower * deviationOf(term),
  )
  const free = converged(problem, deviations, figures)
  const priors = priorsAt(free.parameters, figures, deviations)
  const variances = systemOf(free.equations, priors).variances()
  const isTold = priors.map(({ weight }, i) => variances[i]! * weight < UNTOLD)
  const held = deviations.map((deviation, i) => (isTold[i] ? deviation : deviation / HOLD))
  const start = free.parameters.map((value, i) => (isTold[i] ? value : figures[i]!))
  const { parameters, run, equations } = isTold.includes(false)
    ? converged(problem, held, start)
    : free
  const system = systemOf(equations, priorsAt(parameters, figures, held))
  const errors = equations.map((equation) => error(equation, parameters))
  const alone = equations.map((_, i) => leaveOut(system, equations, i, fitted, least, parameters))
  return {
    parameters: parameters.slice(0, -1),
    fromPhysics: basis.terms.flatMap(({ key }, i) => (isTold[i] ? [] : [key])),
    frontEndMs: parameters.at(-1)!,
    ttftErrorPercent: meanPercent(errors.slice(0, fitted))!,
    decodeErrorPercent: meanPercent(errors.slice(fitted)),
    leaveOneOutTtftPercent: meanPercent(alone.slice(0, fitted))!,
    leaveOneOutDecodePercent: meanPercent(alone.slice(fitted)),
    timesFigures,
    run,
  }
}

/** How many times as long as public figures say requests may well take. */
const LIKELY_TIMES = 2
/** A unit taken for another is off by more than this, what figures do not know by less. */
const FAR_OFF = 10

/** @throws RouteSimError `measurements_invalid` when requests were far faster than the peaks of their GPU allow */
function refuseImpossible(problem: Problem): void {
  const times = timesOf(problem, problem.least)
  if (times > 1 / FAR_OFF) return
  throw new RouteSimError<ExperimentsErrorCode>(
    `measurements: expected times that the GPUs of the config allow at their peaks, got times ${(1 / times).toFixed(0)} times shorter`,
    {
      code: 'measurements_invalid',
      hint: 'Look at the unit of the times (ttft_s and e2e_s are seconds, ttft_ms and e2e_ms milliseconds), and at model, gpu and tp of the config.',
    },
  )
}

/** Measured times, all together, over those of a replay with some parameters. */
function timesOf({ options, table }: Problem, parameters: readonly number[]): number {
  const replayed = replay(options, table, parameters)
  checkServed(options.requests, replayed.run)
  const equations = observations(options, replayed)
  const measuredMs = equations.reduce((sum, { ms }) => sum + ms, 0)
  return measuredMs / equations.reduce((sum, { units }) => sum + predicted(units, parameters), 0)
}

/** What does not change while parameters are looked for; the last one is the time of the front end. */
interface Problem {
  readonly options: FitOptions
  readonly table: RequestTable
  /** What public figures say of each parameter, and physics at least. */
  readonly figures: readonly number[]
  readonly least: readonly number[]
}

/** Parameters, the replay under them, and what it says of the measured times. */
interface Converged {
  readonly parameters: readonly number[]
  readonly run: RunResult
  readonly equations: readonly Observation[]
}

/**
 * The fit from `start`, whose replay it agrees with. Batches can change with every fit, and those that come back never
 * settle: of some rounds the one that explains most is taken.
 */
function converged(
  { options, table, figures, least }: Problem,
  deviations: readonly number[],
  start: readonly number[],
): Converged {
  let parameters = start
  let best: Converged | undefined
  let leastMisfit = Number.POSITIVE_INFINITY
  for (let round = 0; round <= ROUNDS; round++) {
    const replayed = replay(options, table, parameters)
    const equations = observations(options, replayed)
    const priors = priorsAt(parameters, figures, deviations)
    const misfit = misfitOf(equations, priors, parameters)
    if (misfit < leastMisfit) {
      best = { parameters, run: replayed.run, equations }
      leastMisfit = misfit
    }
    const from = parameters
    const next = systemOf(equations, priors).solve(least, from)
    parameters = from.map((value, i) => value + DAMPING * (next[i]! - value))
    const change = Math.max(
      ...parameters.map((value, i) => Math.abs(value - from[i]!) / (figures[i]! || 1)),
    )
    if (change < 1e-5) break
  }
  return best!
}

/** What a fit makes least: squares of what is left, of measured times and of public figures. */
function misfitOf(
  equations: readonly Observation[],
  priors: readonly Prior[],
  parameters: readonly number[],
): number {
  const ofTimes = equations.map(
    ({ units, ms, weight }) => weight * (predicted(units, parameters) - ms) ** 2,
  )
  const ofFigures = priors.map(({ value, weight }, i) => weight * (parameters[i]! - value) ** 2)
  return [...ofTimes, ...ofFigures].reduce((sum, each) => sum + each, 0)
}

/** One measured time and the units of every term in it. */
interface Observation {
  readonly units: Float64Array
  readonly ms: number
  readonly weight: number
}

interface Replay {
  readonly run: RunResult
  readonly ledger: StepLedger
}

function replay(
  options: FitOptions,
  requests: RequestTable,
  parameters: readonly number[],
): Replay {
  const { basis } = options
  const ledger = new StepLedger(basis.terms.map((term) => (step) => term.units(step)))
  const run = simulate({
    cluster: {
      backends: [{ ...options.backend, latency: basis.latency(parameters) }],
      kvCache: options.kvCache,
    },
    requests,
    router: { name: 'one', route: (_, cluster) => cluster.backends[0]! },
    seed: 1,
    recorder: {
      stepCompleted: (_, startMs, durationMs, step) => ledger.add(startMs, durationMs, step),
    },
  })
  return { run, ledger }
}

/** What was measured was served; a backend that rejects it is not the one that was measured. */
function checkServed(requests: readonly MeasuredRequest[], run: RunResult): void {
  const { outcome, rejectReason } = run.outcomes
  const row = outcome.findIndex((each) => each !== OUTCOME.completed)
  const request = requests[row]
  if (request === undefined) return
  const { promptTokens, outputTokens, sentMs } = request
  const reason = run.rejectReasons[rejectReason[row]!] ?? 'no end'
  throw new RouteSimError<ExperimentsErrorCode>(
    `measurements: expected requests that the backend of the config serves, got one of ${promptTokens} prompt and ${outputTokens} output tokens, sent at ${sentMs} ms, that it does not (${reason})`,
    {
      code: 'measurements_invalid',
      hint: 'Mend the config where it is not the deployment that was measured (model, gpu, kv_cache_blocks), or take the request out.',
    },
  )
}

/** First-token times of the fitted requests, then their times from the first token to the last. */
function observations({ requests, fitted }: FitOptions, { run, ledger }: Replay): Observation[] {
  const measured = requests.slice(0, fitted)
  const { firstTokenMs, finishedMs } = run.outcomes
  const typicalMs = measured.reduce((sum, { ttftMs }) => sum + ttftMs, 0) / measured.length
  const size = ledger.terms + 1
  const first = measured.map(({ ttftMs }, i) => {
    const units = new Float64Array(size)
    ledger.between(run.sentMs[i]!, firstTokenMs[i]!, units)
    units[size - 1] = 1
    return { units, ms: ttftMs, weight: 1 / (ttftMs + typicalMs) ** 2 }
  })
  const rest = measured.map(({ ttftMs, e2eMs }, i) => {
    const units = new Float64Array(size)
    ledger.between(firstTokenMs[i]!, finishedMs[i]!, units)
    const ms = e2eMs - ttftMs
    return { units, ms, weight: ms > 0 ? 1 / ms ** 2 : 0 }
  })
  return [...first, ...rest]
}

function systemOf(
  equations: readonly Observation[],
  priors: readonly Prior[],
): BoundedLeastSquares {
  const size = priors.length
  const system = new BoundedLeastSquares(size)
  for (const { units, ms, weight } of equations) system.add(units, ms, weight)
  for (const [i, { value, weight }] of priors.entries()) {
    const unit = new Float64Array(size)
    unit[i] = 1
    system.add(unit, value, weight)
  }
  return system
}

/** How far off public figures are, one standard deviation. */
function deviationOf({ expected, deviation }: Pick<StepTerm, 'expected' | 'deviation'>): number {
  return deviation ?? DEVIATION.figures * (expected || 1)
}

/** What public figures say of a parameter, as an equation beside the measured times. */
interface Prior {
  readonly value: number
  readonly weight: number
}

/**
 * What public figures say of parameters that are near some: up to the figure the distance counts, beyond it the
 * logarithm of the ratio, as a backend may be many times slower than its data sheet. Its tangent is linear.
 */
function priorsAt(
  parameters: readonly number[],
  figures: readonly number[],
  deviations: readonly number[],
): Prior[] {
  return figures.map((figure, i) => {
    const deviation = deviations[i]!
    const scale = figure || deviation
    const ratio = Math.max(1, 1 + (parameters[i]! - figure) / scale)
    const at = Math.max(figure, parameters[i]!)
    return {
      value: at - scale * ratio * Math.log(ratio),
      weight: (DEVIATION.replayed / (deviation * ratio)) ** 2,
    }
  })
}

/** Error of one observation under the fit to all observations of other requests. */
function leaveOut(
  system: BoundedLeastSquares,
  equations: readonly Observation[],
  i: number,
  fitted: number,
  least: readonly number[],
  start: readonly number[],
): number {
  const twins = [i, i < fitted ? i + fitted : i - fitted]
  for (const at of twins) {
    const { units, ms, weight } = equations[at]!
    system.add(units, ms, -weight)
  }
  const parameters = system.solve(least, start)
  for (const at of twins) {
    const { units, ms, weight } = equations[at]!
    system.add(units, ms, weight)
  }
  return error(equations[i]!, parameters)
}

/** NaN when there is no time to predict. */
function error({ units, ms }: Observation, parameters: ArrayLike<number>): number {
  return ms > 0 ? predicted(units, parameters) / ms - 1 : Number.NaN
}

function predicted(units: ArrayLike<number>, parameters: ArrayLike<number>): number {
  let ms = 0
  for (let i = 0; i < units.length; i++) ms += units[i]! * parameters[i]!
  return ms
}

/** Of the errors that there are: a request of one token has no time from its first to its last. */
function meanPercent(errors: readonly number[]): number | null {
  const present = errors.filter((each) => !Number.isNaN(each))
  if (present.length === 0) return null
  return (100 * present.reduce((sum, each) => sum + Math.abs(each), 0)) / present.length
}

/** Requests as a workload, the first sent at 0; cached tokens are a prefix, of a stream that all of them share. */
export function requestTable(requests: readonly MeasuredRequest[]): RequestTable {
  const builder = new RequestTableBuilder()
  const originMs = requests[0]?.sentMs ?? 0
  for (const { sentMs, promptTokens, outputTokens, cachedTokens } of requests) {
    builder.add({
      arrivalMs: sentMs - originMs,
      promptTokens,
      outputTokens,
      prefixTokens: cachedTokens,
      promptNode:
        cachedTokens > 0 ? builder.prompts.stream(NO_NODE, 'cached', cachedTokens) : NO_NODE,
    })
  }
  return builder.build()
}
