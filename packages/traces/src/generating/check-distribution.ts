import { above, atLeast, LARGEST, whole } from './check-numbers.js'
import {
  DISTRIBUTION_KINDS,
  type Distribution,
  type DistributionKind,
  type DistributionSpec,
} from './distribution.js'
import { invalidOption } from './generator-error.js'

/** Values of which a table of probabilities is made. */
const MOST_VALUES = 2 ** 21

type Field = Exclude<keyof DistributionSpec, 'kind'>

/** What each kind must have, and what it may have. */
const FIELDS: Readonly<
  Record<DistributionKind, { readonly must: readonly Field[]; readonly may: readonly Field[] }>
> = {
  fixed: { must: ['value'], may: [] },
  uniform: { must: ['min', 'max'], may: [] },
  normal: { must: ['mean', 'std'], may: ['min', 'max'] },
  lognormal: { must: ['mean', 'std'], may: ['min', 'max'] },
  exponential: { must: ['mean'], may: ['min', 'max'] },
  geometric: { must: ['mean'], may: ['min', 'max'] },
  zipf: { must: ['exponent', 'max'], may: ['min'] },
  empirical: { must: ['values'], may: ['weights', 'min', 'max'] },
}

const ALL_FIELDS = ['value', 'mean', 'std', 'min', 'max', 'exponent', 'values', 'weights'] as const

/**
 * Checks a distribution of which nothing below `least` makes sense.
 * @throws RouteSimError `generator_invalid`
 */
export function checkDistribution(path: string, distribution: Distribution, least: number): void {
  if (typeof distribution === 'number') {
    atLeast(path, distribution, least)
    return
  }
  const { kind } = distribution
  if (!DISTRIBUTION_KINDS.includes(kind)) {
    throw invalidOption(`${path}.kind`, DISTRIBUTION_KINDS.join(', '), kind)
  }
  const { must, may } = FIELDS[kind]
  for (const field of ALL_FIELDS) {
    const given = distribution[field] !== undefined
    if (must.includes(field) && !given) {
      throw invalidOption(`${path}.${field}`, `a value for ${kind}`, undefined)
    }
    if (given && !must.includes(field) && !may.includes(field)) {
      throw invalidOption(`${path}.${field}`, 'nothing', `it with ${kind}`)
    }
  }
  checkRange(path, distribution, least)
}

function checkRange(path: string, d: DistributionSpec, least: number): void {
  const { kind, min, max } = d
  if (min !== undefined) atLeast(`${path}.min`, min, kind === 'zipf' ? Math.max(1, least) : least)
  if (max !== undefined) atLeast(`${path}.max`, max, min ?? least)
  if (d.value !== undefined) atLeast(`${path}.value`, d.value, least)
  if (kind === 'geometric') atLeast(`${path}.mean`, d.mean, 1)
  else if (d.mean !== undefined) atLeast(`${path}.mean`, d.mean, least)
  if (d.std !== undefined) atLeast(`${path}.std`, d.std, 0)
  if (kind === 'zipf') {
    atLeast(`${path}.exponent`, d.exponent, 0)
    const first = min ?? 1
    whole(`${path}.min`, first, 1, LARGEST)
    whole(`${path}.max`, max, first, first + MOST_VALUES - 1)
  }
  if (kind === 'empirical') checkValues(path, d, least)
}

function checkValues(
  path: string,
  { values = [], weights }: DistributionSpec,
  least: number,
): void {
  if (values.length === 0 || values.length > MOST_VALUES) {
    throw invalidOption(`${path}.values`, `1 to ${MOST_VALUES} numbers`, `${values.length} of them`)
  }
  values.forEach((value, i) => {
    atLeast(`${path}.values[${i}]`, value, least)
  })
  if (weights !== undefined) checkWeights(`${path}.weights`, weights, values.length)
}

/** @throws RouteSimError `generator_invalid` unless there is a weight for each, one of them above 0 */
export function checkWeights(path: string, weights: readonly number[], count: number): void {
  if (weights.length !== count) {
    throw invalidOption(path, `${count} weights, one for each`, `${weights.length} of them`)
  }
  weights.forEach((weight, i) => {
    atLeast(`${path}[${i}]`, weight, 0)
  })
  above(
    path,
    weights.reduce((most, weight) => Math.max(most, weight), 0),
    0,
  )
}
