import type { Distribution } from '../generating/distribution.js'
import type { PrefixLevel } from '../generating/workload-spec.js'
import { fitDistribution } from './fit-distribution.js'
import { countsOf, zipfExponentOf } from './fit-popularity.js'
import { rounded } from './rounded.js'
import type { SharedBeginnings } from './shared-beginnings.js'

/** A beginning with a larger share of conversations fixes the length of all. */
const FAVOURITE = 0.05

/** What prompts of a class begin with, and how much of each prompt that is. */
export interface FittedPrefixes {
  readonly levels: readonly PrefixLevel[]
  /** Tokens of a member's own prefix, by the number of the conversation. */
  tokensOf(member: number): number
}

/**
 * Prefixes of a class: the widest beginnings and, when most members have longer ones, those within.
 * @param outerMembers - all that share beginnings of that size, whose first level is one and the same
 * @param adapters - number of adapters, none among them where some have none, each of which sees beginnings of its own
 */
export function fitPrefixes(
  shared: SharedBeginnings,
  members: readonly number[],
  outerMembers: readonly number[],
  name: string | undefined,
  adapters: number,
): FittedPrefixes {
  const { outerNode, outerTokens, node, tokens } = shared
  const withOuter = outerMembers.filter((i) => outerNode[i]! >= 0)
  const isShared = members.filter((i) => outerNode[i]! >= 0).length * 2 >= members.length
  if (withOuter.length === 0 || !isShared) return { levels: [], tokensOf: () => 0 }
  const outer = level(withOuter, outerNode, outerTokens, adapters)
  const first = { ...(name !== undefined && { name }), ...outer }
  const deeper = members.filter((i) => node[i] !== outerNode[i])
  if (deeper.length * 2 < members.length) {
    return { levels: [first], tokensOf: (i) => outerTokens[i]! }
  }
  const beyond = tokens.map((length, i) => length - outerTokens[i]!)
  // Within each of the first level there are as many as it has on average.
  const second = level(deeper, node, beyond, first.count! * adapters)
  return { levels: [first, second], tokensOf: (i) => tokens[i]! }
}

function level(
  members: readonly number[],
  nodes: Int32Array,
  lengths: Int32Array,
  share: number,
): PrefixLevel {
  const counts = countsOf(members.map((i) => nodes[i]!))
  const lengthOf = new Map(members.map((i) => [nodes[i]!, lengths[i]!]))
  const most = [...counts.values()].reduce((largest, each) => Math.max(largest, each), 0)
  const mean = members.reduce((sum, i) => sum + lengths[i]!, 0) / members.length
  const all = Float64Array.from(lengthOf.values())
  const isOne = all.every((length) => length === all[0])
  const tokens: Distribution =
    isOne || most < FAVOURITE * members.length
      ? fitDistribution(all, true)
      : Math.max(1, Math.round(rounded(mean)))
  const count = Math.max(1, Math.round(counts.size / share))
  const zipfExponent = count === 1 ? 0 : rounded(zipfExponentOf([...counts.values()]), 3)
  return { count, tokens, ...(zipfExponent > 0 && { zipfExponent }) }
}
