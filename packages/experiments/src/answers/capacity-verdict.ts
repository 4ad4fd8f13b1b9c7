import { listed } from '../notes/listed.js'
import { rateText } from '../notes/rate-notes.js'
import type { CapacityAnswer, CapacityReport } from './capacity-report.js'
import { isDealtOut } from './split-text.js'

type Found = Pick<CapacityReport, 'find' | 'rate' | 'attainment' | 'precision' | 'answers'>

/** Plain sentences: what each can do, and which is best as far as the search can tell them apart. */
export function capacityVerdict(found: Found): string[] {
  const { answers, find } = found
  const isPriced = find === 'backends' && new Set(answers.map(({ gpu }) => gpu)).size > 1
  const name = namesOf(answers)
  const told = answers.map((answer) => `${sentenceOf(answer, name(answer), found)}.`)
  const best = isPriced ? cheapest(answers, name) : find === 'rate' ? largest(answers, name) : []
  return [...told, ...best]
}

/** What tells answers apart: the algorithm, the GPU, or both. */
function namesOf(answers: readonly CapacityAnswer[]): (answer: CapacityAnswer) => string {
  const several = (of: (answer: CapacityAnswer) => string): boolean =>
    new Set(answers.map(of)).size > 1
  const hasGpus = several(({ gpu }) => gpu)
  const hasAlgorithms = several(({ algorithm }) => algorithm) || !hasGpus
  return ({ algorithm, gpu }) =>
    [...(hasGpus ? [gpu] : []), ...(hasAlgorithms ? [algorithm] : [])].join(' with ')
}

function sentenceOf(
  answer: CapacityAnswer,
  name: string,
  { find, rate, attainment }: Found,
): string {
  const { meets, misses, bounded_by: bound, usd_per_hour: price, problem } = answer
  const { offered_per_sec: offered } = answer
  if (problem !== null) return `${name} can not be tried: ${problem}`
  const goal = `${Number((attainment * 100).toPrecision(4))}% within their targets`
  const why = reason(answer, attainment)
  if (find === 'rate') {
    if (meets === null) return `${name}: no rate down to ${rps(misses!)} leaves ${goal}${why}`
    if (misses === null)
      return `${name} still has ${goal} at ${came(answer, meets)}, the most that was tried`
    const less = offered === null ? rps(misses) : `when ${rateText(misses)} are asked for`
    return `${name} carries ${came(answer, meets)} with ${goal}, and not ${less}${why}`
  }
  const load = rate === null || offered === null ? '' : ` at ${came(answer, rate)}`
  if (meets === null) return `${name}: no fleet of up to ${misses} backends has ${goal}${why}`
  const fleet = `${backends(meets)}${splitOf(answer)}`
  const cost = price === null ? '' : `, $${price.toFixed(2)}/h`
  if (misses === null || bound !== null) {
    const enough = `${name}: ${fleet} ${meets === 1 ? 'is' : 'are'} enough for ${goal}${load}${cost}`
    return bound === null ? enough : `${enough}; fewer were not tried, because ${bound}`
  }
  return `${name} needs ${fleet} for ${goal}${load}${cost}; ${misses} ${misses === 1 ? 'is' : 'are'} too few${why}`
}

/** How the backends are dealt out, where that is worth a word. */
function splitOf({ fleet }: CapacityAnswer): string {
  return fleet === null ? '' : ` (${fleet})`
}

/** Why the nearest value that misses does so. */
function reason({ probes, meets, misses }: CapacityAnswer, attainment: number): string {
  if (meets !== null && isDealtOut(probes.map(({ split }) => split)))
    return ', however they are split'
  const probe = probes.find(({ value }) => value === misses)
  if (probe === undefined) return ''
  if (1 - probe.oversized < attainment) {
    return ` (${percent(probe.oversized)} have more tokens than any backend takes)`
  }
  const share = `${percentBelow(probe.attainment, attainment)} within targets`
  return probe.saturation === 'overloaded' ? ` (overloaded: ${share} so far)` : ` (${share})`
}

