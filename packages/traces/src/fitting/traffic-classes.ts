import type { RequestTable } from '@routesim/core'
import { countsOf } from './fit-popularity.js'
import { rankCorrelation, twoSampleDistance } from './samples.js'
import type { SharedBeginnings } from './shared-beginnings.js'

/** Conversations that become one client, by their numbers. */
export interface TrafficClass {
  readonly members: readonly number[]
  /** Which size of widest beginnings they have, -1 when of several or of none. */
  readonly outer: number
}

/** Conversations below which, in number and in share, a class is not worth a client. */
const FEWEST = 40
const LEAST_SHARE = 0.02
/** Lengths whose ratio is below are alike. */
const RATIO = 1.6
/** Where no beginning has a larger share of conversations than this, their lengths are left together. */
const NO_FAVOURITE = 0.05
/** Difference of two distribution functions below which they are one. */
const ALIKE = 0.08
const CORRELATED = 0.3
const CRITICAL = 1.63

/**
 * Divides conversations by what may not be drawn independently: how long the beginnings are that they
 * share (a popular one has one length), whether they go on, and whether long prompts have long answers.
 */
export function trafficClasses(
  table: RequestTable,
  conversations: readonly (readonly number[])[],
  shared: SharedBeginnings,
): TrafficClass[] {
  const fewest = Math.max(FEWEST, LEAST_SHARE * conversations.length)
  const outers = sizesOf(shared.outerNode, shared.outerTokens)
  const inner = sizesOf(shared.node, shared.tokens)
  const keys = conversations.map((_, i) => `${outers[i]}/${inner[i]}`)
  foldSmall(keys, fewest, (i) => `${outers[i]}/`)
  foldSmall(keys, fewest, () => 'rest')
  return [...groupBy(keys).values()].flatMap((members) => {
    const first = outers[members[0]!]!
    const outer = members.every((i) => outers[i] === first) ? first : -1
    return byTurns(table, conversations, members, fewest)
      .flatMap((part) => byPrompt(table, conversations, part, fewest))
      .map((part) => ({ members: part, outer }))
  })
}

/** Sizes by the logarithm of the length, -1 for none. */
function sizesOf(nodes: Int32Array, tokens: Int32Array): Int32Array {
  const counts = [...countsOf(nodes).values()]
  const most = counts.reduce((largest, count) => Math.max(largest, count), 0)
  const isFlat = most < NO_FAVOURITE * nodes.length
  return tokens.map((length) => {
    if (length === 0) return -1
    return isFlat ? 0 : Math.round(Math.log(length) / Math.log(RATIO))
  })
}

function foldSmall(keys: string[], fewest: number, to: (i: number) => string): void {
  for (const members of groupBy(keys).values()) {
    if (members.length < fewest) for (const i of members) keys[i] = to(i)
  }
}

function groupBy(keys: readonly string[]): Map<string, number[]> {
  const found = new Map<string, number[]>()
  keys.forEach((key, i) => {
    const known = found.get(key)
    if (known === undefined) found.set(key, [i])
    else known.push(i)
  })
  return found
}

/** Single requests apart from conversations, when their prompts are of other lengths. */
function byTurns(
  table: RequestTable,
  conversations: readonly (readonly number[])[],
  members: number[],
  fewest: number,
): number[][] {
  const single = members.filter((i) => conversations[i]!.length === 1)
  const several = members.filter((i) => conversations[i]!.length > 1)
  if (single.length < fewest || several.length < fewest) return [members]
  const lengths = (part: readonly number[]): Float64Array =>
    Float64Array.from(part, (i) => table.promptTokens[conversations[i]![0]!]!)
  const distance = twoSampleDistance(lengths(single), lengths(several))
  const chance = CRITICAL * Math.sqrt(1 / single.length + 1 / several.length)
  return distance < Math.max(ALIKE, chance) ? [members] : [single, several]
}

/** Short prompts apart from long ones, when the lengths of answers go with theirs. */
function byPrompt(
  table: RequestTable,
  conversations: readonly (readonly number[])[],
  members: number[],
  fewest: number,
): number[][] {
  if (members.length < 3 * fewest) return [members]
  const rows = members.map((i) => conversations[i]![0]!)
  const prompts = rows.map((row) => table.promptTokens[row]!)
  const outputs = rows.map((row) => table.outputTokens[row]!)
  if (Math.abs(rankCorrelation(prompts, outputs)) < CORRELATED) return [members]
  const sorted = [...prompts].sort((a, b) => a - b)
  const [low, high] = [1 / 3, 2 / 3].map((share) => sorted[Math.floor(share * sorted.length)]!)
  const part = (from: number, to: number): number[] =>
    members.filter((_, i) => prompts[i]! >= from && prompts[i]! < to)
  const parts = [part(0, low!), part(low!, high!), part(high!, Number.POSITIVE_INFINITY)]
  return parts.filter((each) => each.length > 0)
}
