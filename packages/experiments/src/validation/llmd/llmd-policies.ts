import type { RequestTable, RoutingAlgorithm } from '@routesim/core'
import { type EndpointPickerOptions, endpointPicker } from './endpoint-picker.js'

/** Blocks of 64 characters, of which the first 256 are looked at; a token is about 4 characters. */
const CHARACTER_BLOCKS = { blockTokens: 16, maxTokens: 4096, capacityBlocks: 31_250 } as const
/** Later releases: blocks of 64 tokens, sized after the engine's cache. */
const TOKEN_BLOCKS = { blockTokens: 64, maxTokens: 131_072, capacityBlocks: 31_250 } as const
/** The blend of prefix, queue and KV scores that llm-d shipped until August 2026. */
const BLEND = { prefix: 3, queue: 2, kv: 2, noHitLru: 2 } as const

const PICKERS: Readonly<Record<string, EndpointPickerOptions>> = {
  load: { weights: { queue: 1, kv: 1 } },
  default: { weights: { queue: 1, kv: 1, prefix: 2 }, prefix: CHARACTER_BLOCKS },
  estimated: { weights: { queue: 1, kv: 1, prefix: 1 }, prefix: CHARACTER_BLOCKS },
  llmd_optimized: { weights: BLEND, prefix: TOKEN_BLOCKS },
  llmd_approx: { weights: BLEND, prefix: TOKEN_BLOCKS },
  llmd_precise: { weights: { prefix: 3, queue: 2, kv: 2 }, prefix: 'engine' },
}

const RANDOM_POLICIES = new Set(['random', 'k8s_rr'])

/** Expected prefill time by which holders of a prefix may exceed the others: llm-d's default. */
const AFFINITY = { threshold: 0.8, maxPenaltyMs: 18_000 } as const

/** Whether an experiment's policy is one that RouteSim knows. */
export function isLlmdPolicy(name: string, description: string): boolean {
  return RANDOM_POLICIES.has(name) || pickerOf(name, description) !== undefined
}

/**
 * A router of the name that an experiment gives it. `description` says what differs between experiments:
 * the weights of `precise` and the peak prefill rate of the affinity filter. Unknown names are random.
 */
export function llmdPolicy(
  name: string,
  description: string,
  requests: RequestTable,
): RoutingAlgorithm {
  const options = pickerOf(name, description)
  // A Kubernetes Service picks a pod per connection, and a load generator opens one per request in flight.
  return options === undefined ? uniform(name) : endpointPicker(name, options, requests)
}

function pickerOf(name: string, description: string): EndpointPickerOptions | undefined {
  const known = PICKERS[name]
  if (known !== undefined) return known
  if (name === 'precise') {
    const [prefix, kv, queue] = ['prefix', 'kv', 'queue'].map((scorer) =>
      Number(new RegExp(`${scorer}.*? w(\\d+)`).exec(description)?.[1] ?? 1),
    )
    return { weights: { prefix: prefix!, kv: kv!, queue: queue! }, prefix: 'engine' }
  }
  const peak = /peakPrefillThroughput (\d+)/.exec(description)?.[1]
  if (peak === undefined) return undefined
  const affinity = { ...AFFINITY, peakPrefillTokensPerSec: Number(peak) }
  return { weights: { tokenLoad: 1 }, prefix: TOKEN_BLOCKS, affinity }
}

function uniform(name: string): RoutingAlgorithm {
  return {
    name,
    route: (_, cluster) => cluster.backends[cluster.random.integer(cluster.backends.length)]!,
  }
}
