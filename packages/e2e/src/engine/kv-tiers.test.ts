import { type KvTier, OUTCOME, type RunResult } from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { evenLatency } from '../testing/even-latency.js'
import { randomStory, untroubled } from '../testing/random-story.js'
import { backend, STEPPERS, type TinyRequest, tinyRun } from '../testing/tiny-run.js'

const latency = evenLatency(5)

const cpu: KvTier = { name: 'cpu', blocks: 100, latencyMs: 1, msPerBlock: 2 }

/** A prompt of 4 blocks that a cache of 6 keeps, one of 5 that evicts its last 3, and the first again. */
const returning: readonly TinyRequest[] = [
  { promptTokens: 64, shared: 'a' },
  { arrivalMs: 20, promptTokens: 80, shared: 'b' },
  { arrivalMs: 50, promptTokens: 64, shared: 'a' },
]

describe.each(STEPPERS)('%s stepper', (stepper) => {
  const run = (tiers: readonly KvTier[], requests = returning, blocks = 6): RunResult =>
    tinyRun({
      stepper,
      requests,
      backends: [backend({ latency, kv: { blocks, blockTokens: 16, tiers } })],
    })

  test('a prefix goes on where the GPUs end: it is loaded, and only the rest computed', () => {
    const { outcomes, backends } = run([cpu])
    // Of the 63 tokens that may be cached, 16 are; two blocks come in 1 + 2 x 2 ms; then 16 tokens.
    expect(outcomes.cachedTokens[2]).toBe(16)
    expect([...outcomes.loadedTokens!]).toEqual([0, 0, 32])
    expect(outcomes.admittedMs[2]).toBeCloseTo(55, 9)
    expect(outcomes.firstTokenMs[2]).toBeCloseTo(55 + 5 + 1.6, 9)
    const totals = { loads: 1, loadedTokens: 32, loadMs: 5, totalBlocks: 100, usedBlocks: 6 }
    expect(backends[0]!.tiers).toEqual([{ name: 'cpu', ...totals }])
    expect(backends[0]!.prefillTokens).toBe(64 + 80 + 16)
  })

  test('without tiers the same is computed again', () => {
    const { outcomes, backends } = run([])
    expect(outcomes.firstTokenMs[2]).toBeCloseTo(50 + 5 + 4.8, 9)
    expect(outcomes.loadedTokens).toBeUndefined()
    expect(backends[0]!.tiers).toBeUndefined()
  })

  test('what one tier has no room for goes to the next', () => {
    const disk: KvTier = { name: 'disk', blocks: 2, latencyMs: 10, msPerBlock: 4 }
    const { outcomes, backends } = run([{ ...cpu, blocks: 1 }, disk])
    // The last three blocks were evicted from the end: the second is in memory, the third on disk.
    expect(outcomes.loadedTokens![2]).toBe(32)
    expect(outcomes.admittedMs[2]).toBeCloseTo(50 + 10 + 4, 9)
    expect(backends[0]!.tiers).toMatchObject([
      { loads: 1, loadedTokens: 16, loadMs: 3, usedBlocks: 1 },
      { loads: 1, loadedTokens: 16, loadMs: 14, usedBlocks: 2 },
    ])
  })

  test('blocks after a gap are of no use', () => {
    // The tier keeps one block of three: the last that was evicted, which is the second of the prompt.
    expect(run([{ ...cpu, blocks: 1 }]).outcomes.loadedTokens![2]).toBe(16)
  })

  test('loads of a backend share its link, and others run meanwhile', () => {
    const slow = { ...cpu, msPerBlock: 20 }
    const { outcomes } = run(
      [slow],
      [
        { promptTokens: 64, shared: 'a' },
        { arrivalMs: 20, promptTokens: 64, shared: 'c' },
        { arrivalMs: 40, promptTokens: 160, shared: 'b' },
        { arrivalMs: 100, promptTokens: 64, shared: 'a' },
        { arrivalMs: 101, promptTokens: 64, shared: 'c' },
        { arrivalMs: 102, promptTokens: 16 },
      ],
      10,
    )
    // Three blocks each, at 1 + 60 ms, one load after the other.
    expect([...outcomes.loadedTokens!]).toEqual([0, 0, 0, 48, 48, 0])
    expect(outcomes.admittedMs[3]).toBeCloseTo(161, 9)
    expect(outcomes.admittedMs[4]).toBeCloseTo(222, 9)
    expect(outcomes.admittedMs[5]).toBeCloseTo(102, 9)
  })

  test('a request that is loading can be called off', () => {
    const { outcomes, backends } = tinyRun({
      stepper,
      requests: returning,
      backends: [
        backend({
          latency,
          kv: { blocks: 6, blockTokens: 16, tiers: [{ ...cpu, msPerBlock: 50 }] },
        }),
      ],
      timeoutMs: 30,
    })
    expect([...outcomes.outcome]).toEqual([OUTCOME.completed, OUTCOME.completed, OUTCOME.timed_out])
    expect(backends[0]!.heldBlocks).toBe(0)
  })

  test('a backend that fails loses its tiers as well', () => {
    const { outcomes } = tinyRun({
      stepper,
      requests: returning,
      backends: [backend({ latency, kv: { blocks: 6, blockTokens: 16, tiers: [cpu] } })],
      events: [
        { atMs: 40, backend: 0, kind: 'fail' },
        { atMs: 45, backend: 0, kind: 'recover' },
      ],
    })
    expect(outcomes.loadedTokens![2]).toBe(0)
    expect(outcomes.cachedTokens[2]).toBe(0)
  })
})

test('tiers only save work, and are never overfull: random runs', () => {
  let saved = 0
  for (let seed = 1; seed < 1200; seed += 4) {
    const story = untroubled(randomStory(seed, 'stress'))
    const { outcomes, backends, requests } = tinyRun(story)
    for (let i = 0; i < requests.size; i++) {
      const found = outcomes.cachedTokens[i]! + outcomes.loadedTokens![i]!
      if (outcomes.outcome[i] === OUTCOME.completed)
        expect(found).toBeLessThan(requests.promptTokens[i]!)
      saved += outcomes.loadedTokens![i]!
    }
    for (const { tiers = [] } of backends) {
      for (const tier of tiers) expect(tier.usedBlocks).toBeLessThanOrEqual(tier.totalBlocks)
    }
  }
  expect(saved).toBeGreaterThan(1000)
})

test.each([
  [{ blocks: 0 }, 'blocks: expected an integer >= 1, got 0'],
  [{ latencyMs: -1 }, 'latencyMs: expected a number >= 0, got -1'],
  [{ msPerBlock: Number.NaN }, 'msPerBlock: expected a number >= 0, got NaN'],
])('%o is refused', (wrong, message) => {
  const tiers = [{ ...cpu, ...wrong }]
  const backends = [backend({ kv: { blocks: 6, blockTokens: 16, tiers } })]
  expect(() => tinyRun({ requests: [{}], backends })).toThrow(
    `cluster.backends[0].kv.tiers[0].${message}`,
  )
})
