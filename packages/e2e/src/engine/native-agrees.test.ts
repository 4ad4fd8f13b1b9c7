import { findLocalPolicy } from '@routesim/algorithms'
import { expect, test } from 'vitest'
import { disagreement, imbalance, type Observed, observe } from '../testing/both-steppers.js'
import { BIN, command, directoryWith } from '../testing/command.js'
import { randomStory, type StoryKind } from '../testing/random-story.js'
import { backend, type Stepper, type TinyRun } from '../testing/tiny-run.js'

type Instance = new (module: object, imports: object) => object
const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: { Instance: Instance } }

/** How many native engines are started meanwhile. */
function enginesStarted(work: () => void): number {
  const { Instance } = wasm
  let count = 0
  wasm.Instance = class extends Instance {
    constructor(module: object, imports: object) {
      super(module, imports)
      count++
    }
  }
  try {
    work()
  } finally {
    wasm.Instance = Instance
  }
  return count
}

/** Local policies that order a queue by ranks and do no more. */
const RANKED = ['shortest', 'deadline', 'fcfs'].map((name) => findLocalPolicy(name).configure({}))

/** A random story in which nothing happens that the native engine does not know. */
function plainStory(seed: number, kind: StoryKind): TinyRun {
  const {
    events: _,
    healthDelayMs: __,
    retries: ___,
    timeoutMs: ____,
    ...story
  } = randomStory(seed, kind)
  const backends = story.backends!.map((spec, id) => {
    const { role, latency, maxBatchTokens, maxNumSeqs, maxQueueDepth, chunkedPrefill } = spec
    const { blocks, blockTokens } = spec.kv
    const limits = { maxBatchTokens, maxNumSeqs, maxQueueDepth, chunkedPrefill }
    const { frontEndMs } = spec
    const scheduling = seed % 2 === 0 ? undefined : RANKED[((seed >> 1) + id) % 4]
    return {
      ...{ role, latency, ...limits, kv: { blocks, blockTokens } },
      ...(frontEndMs !== undefined && { frontEndMs }),
      ...(scheduling !== undefined && { scheduling }),
      ...(seed % 8 === 3 && { maxModelLen: 20 + ((seed + 40 * id) % 200) }),
    }
  })
  return { ...story, backends, wideFrom: 1 + (seed % 8) }
}

test.each(['plain', 'decimal', 'ties', 'stress'] as const)(
  'the native engine gives what both others give in 1500 runs: %s',
  (kind) => {
    const numbers = kind === 'ties' || kind === 'stress' ? 'exact' : 'plain'
    let preemptions = 0
    let evictions = 0
    const engines = enginesStarted(() => {
      for (let seed = 0; seed < 1500; seed++) {
        const see = (stepper: Stepper) => observe(plainStory(seed, kind), stepper)
        const native = see('fast')
        const [portable, reference] = [see('portable'), see('reference')]
        expect(disagreement(native, reference, numbers), `${kind} ${seed}`).toBeUndefined()
        expect(disagreement(native, portable, 'exact'), `${kind} ${seed}`).toBeUndefined()
        if (numbers === 'exact') expect(imbalance(native, plainStory(seed, kind))).toBeUndefined()
        for (const backend of native.run.backends) {
          preemptions += backend.preemptions
          evictions += backend.evictions
        }
      }
    })
    expect(engines).toBe(1500)
    // The stories reach what they are meant to reach.
    expect(evictions).toBeGreaterThan(2000)
    expect(preemptions).toBeGreaterThan(kind === 'stress' ? 2000 : 100)
  },
)

test('a request of nearly 2^31 tokens is no smaller for it', () => {
  const kv = { blocks: 2 ** 28, blockTokens: 16 }
  const story = (promptTokens: number): TinyRun => ({
    requests: [
      { promptTokens, outputTokens: 3 },
      { promptTokens: 20, outputTokens: 40 },
    ],
    backends: [backend({ kv })],
  })
  for (const promptTokens of [2 ** 30 - 10, 2 ** 31 - 10]) {
    const [native, portable] = (['fast', 'portable'] as const).map((stepper) =>
      observe(story(promptTokens), stepper),
    ) as [Observed, Observed]
    expect(disagreement(native, portable, 'exact')).toBeUndefined()
    expect(native.run.outcomes.finishedMs[0]).toBeGreaterThan(20_000)
  }
})

test('where there is no WebAssembly a run gives the same', async () => {
  const at = directoryWith({
    'c.toml':
      '[cluster]\nnum_backends = 3\nmax_num_seqs = 8\nkv_cache_blocks = 300\n[trace]\ngenerator = "poisson"\nrate = 20\nduration_sec = 10\n',
  })
  const run = [BIN, 'run', '-c', at('c.toml'), '-a', 'prefix_aware', '--format', 'json']
  const [native, without] = await Promise.all([
    command(process.execPath, run),
    command(process.execPath, ['--jitless', ...run]),
  ])
  expect(native.code).toBe(0)
  expect(without.stdout).toBe(native.stdout)
})
