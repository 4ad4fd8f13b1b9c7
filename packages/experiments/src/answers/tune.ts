import type { RunSummary } from '@routesim/metrics'
import { configSource } from '../config/config-source.js'
import type { Config } from '../config/schema.js'
import { loadNotes } from '../notes/load-notes.js'
import { blamingConfig } from '../run/blame-config.js'
import {
  type ConfiguredRouter,
  configured,
  type SingleChoice,
  specAround,
} from '../run/resolve-algorithms.js'
import type { Axis, Setting } from '../sweep/design.js'
import { TrafficStore } from '../sweep/traffic.js'
import { judgedMetric } from './judged-metrics.js'
import { pairedDifference } from './paired-difference.js'
import type { Sample } from './paired-samples.js'
import { executeTrials, summariesOf, summaryOf, type TrialResult } from './run-trials.js'
import {
  configWith,
  describeSearch,
  prepareSearch,
  type SearchOptions,
  searchInvalid,
} from './search-options.js'
import {
  type Constraint,
  meanOf,
  parseConstraint,
  type Score,
  scoreOf,
  violationOf,
} from './tune-objective.js'
import type { TunedParameter, TuneReport } from './tune-report.js'
import { type Sensitivity, searchPoint, type Tried } from './tune-search.js'
import { type Dimension, type Point, tuneSpace } from './tune-space.js'
import { splitTraffic } from './tune-traffic.js'
import { tuneVerdict } from './tune-verdict.js'
import { checkWindows, trialOf } from './whatif.js'

/** Options of {@link tune}. */
export interface TuneOptions extends SearchOptions {
  /** What is tuned; parameters that it is given stay as they are. */
  readonly algorithm: SingleChoice
  /** Number of a result that is to be as good as possible; `ttft.p99` by default. */
  readonly objective?: string | undefined
  /**
   * Bounds such as `requests_per_sec>=99%` (of what the default has) or `tbt.p99<=50`; by default as
   * many completed requests as without tuning, and 99 % of the throughput.
   */
  readonly subjectTo?: readonly string[] | undefined
  /** Parameters to tune; all by default. */
  readonly only?: readonly string[] | undefined
  /** Where to look for a parameter, instead of what its definition allows. */
  readonly ranges?: Readonly<Record<string, Axis>> | undefined
  /** Points that the search begins with; 27 by default. */
  readonly candidates?: number | undefined
  /** Share of a trace that is held out; 0.5 by default. */
  readonly holdout?: number | undefined
  /** Windows of what is held out, or seeds of generated traffic, that are compared; 8 by default. */
  readonly windows?: number | undefined
}

const DEFAULT_BOUNDS = ['completed_requests>=100%', 'requests_per_sec>=99%']
const DEFAULT_CANDIDATES = 27
const MOST_CANDIDATES = 10_000

/**
 * Finds parameters of an algorithm for some traffic: successive halving, then a local search. The end
 * of a trace, or other seeds of generated traffic, is held out, and what is gained there over the
 * default is told with its interval.
 *
 * @throws RouteSimError `search_invalid` when there is nothing to tune or too little traffic
 *
 * @example
 * const { spec, verdict } = await tune({
 *   config: 'configs/mooncake.toml',
 *   trace: 'conversation_trace.jsonl.gz',
 *   algorithm: 'dynamo_kv',
 * })
 */
