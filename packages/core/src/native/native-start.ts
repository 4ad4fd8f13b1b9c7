import { largestBatch, MOST_INT } from '../backend/fast/backend-batch.js'
import type { LocalPolicies } from '../backend/queues/local-policy.js'
import { countsSharedReads } from '../backend/shared-reads.js'
import type { BackendSpec } from '../engine/simulation-options.js'
import type { BlockTreeColumns, RadixPlan } from '../kv-cache/kv-cache.js'
import type { RequestTable } from '../requests/request-table.js'
import type { NativeMemory } from './native-columns.js'
import type { NativeExports } from './native-module.js'

/** Words of `Holders` in `assembly/prefix-index.ts` that say where its columns of the tree begin. */
const TREE_COLUMNS = ['parent', 'start', 'end', 'leaf'] as const
const FIRST_TREE_COLUMN = 2

/** What a native engine is told to simulate. */
export interface NativeWork {
  readonly specs: readonly BackendSpec[]
  readonly requests: RequestTable
  readonly plan: RadixPlan
  readonly policies: LocalPolicies
  readonly warmupRequests: number
}

/** Tells a native engine what it simulates. */
export function startNative(
  engine: NativeExports,
  memory: NativeMemory,
  { specs, requests, plan, policies, warmupRequests }: NativeWork,
): void {
  const { size } = requests
  const sizes = [...new Set(specs.map(({ kv }) => kv.blockTokens))]
  const trees = sizes.map((blockTokens) => plan.treeOf(requests, blockTokens))
  const places = specs.map((spec) => placesOf(spec, size))
  engine.begin(
    specs.length,
    size,
    warmupRequests,
    plan.prefixCaching ? 1 : 0,
    sizes.length,
    Math.max(...trees.map((tree) => tree.depth)),
    plan.wideFrom,
    Math.max(...places),
  )
  const holders = trees.map((tree) => giveTree(engine, memory, tree))
  specs.forEach((spec, id) => {
    const { blocks, blockTokens } = spec.kv
    engine.backend(
      id,
      Math.min(spec.maxBatchTokens, MOST_INT),
      largestBatch(spec),
      places[id]!,
      spec.chunkedPrefill ? 1 : 0,
      countsSharedReads(spec, { sharesPrefixes: plan.prefixCaching }) ? 1 : 0,
      policies[id] === undefined ? 0 : 1,
      blocks,
      blockTokens,
      holders[sizes.indexOf(blockTokens)]!,
    )
  })
  memory.ints('promptTokens', size).set(requests.promptTokens)
  memory.ints('outputTokens', size).set(requests.outputTokens)
  memory.floats('entryMs', size).set(requests.arrivalMs)
  markShared(memory.bytes('sharesAnswer', size), requests)
  engine.start()
}

/** Requests that the batch of a backend has room for: no batch can be larger than the run. */
export function placesOf(spec: BackendSpec, requests: number): number {
  return Math.min(largestBatch(spec), requests)
}

/** @returns what the engine calls the tree */
function giveTree(engine: NativeExports, memory: NativeMemory, tree: BlockTreeColumns): number {
  const holders = engine.blockSize(tree.blockTokens, tree.size)
  const words = memory.intsAt(holders, FIRST_TREE_COLUMN + TREE_COLUMNS.length)
  TREE_COLUMNS.forEach((name, i) => {
    memory.intsAt(words[FIRST_TREE_COLUMN + i]!, tree[name].length).set(tree[name])
  })
  return holders
}

/** Marks the requests whose answers are part of later prompts. */
function markShared(
  shares: Uint8Array,
  { size, prompts, promptNode, promptTokens }: RequestTable,
): void {
  if (prompts.size === 0) return
  for (let i = 0; i < size; i++) {
    const node = promptNode[i]!
    if (node >= 0 && prompts.endTokens[node]! > promptTokens[i]!) shares[i] = 1
  }
}