/** Who carries most, unless their intervals, or those of their seeds, overlap. */
function largest(
  answers: readonly CapacityAnswer[],
  name: (answer: CapacityAnswer) => string,
): string[] {
  const known = answers.filter(({ meets }) => meets !== null)
  const [first, ...others] = known.sort((a, b) => b.meets! - a.meets!)
  if (first === undefined || others.length === 0) return []
  const unbounded = known.filter(({ misses }) => misses === null)
  if (unbounded.length > 1) {
    return [`Nothing that was tried tells ${listed(unbounded.map(name))} apart.`]
  }
  const low = Math.min(first.meets!, ...first.per_seed.map(({ meets }) => meets ?? 0))
  const near = others.filter((other) => low <= highOf(other))
  if (near.length > 0) {
    const why =
      first.per_seed.length > 1 ? 'within the interval and the seeds' : 'within the interval'
    return [`No significant difference between ${listed([first, ...near].map(name))}: ${why}.`]
  }
  const [second] = others
  const least = first.misses === null ? 'at least ' : ''
  const cameAt = (answer: CapacityAnswer): number => answer.offered_per_sec ?? answer.meets!
  const share = wholePercent(cameAt(first) / cameAt(second!) - 1)
  return [`${name(first)} carries most, ${least}${share} more than ${name(second!)}.`]
}

/** What is too much under any seed; no end under one that carries all that was tried. */
function highOf({ misses, per_seed }: CapacityAnswer): number {
  const ends = [misses, ...per_seed.map((seed) => seed.misses)]
  return Math.max(...ends.map((end) => end ?? Number.POSITIVE_INFINITY))
}

function cheapest(
  answers: readonly CapacityAnswer[],
  name: (answer: CapacityAnswer) => string,
): string[] {
  // In cents, since sums of prices of backends differ in the last digit.
  const priced = answers
    .filter(({ usd_per_hour }) => usd_per_hour !== null)
    .map((answer) => ({ answer, cents: Math.round(answer.usd_per_hour! * 100) }))
    .sort((a, b) => a.cents - b.cents)
  const [first, second] = priced
  if (first === undefined) return []
  const price = `$${(first.cents / 100).toFixed(2)}/h`
  const fleet = `${first.answer.backends} x ${name(first.answer)}${splitOf(first.answer)} at ${price}`
  if (second === undefined) return [`Only one can do it: ${fleet}.`]
  const equal = priced.filter(({ cents }) => cents === first.cents)
  if (equal.length > 1) {
    return [`${listed(equal.map(({ answer }) => name(answer)))} cost the same, ${price}.`]
  }
  const share = wholePercent(1 - first.cents / second.cents)
  return [`The cheapest is ${fleet}, ${share} below the next, ${name(second.answer)}.`]
}

function wholePercent(share: number): string {
  const rounded = Math.round(share * 100)
  return rounded === 0 ? 'less than 1%' : `${rounded}%`
}

/** A share that misses the goal, in as many digits as it takes to see that it does. */
function percentBelow(share: number, goal: number): string {
  const text = (digits: number): string => `${Number((share * 100).toPrecision(digits))}%`
  const asTold = Number((goal * 100).toPrecision(12))
  const digits = [3, 4, 5, 6].find(
    (each) => share >= goal || Number.parseFloat(text(each)) < asTold,
  )
  return text(digits ?? 7)
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))}%`
}

/** The rate that came, beside the one that was asked for where it is clearly another. */
function came({ offered_per_sec: offered }: CapacityAnswer, asked: number): string {
  if (offered === null) return rps(asked)
  return `${rateText(offered, 3)} requests/s on average (${rateText(asked)} asked for)`
}

function rps(value: number): string {
  return `${rateText(value)} requests/s`
}

function backends(count: number): string {
  return `${count} ${count === 1 ? 'backend' : 'backends'}`
}
