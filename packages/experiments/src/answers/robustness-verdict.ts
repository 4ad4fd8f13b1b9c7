import { listed } from '../notes/listed.js'
import type { RobustnessReport, RobustnessSetting } from './robustness.js'

/** Orders that agree this well are much the same, or similar. */
const SAME = 0.8
const SIMILAR = 0.5
/** Settings that are named at most. */
const MOST_NAMED = 3

/** Plain sentences: who ranks first how often, and how much the order depends on the setting. */
export function robustnessVerdict({
  by,
  algorithms,
  settings,
  tau,
}: Omit<RobustnessReport, 'verdict'>): string[] {
  const leaders = algorithms
    .filter(({ first }) => first > 0)
    .sort((a, b) => b.first - a.first)
    .slice(0, MOST_NAMED)
  const cases = algorithms[0]!.cases
  const told = leaders.map(({ algorithm, first }, i) => {
    const share = `${Math.round((100 * first) / cases)}%`
    return i === 0
      ? `${algorithm} ranks first by ${by.title} in ${first} of ${cases} cases (${share})`
      : `${algorithm} in ${first} (${share})`
  })
  const [configuredSetting] = settings
  const winners = (ranks: RobustnessSetting['ranks']): string =>
    algorithms.flatMap(({ algorithm }, i) => (ranks[i] === 1 ? algorithm : [])).join(' and ')
  const first = winners(configuredSetting!.ranks)
  const changed = settings.filter(({ ranks }) => !['', first].includes(winners(ranks)))
  const named = changed
    .slice(0, MOST_NAMED)
    .map(({ latency, visibility, ranks }) => `${winners(ranks)} (${latency}, ${visibility})`)
  const more = changed.length - named.length
  return [
    `${told.join(', ')}: a case is a combination of step times, visibility and seed.`,
    ...(tau.mean === null ? [] : [agreement(tau.mean, tau.min!)]),
    first === ''
      ? `As configured, none has a mean ${by.title} over all seeds.`
      : changed.length === 0
        ? `${first} is first as configured, and in every other setting.`
        : `${first} is first as configured; instead, it is ${listed(named)}${more > 0 ? `, and ${more} more settings have another first` : ''}.`,
  ]
}

function agreement(mean: number, min: number): string {
  const kind =
    mean >= SAME ? 'is much the same' : mean >= SIMILAR ? 'is similar' : 'depends on the setting'
  return `The order ${kind}: Kendall's tau against the order as configured is ${mean.toFixed(2)} on average, ${min.toFixed(2)} at least (1 is the same order, 0 unrelated, -1 the reverse).`
}