export async function tune(options: TuneOptions): Promise<TuneReport> {
  const { holdout = 0.5, windows, candidates = DEFAULT_CANDIDATES } = options
  check(holdout, windows, candidates)
  const objective = judgedMetric(options.objective ?? 'ttft.p99', 'objective')
  const constraints = (options.subjectTo ?? DEFAULT_BOUNDS).map(parseConstraint)
  const source = await configSource(options.config)
  const prepared = prepareSearch(options, source.config, 1)
  const config = configWith(source, prepared, {}, options.slo)
  const base = configured(options.algorithm)
  const initial = initialPoint(base, config)
  const { definition, parameters: given = {} } = base
  const fixed = new Set(Object.keys(given).filter((name) => name !== 'preset'))
  const space = { definition, initial, fixed, only: options.only, ranges: options.ranges ?? {} }
  const dimensions = tuneSpace(space)
  const store = new TrafficStore({ ...options, configPath: source.path })
  const traffic = await splitTraffic(config, store, prepared, { holdout, windows })
  if (options.holdout !== undefined && traffic.pairs === 'seeds') {
    const expected = 'nothing beside generated traffic, of which other seeds are held out'
    throw searchInvalid('holdout', expected, holdout)
  }
  const choiceOf = choices(base, options.algorithm, dimensions)

  let runs = 0
  const simulate = async (
    points: readonly Point[],
    samples: readonly Sample[],
  ): Promise<TrialResult[][]> => {
    const trials = points.flatMap((point) =>
      samples.map((sample) => trialOf({ config, choice: choiceOf(point) }, sample)),
    )
    const progress = { done: runs, expected: candidates * 2 + dimensions.length * 20 }
    const found = await executeTrials(trials, { ...prepared, progress })
    runs += trials.length
    return points.map((_, i) =>
      found.slice(i * samples.length, (i + 1) * samples.length).map(([run]) => run!),
    )
  }

  const defaultPoint = pointOf(initial, dimensions)
  const defaults = new Map<number, readonly RunSummary[]>()
  const tried: Tried[] = []
  const { best, sensitivity } = await searchPoint({
    dimensions,
    initial: [defaultPoint, ...presetPoints(base, initial, dimensions)],
    candidates,
    shares: traffic.shares,
    seed: prepared.seeds[0]!,
    async score(points, share) {
      if (points.length === 0) return []
      if (!defaults.has(share)) {
        const [found] = await simulate([defaultPoint], traffic.training(share))
        defaults.set(share, summariesOf(found!))
      }
      const found = await simulate(points, traffic.training(share))
      return found.map((own) =>
        scoreOf(summariesOf(own), defaults.get(share)!, objective, constraints),
      )
    },
    onTried: (each) => tried.push(each),
  })

  const value = (score: Score): number | null =>
    Number.isFinite(score.objective)
      ? score.objective * (objective.better === 'low' ? 1 : -1)
      : null
  const training = summariesOf((await simulate([best], traffic.training(1)))[0]!)
  const pairs = await simulate([defaultPoint, best], traffic.heldOut)
  const whole = pairs.map(summariesOf)
  const found = {
    algorithm: base.label ?? definition.name,
    objective,
    subject_to: constraints.map(({ text }) => text),
    parameters: dimensions.map((dimension) => tunedParameter(dimension, best, definition)),
    spec: specOf(base, best, dimensions),
    training: {
      // The seeds of a trace meet the same requests at other times.
      requests: measuredIn(traffic.pairs === 'windows' ? training.slice(0, 1) : training),
      before: meanOf(defaults.get(1)!, objective.path),
      tuned: meanOf(training, objective.path),
    },
    held_out: {
      pairs: traffic.pairs,
      requests: measuredIn(whole[0]!),
      before: meanOf(whole[0]!, objective.path),
      tuned: meanOf(whole[1]!, objective.path),
      gain: pairedDifference(objective, pairs[0]!, pairs[1]!),
      broken: brokenBounds(constraints, whole[1]!, whole[0]!),
    },
    sensitivity: sensitivityOf(sensitivity, value),
    tried: tried.map(({ point, score, stage, share }) => ({
      ...{ stage, share, parameters: point },
      objective: value(score),
      breaks: score.violation > 0,
    })),
    runs,
  }
  const described = await describeSearch(config, store, undefined, prepared)
  const isTuned = dimensions.some(({ name, initial }) => best[name] !== initial)
  const named = [
    summaryOf(pairs[0]!, found.algorithm),
    ...(isTuned ? [summaryOf(pairs[1]!, found.spec)] : []),
  ]
  const scenario = { ...described, notes: [...described.notes, ...loadNotes(named, described)] }
  return { scenario, ...found, verdict: tuneVerdict(found) }
}

/** Requests that runs measured, warm-ups left out. */
function measuredIn(runs: readonly RunSummary[]): number {
  return runs.reduce((sum, { total_requests: measured }) => sum + measured, 0)
}

function check(holdout: number, windows: number | undefined, candidates: number): void {
  if (!(holdout >= 0.05 && holdout <= 0.95)) {
    throw searchInvalid('holdout', 'a number from 0.05 to 0.95', holdout)
  }
  checkWindows(windows)
  if (!(Number.isInteger(candidates) && candidates >= 1 && candidates <= MOST_CANDIDATES)) {
    throw searchInvalid('candidates', `an integer from 1 to ${MOST_CANDIDATES}`, candidates)
  }
}

/** The values of all parameters without tuning. */
function initialPoint({ definition, parameters = {} }: ConfiguredRouter, config: Config): Point {
  const { name, presets } = definition
  const { preset, ...given } = parameters
  const chosen = preset === undefined ? config.algorithms[name] : presetValues(presets, preset)
  const defaults = Object.entries(definition.parameters).map(([key, each]) => [key, each.default])
  const point = { ...Object.fromEntries(defaults), ...chosen, ...given } as Point
  // Says what is wrong with them.
  blamingConfig([{ definition, parameters }], () => definition.create({ ...chosen, ...given }))
  return point
}

