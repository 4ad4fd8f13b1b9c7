// A live router knows neither the requests that will come nor how their prompts will cut those before: what routers decide
// in simulations may depend on neither.
import { builtinRouters, findRouter } from '@routesim/algorithms'
import { NO_NODE, RandomStream, type RequestTable, RequestTableBuilder } from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { backend, tinyRun } from '../testing/tiny-run.js'

const REQUESTS = 240
const GROUPS = 8
const BLOCK = 16

interface Story {
  /** Whether requests follow that part from the earlier ones, or end, within what these share. */
  readonly goesOn: boolean
  /** Whether blocks have names that no other prompt has. */
  readonly namesOwn: boolean
}

/** Prompts of eight groups, the first with most of them: some blocks of their group's, and some of their own. */
function story({ goesOn, namesOwn }: Story): RequestTable {
  const random = new RandomStream(7, 'story')
  const builder = new RequestTableBuilder()
  const add = (arrivalMs: number, group: number, shared: number, own: number, rest: number) => {
    let node = builder.prompts.stream(NO_NODE, `group ${group}`, BLOCK * shared)
    for (let i = 0; namesOwn && i < own; i++) {
      node = builder.prompts.block(node, `${arrivalMs}.${i}`, BLOCK)
    }
    builder.add({
      arrivalMs,
      promptTokens: BLOCK * (shared + own) + rest,
      outputTokens: 40,
      prefixTokens: BLOCK * shared,
      promptNode: node,
      user: `user ${group}`,
    })
  }
  let nowMs = 0
  for (let i = 0; i < REQUESTS; i++) {
    nowMs += 1 + random.integer(80)
    const group = Math.floor(GROUPS * random.float() ** 2)
    // Of four with a group's prompt, one has no more than its first half.
    const shared = 8 + 4 * group
    const isHalf = random.integer(4) === 0
    const own = random.integer(12)
    add(nowMs, group, isHalf ? shared / 2 : shared, own, random.integer(BLOCK))
  }
  nowMs += 600_000
  for (let group = 0; goesOn && group < GROUPS; group++) {
    for (let shared = 1; shared < 8 + 4 * group; shared++) add(nowMs++, group, shared, 1, 5)
  }
  return builder.build()
}

function decisions(told: Story, name: string, parameters: object): number[] {
  const { outcomes } = tinyRun({
    requests: story(told),
    backends: Array.from({ length: 4 }, () => backend()),
    router: findRouter(name).create({ ...parameters }),
    stepper: 'fast',
  })
  return [...outcomes.backend.subarray(0, REQUESTS)]
}

const evicting = { max_tree_tokens: 1000, eviction_interval_sec: 0.2 }
const CASES: readonly (readonly [name: string, parameters: object])[] = [
  ...builtinRouters.map(({ name }) => [name, {}] as const),
  ['chwbl_prefix', { prefix_tokens: 16 * 7 }],
  ['dualmap', { block_tokens: 16 * 7 }],
  ['preble', { rebalance_after: 1, rebalance_interval_ms: 0, output_tokens: 1 }],
  ['preble', { preset: 'aibrix', window_sec: 2, capacity_tokens: 1500 }],
  ['ray_prefix_affinity', { ties: 'first', match_rate_threshold: 0.6 }],
  [
    'ray_prefix_affinity',
    {
      eviction_threshold_tokens: 1500,
      eviction_target_tokens: 1000,
      eviction_interval_sec: 0.2,
      match_rate_threshold: 0.6,
    },
  ],
  ['sglang_cache_aware', { ...evicting, miss: 'smallest_tree', balance_abs: 4 }],
  ['skywalker', evicting],
  ['production_stack_prefix_aware', { max_tree_tokens: 1000 }],
]

const PLAIN = { goesOn: false, namesOwn: false }

describe.each(CASES)('%s %j', (name, parameters) => {
  test('decides the same whatever comes later', () => {
    expect(decisions({ ...PLAIN, goesOn: true }, name, parameters)).toEqual(
      decisions(PLAIN, name, parameters),
    )
  })

  test('decides the same whether blocks have names that no other prompt has', () => {
    expect(decisions({ ...PLAIN, namesOwn: true }, name, parameters)).toEqual(
      decisions(PLAIN, name, parameters),
    )
  })
})
