import type { CapacityAnswer, CapacityReport } from './capacity-report.js'

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

function sentenceOf(answer: CapacityAnswer, name: string, { find, attainment }: Found): string {
  const { meets, misses, usd_per_hour: price, problem } = answer
  if (problem !== null) return `${name} can not be tried: ${problem}`
  const goal = `${Number((attainment * 100).toPrecision(4))}% within their targets`
  const why = reason(answer, attainment)
  if (find === 'rate') {
    if (meets === null) return `${name}: no rate down to ${rps(misses!)} leaves ${goal}${why}`
    if (misses === null)
      return `${name} still has ${goal} at ${rps(meets)}, the most that was tried`
    return `${name} carries ${rps(meets)} with ${goal}, and not ${rps(misses)}${why}`
  }
  const cost = price === null ? '' : `, $${price.toFixed(2)}/h`
  if (meets === null) return `${name}: no fleet of up to ${misses} backends has ${goal}${why}`
  if (misses === null)
    return `${name}: ${backends(meets)} ${meets === 1 ? 'is' : 'are'} enough for ${goal}${cost}`
  return `${name} needs ${backends(meets)} for ${goal}${cost}; ${misses} ${misses === 1 ? 'is' : 'are'} too few${why}`
}

/** Why the nearest value that misses does so. */
function reason({ probes, misses }: CapacityAnswer, attainment: number): string {
  const probe = probes.find(({ value }) => value === misses)
  if (probe === undefined) return ''
  if (1 - probe.oversized < attainment) {
    return ` (${percent(probe.oversized)} have more tokens than the KV cache of their backend holds)`
  }
  const share = `${percentBelow(probe.attainment, attainment)} within targets`
  return probe.saturation === 'overloaded' ? ` (overloaded: ${share} so far)` : ` (${share})`
}

/** Who carries most, unless their intervals, or those of their seeds, overlap. */
function largest(
  answers: readonly CapacityAnswer[],
  name: (answer: CapacityAnswer) => string,
): string[] {
  const known = answers.filter(({ meets, misses }) => meets !== null && misses !== null)
  const [first, second] = [...known].sort((a, b) => b.meets! - a.meets!)
  if (first === undefined || second === undefined) return []
  const low = Math.min(first.meets!, ...ends(first, 'meets'))
  const high = Math.max(second.misses!, ...ends(second, 'misses'))
  if (low <= high) {
    const why =
      first.per_seed.length > 1 ? 'within the interval and the seeds' : 'within the interval'
    return [`No significant difference between ${name(first)} and ${name(second)}: ${why}.`]
  }
  const share = Math.round((first.meets! / second.meets! - 1) * 100)
  return [`${name(first)} carries most, ${share}% more than ${name(second)}.`]
}

function ends({ per_seed }: CapacityAnswer, side: 'meets' | 'misses'): number[] {
  return per_seed.flatMap((seed) => seed[side] ?? [])
}

function cheapest(
  answers: readonly CapacityAnswer[],
  name: (answer: CapacityAnswer) => string,
): string[] {
  const priced = answers.filter(({ usd_per_hour }) => usd_per_hour !== null)
  const [first, second] = [...priced].sort((a, b) => a.usd_per_hour! - b.usd_per_hour!)
  if (first === undefined) return []
  const fleet = `${first.backends} x ${name(first)} at $${first.usd_per_hour!.toFixed(2)}/h`
  if (second === undefined) return [`Only one can do it: ${fleet}.`]
  if (first.usd_per_hour === second.usd_per_hour) {
    return [
      `${name(first)} and ${name(second)} cost the same, $${first.usd_per_hour!.toFixed(2)}/h.`,
    ]
  }
  const share = Math.round((1 - first.usd_per_hour! / second.usd_per_hour!) * 100)
  return [`The cheapest is ${fleet}, ${share}% below the next, ${name(second)}.`]
}

/** A share that misses the goal, in as many digits as it takes to see that it does. */
function percentBelow(share: number, goal: number): string {
  const text = (digits: number): string => `${Number((share * 100).toPrecision(digits))}%`
  const digits = [3, 4, 5, 6].find(
    (each) => share >= goal || Number.parseFloat(text(each)) < goal * 100,
  )
  return text(digits ?? 7)
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))}%`
}

function rps(value: number): string {
  return `${Number(value.toPrecision(4))} requests/s`
}

function backends(count: number): string {
  return `${count} ${count === 1 ? 'backend' : 'backends'}`
}