function presetValues(
  presets: ConfiguredRouter['definition']['presets'],
  preset: unknown,
): Readonly<Record<string, unknown>> | undefined {
  return presets[String(preset).replaceAll('-', '_')]?.parameters
}

function pointOf(values: Point, dimensions: readonly Dimension[]): Point {
  return Object.fromEntries(dimensions.map(({ name }) => [name, values[name]!]))
}

/** What the presets of the router say of the parameters that are tuned, as far as it is within range. */
function presetPoints(
  { definition }: ConfiguredRouter,
  initial: Point,
  dimensions: readonly Dimension[],
): Point[] {
  return Object.values(definition.presets).flatMap(({ parameters }) => {
    const point = pointOf({ ...initial, ...(parameters as Point) }, dimensions)
    const isWithin = dimensions.every(({ name, at, shareOf, values }) => {
      const own = point[name]!
      if (own === initial[name]) return true
      return values === undefined ? near(at(shareOf(own)), own) : values.includes(own)
    })
    return isWithin ? [point] : []
  })
}

function near(a: Setting, b: Setting): boolean {
  return Math.abs(Number(a) - Number(b)) <= 1e-6 * Math.abs(Number(b))
}

/** Routers of points, each with a name of its own. */
function choices(
  { definition, parameters, file, around }: ConfiguredRouter,
  untuned: SingleChoice,
  dimensions: readonly Dimension[],
): (point: Point) => SingleChoice {
  let made = 0
  return (point) =>
    dimensions.every(({ name, initial }) => point[name] === initial)
      ? untuned
      : {
          definition,
          parameters: { ...parameters, ...point },
          label: `${definition.name} no. ${++made}`,
          ...(file !== undefined && { file }),
          ...(around !== undefined && { around }),
        }
}

/** The algorithm as a command line names it, with what differs from before. */
function specOf(base: ConfiguredRouter, best: Point, dimensions: readonly Dimension[]): string {
  const { definition, parameters = {}, file, around = [] } = base
  const changed = dimensions.filter(({ name, initial }) => best[name] !== initial)
  const values = {
    ...parameters,
    ...Object.fromEntries(changed.map(({ name }) => [name, best[name]])),
  }
  const words = Object.entries(values).map(([name, value]) => `${name}=${value}`)
  const name = file ?? definition.name
  return specAround(words.length === 0 ? name : `${name}:${words.join()}`, around)
}

function tunedParameter(
  { name, initial, range, values, shareOf }: Dimension,
  best: Point,
  { parameters }: ConfiguredRouter['definition'],
): TunedParameter {
  const tuned = best[name]!
  const share = shareOf(tuned)
  const isAtEnd = values === undefined && tuned !== initial && (share <= 0 || share >= 1)
  const { min, max } = parameters[name] as { readonly min?: number; readonly max?: number }
  const isLast = [min, max].some((bound) => bound !== undefined && near(tuned, bound))
  return { name, before: initial, tuned, range, is_at_end: isAtEnd && !isLast }
}

function brokenBounds(
  constraints: readonly Constraint[],
  tuned: readonly RunSummary[],
  defaults: readonly RunSummary[],
): string[] {
  return constraints
    .filter((constraint) => violationOf(constraint, tuned, defaults) > 0)
    .map(({ text }) => text)
}

function sensitivityOf(
  found: readonly Sensitivity[],
  value: (score: Score) => number | null,
): TuneReport['sensitivity'] {
  const all = found.map(({ name, tried }) => {
    const scores = tried.map(({ score }) => score.objective).filter(Number.isFinite)
    const [least, most] = [Math.min(...scores), Math.max(...scores)]
    const share = most === least ? 0 : (most - least) / Math.abs(least)
    const effect = scores.length < 2 || !Number.isFinite(share) ? null : share
    const rows = tried.map((each) => ({
      value: each.value,
      objective: value(each.score),
      breaks: each.score.violation > 0,
    }))
    return { name, effect, tried: rows.sort(byValue) }
  })
  return all.sort((a, b) => (b.effect ?? 0) - (a.effect ?? 0))
}

function byValue(a: { readonly value: Setting }, b: { readonly value: Setting }): number {
  return typeof a.value === 'number' && typeof b.value === 'number' ? a.value - b.value : 0
}
