import { listed } from '../notes/listed.js'
import { TOO_FEW_BEYOND, told, toldDifference } from './told-values.js'
import type { TuneReport } from './tune-report.js'

/** A parameter that changes the objective by less than this share does not matter. */
const MATTERS = 0.01

/** Plain sentences: what tuning gains on traffic that it has not seen, and which parameters matter. */
export function tuneVerdict(
  found: Pick<
    TuneReport,
    'objective' | 'parameters' | 'training' | 'held_out' | 'sensitivity' | 'algorithm'
  >,
): string[] {
  const { objective, parameters, training, held_out: held } = found
  const changed = parameters.filter(({ before, tuned }) => before !== tuned)
  if (changed.length === 0) {
    return [
      `Nothing that was tried is better than ${found.algorithm} as it is, on the traffic that was searched in.`,
      ...(held.broken.length === 0
        ? []
        : [`On what was held out, it breaks ${listed(held.broken)}.`]),
      ...mattering(found),
    ]
  }
  const from = (value: number | null): string =>
    value === null ? 'nothing' : told(value, objective.unit)
  const part = `${training.requests.toLocaleString('en-US')} requests`
  const ends = changed.filter((each) => each.is_at_end).map(({ name }) => name)
  return [
    `On the ${part} that were searched in, ${objective.title} goes from ${from(training.before)} to ${from(training.tuned)}.`,
    gainSentence(found),
    ...(held.broken.length === 0 ? [] : [`There, it breaks ${listed(held.broken)}.`]),
    ...mattering(found),
    ...(ends.length === 0
      ? []
      : [`The best of ${listed(ends)} lies at an end of its range: look beyond with --range.`]),
  ]
}

function gainSentence({
  objective,
  held_out: { gain, pairs, before, tuned, requests },
}: Pick<TuneReport, 'objective' | 'held_out'>): string {
  if (gain === undefined || before === null || tuned === null) {
    return `On what was held out, ${objective.title} could not be measured.`
  }
  const [from, to] = [before, tuned].map((value) => told(value, objective.unit))
  const where = `On the ${requests.toLocaleString('en-US')} requests held out`
  const difference = pairs === 'seeds' ? 'mean difference' : 'difference'
  const over = `${difference} over ${gain.pairs} ${pairs} ${toldDifference(gain)}`
  const figures = `${from} to ${to}; ${over}`
  switch (gain.outcome) {
    case 'better':
      return `${where} it improves from ${figures}.`
    case 'worse':
      return `${where} it does not improve but gets worse, from ${figures}.`
    case 'equal':
      return `${where} it does not improve: nothing differs.`
    case 'unknown':
      return `${where} it goes from ${figures}; without an interval: ${TOO_FEW_BEYOND}.`
    case 'unclear':
      return `${where} it does not improve significantly: ${figures}.`
  }
}

function mattering({
  objective,
  sensitivity,
}: Pick<TuneReport, 'objective' | 'sensitivity'>): string[] {
  const known = sensitivity.filter(({ tried }) => tried.some(({ objective: o }) => o !== null))
  const matter = known.filter(({ effect }) => effect === null || effect >= MATTERS)
  const idle = known.filter((each) => !matter.includes(each)).map(({ name }) => name)
  const told = matter.map(({ name, effect }) =>
    effect === null
      ? name
      : `${name} (${effect >= 10 ? `x${Math.round(effect + 1)}` : `${Math.round(effect * 100)}%`})`,
  )
  return [
    ...(told.length === 0
      ? []
      : [`From best to worst value, ${objective.title} changes with ${listed(told)}.`]),
    ...(idle.length === 0 ? [] : [`Hardly anything depends on ${listed(idle)}.`]),
  ]
}
