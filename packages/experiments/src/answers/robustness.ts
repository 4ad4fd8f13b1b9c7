import { configSource } from '../config/config-source.js'
import { chosenOrNamed } from '../routers/load-choice.js'
import { metric } from '../run/metric.js'
import { type AlgorithmChoice, labelOfChoice } from '../run/resolve-algorithms.js'
import { TrafficStore } from '../sweep/traffic.js'
import { toVisibility } from '../visibility/resolve-visibility.js'
import { type JudgedMetric, judgedMetric } from './judged-metrics.js'
import { kendallTau } from './kendall-tau.js'
import { latencyVariants } from './latency-variants.js'
import { robustnessVerdict } from './robustness-verdict.js'
import { runTrials, type Trial } from './run-trials.js'
import {
  configWith,
  prepareSearch,
  type SearchOptions,
  searchInvalid,
  visibilityTable,
} from './search-options.js'

/** Options of {@link robustness}. */
export interface RobustnessOptions extends Omit<SearchOptions, 'visibility'> {
  /** Those of the config's `compare.algorithms` by default, else all built-in ones. */
  readonly algorithms?: readonly AlgorithmChoice[] | undefined
  /** Number of a result by which algorithms are ranked; `ttft.p99` by default. */
  readonly by?: string | undefined
  /** What routers see, beside what the config says; four profiles from everything to nothing by default. */
  readonly visibility?: string | readonly string[] | undefined
}

/** Step times and a visibility under which algorithms were ranked. */
export interface RobustnessSetting {
  readonly latency: string
  readonly visibility: string
  /** By algorithm, means over the seeds; null when nothing was there to measure under one of them. */
  readonly values: readonly (number | null)[]
  /** By algorithm, 1 for the best; equal ones share the better rank, and one without a value has none. */
  readonly ranks: readonly (number | null)[]
  /** Kendall's tau-b between this order and the one as configured, of those with a rank in both; null where all are equal. */
  readonly tau: number | null
}

/** How an algorithm ranks over all settings and seeds. */
export interface RobustnessRank {
  readonly algorithm: string
  /** Settings and seeds in which it is first, of all. */
  readonly first: number
  readonly cases: number
  /** Over the cases in which it has one; null when it has none. */
  readonly mean_rank: number | null
  readonly best_rank: number | null
  readonly worst_rank: number | null
}

/** What {@link robustness} found. */
export interface RobustnessReport {
  readonly by: JudgedMetric
  readonly algorithms: readonly RobustnessRank[]
  /** The first is as configured. */
  readonly settings: readonly RobustnessSetting[]
  /** Over the settings that differ from the config. */
  readonly tau: { readonly mean: number | null; readonly min: number | null }
  /** Simulations that were run. */
  readonly runs: number
  /** Plain sentences. */
  readonly verdict: readonly string[]
}

/** From everything at once to nothing. */
const PROFILES = ['exact', 'llm-d', 'production-stack', 'local-only']

/**
 * How much a ranking of algorithms depends on what is not known for sure: how long steps take, and what
 * routers get to see. Ranks them under every combination of these and under every seed.
 *
 * @throws RouteSimError `search_invalid` when there are fewer than two algorithms, or no run has the number
 *
 * @example
 * const { algorithms } = await robustness({
 *   config: 'configs/default.toml',
 *   algorithms: ['round_robin', 'prefix_overlap'],
 * })
 */
export async function robustness(options: RobustnessOptions): Promise<RobustnessReport> {
  const { by, source, choices } = await toRank(options)
  const { visibility, ...others } = options
  const prepared = prepareSearch(others, source.config, 1)
  const traffic = new TrafficStore({ ...options, configPath: source.path })
  const own = toVisibility(source.config.visibility).name
  const profiles = [visibility ?? PROFILES].flat().filter((spec) => spec !== own)
  const views = [
    { name: own, settings: {} },
    ...profiles.map((spec) => ({ name: spec, settings: { visibility: visibilityTable(spec) } })),
  ]
  const grid = latencyVariants(source.config).flatMap((latency) =>
    views.map((view) => ({ latency, view })),
  )
  const { seeds } = prepared
  const trials = grid.flatMap(({ latency, view }): Trial[] => {
    const settings = { ...latency.settings, ...view.settings }
    const config = configWith(source, prepared, settings, options.slo)
    const label = `${latency.name}, ${view.name}`
    const { stepCosts } = latency
    return choices.map((choice) => ({
      ...{ label, config, choice, traffic, rate: undefined, seeds, stepCosts },
    }))
  })
  const found = await runTrials(trials, prepared)
  const count = choices.length
  // By setting, then by seed, then by algorithm; infinite where it can not be measured.
  const sign = by.better === 'low' ? 1 : -1
  const costs = grid.map((_, at) =>
    seeds.map((_, seed) =>
      choices.map((_, i) => {
        const { value } = metric(found[at * count + i]![seed]!, by.path)
        return value === null ? Number.POSITIVE_INFINITY : sign * value
      }),
    ),
  )
  if (!costs.flat(2).some(Number.isFinite)) throw unmeasured(by)
  const means = costs.map((bySeed) =>
    choices.map((_, i) => bySeed.reduce((sum, cost) => sum + cost[i]!, 0) / bySeed.length),
  )
  const settings = grid.map(({ latency, view }, at): RobustnessSetting => {
    const values = means[at]!.map((cost) => (Number.isFinite(cost) ? sign * cost : null))
    const ranked = choices.flatMap((_, i) =>
      Number.isFinite(means[0]![i]! + means[at]![i]!) ? i : [],
    )
    const [before, after] = [means[0]!, means[at]!].map((all) => ranked.map((i) => all[i]!))
    const tau = kendallTau(before!, after!)
    return { latency: latency.name, visibility: view.name, values, ranks: ranksOf(means[at]!), tau }
  })
  const cases = costs.flatMap((bySeed) => bySeed.map(ranksOf))
  const algorithms = choices.map((choice, i): RobustnessRank => {
    const ranks = cases.flatMap((each) => each[i] ?? [])
    const isRanked = ranks.length > 0
    return {
      algorithm: labelOfChoice(choice),
      first: ranks.filter((rank) => rank === 1).length,
      cases: cases.length,
      mean_rank: isRanked ? ranks.reduce((sum, rank) => sum + rank, 0) / ranks.length : null,
      best_rank: isRanked ? Math.min(...ranks) : null,
      worst_rank: isRanked ? Math.max(...ranks) : null,
    }
  })
  const taus = settings.slice(1).flatMap(({ tau }) => tau ?? [])
  const tau = {
    mean: taus.length === 0 ? null : taus.reduce((sum, value) => sum + value, 0) / taus.length,
    min: taus.length === 0 ? null : Math.min(...taus),
  }
  const report = { by, algorithms, settings, tau, runs: trials.length * seeds.length }
  return { ...report, verdict: robustnessVerdict(report) }
}

/**
 * Whether {@link robustness} can rank, without running anything: for what runs long before it.
 *
 * @throws RouteSimError `search_invalid` when there are fewer than two algorithms, or results have no such number
 *
 * @example
 * await checkRobustness({ config: 'configs/default.toml', by: 'ttft.p50' })
 */
export async function checkRobustness(
  options: Pick<RobustnessOptions, 'config' | 'algorithms' | 'by'>,
): Promise<void> {
  await toRank(options)
}

async function toRank(options: Pick<RobustnessOptions, 'config' | 'algorithms' | 'by'>) {
  const by = judgedMetric(options.by ?? 'ttft.p99', 'by')
  const source = await configSource(options.config)
  const choices = await chosenOrNamed(options.algorithms, source.config.compare.algorithms)
  if (choices.length < 2) throw searchInvalid('algorithms', 'at least two to rank', choices.length)
  return { by, source, choices }
}

/** 1 for the least cost; equal ones share the better rank. */
function ranksOf(costs: readonly number[]): (number | null)[] {
  return costs.map((cost) =>
    Number.isFinite(cost) ? 1 + costs.filter((other) => other < cost).length : null,
  )
}

function unmeasured({ path }: JudgedMetric): Error {
  return searchInvalid(
    'by',
    'a number that the results have',
    `"${path}", which none of them has`,
    path.startsWith('slo.')
      ? 'Give --slo-ttft 500 (ms) or the like, or an [slo] section in the config.'
      : undefined,
  )
}
