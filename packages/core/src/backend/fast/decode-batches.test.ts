import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BackendSpec } from '../../engine/simulation-options.js'
import { RequestTableBuilder } from '../../requests/request-table-builder.js'
import { BackendBatch } from './backend-batch.js'
import {
  advanceDecodes,
  blocksNeeded,
  type DecodeState,
  inOrderOfAdmission,
  joinDecodes,
  leaveFinished,
  leaveNewest,
  stepsToFinish,
  stepsToSharedBlock,
  tokensComputed,
} from './decode-batches.js'
import { HEAP_FIELDS } from './finish-heap.js'

/** The backend under test, which has another before it. */
const BACKEND = 1
const MEASURED_FROM = 3

interface Plan {
  readonly promptTokens: number
  readonly outputTokens: number
  /** Whether later prompts repeat the answer. */
  readonly isShared: boolean
}

/** Requests that have their first token. */
function stateOf(plans: readonly Plan[], blockTokens: number): DecodeState {
  const builder = new RequestTableBuilder()
  plans.forEach(({ promptTokens, outputTokens, isShared }, i) => {
    const end = promptTokens + (isShared ? outputTokens : 0)
    const promptNode = builder.prompts.stream(-1, i, end)
    builder.add({ arrivalMs: i, promptTokens, outputTokens, promptNode })
  })
  const requests = builder.build()
  const spec = { kv: { blockTokens }, maxBatchTokens: 2048, maxNumSeqs: 256 } as BackendSpec
  return {
    batches: [new BackendBatch(spec, 0, 0), new BackendBatch(spec, 2, 3)],
    heap: new Int32Array((2 + plans.length) * HEAP_FIELDS),
    growth: new Int32Array(3 + blockTokens),
    sharingGrowth: new Int32Array(3 + blockTokens),
    sharing: [[], []],
    requests,
    promptTokens: requests.promptTokens,
    outputTokens: requests.outputTokens,
    promptNode: requests.promptNode,
    emittedTokens: new Int32Array(plans.length).fill(1),
    admission: Int32Array.from(plans, (_, i) => i),
    finishStep: new Int32Array(plans.length),
    measuredFrom: MEASURED_FROM,
    reads: { join: () => 0, leave: () => 0 },
  }
}

/** A decoding request, one token at a time. */
interface Decode {
  readonly request: number
  readonly plan: Plan
  computed: number
}

/** The same figures without any sums. */
function naive(batch: readonly Decode[], blockTokens: number) {
  const left = ({ plan, computed }: Decode): number =>
    plan.promptTokens + plan.outputTokens - 1 - computed
  const toBlock = ({ computed }: Decode): number => blockTokens - (computed % blockTokens)
  const blocks = (k: number): number =>
    batch.reduce(
      (sum, { computed }) =>
        sum + Math.ceil((computed + k) / blockTokens) - Math.ceil(computed / blockTokens),
      0,
    )
  return {
    toFinish: Math.min(...batch.map(left)),
    toSharedBlock: Math.min(2 ** 30, ...batch.filter(({ plan }) => plan.isShared).map(toBlock)),
    blocks: [1, 2, 7, 50].map(blocks),
    context: batch.reduce((sum, { computed }) => sum + computed + 1, 0),
    measured: batch.filter(({ request }) => request >= MEASURED_FROM).length,
    computed: batch.map(({ computed }) => computed),
    order: batch.map(({ request }) => request),
  }
}

function kept(state: DecodeState, batch: readonly Decode[]): ReturnType<typeof naive> {
  return {
    toFinish: batch.length === 0 ? Number.POSITIVE_INFINITY : stepsToFinish(state, BACKEND),
    toSharedBlock: stepsToSharedBlock(state, BACKEND),
    blocks: [1, 2, 7, 50].map((k) => blocksNeeded(state, BACKEND, k)),
    context: state.batches[BACKEND]!.contextTokens,
    measured: state.batches[BACKEND]!.measured,
    computed: batch.map(({ request }) => tokensComputed(state, BACKEND, request)),
    order: inOrderOfAdmission(state, BACKEND),
  }
}

const plan = fc.record({
  promptTokens: fc.integer({ min: 1, max: 40 }),
  outputTokens: fc.integer({ min: 2, max: 30 }),
  isShared: fc.boolean(),
})

/** What happens before each request joins: steps, or the newest leaves. */
const before = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant('newest' as const)), {
  maxLength: 4,
})

// However early the counter of steps begins anew: a run would have to take 2^30 steps to see it.
test.each([1, 10, 2 ** 30])(
  'sums agree with counting token by token when steps are counted anew from %d on',
  (mostSteps) => {
    let wasAnew = 0
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.array(fc.tuple(plan, before), { minLength: 1, maxLength: 30 }),
        (blockTokens, story) => {
          const plans = story.map(([each]) => each)
          const state = stateOf(plans, blockTokens)
          const tested = state.batches[BACKEND]!
          let batch: Decode[] = []
          story.forEach(([each, actions], request) => {
            for (const action of actions) {
              if (batch.length === 0) continue
              if (action === 'newest') {
                expect(leaveNewest(state, BACKEND)).toBe(batch.pop()!.request)
                continue
              }
              const steps = Math.min(action, stepsToFinish(state, BACKEND))
              advanceDecodes(state, BACKEND, steps)
              for (const decode of batch) decode.computed += steps
              const isDone = ({ plan: { promptTokens, outputTokens }, computed }: Decode) =>
                computed === promptTokens + outputTokens - 1
              const finished = batch.filter(isDone).map((decode) => decode.request)
              batch = batch.filter((decode) => !isDone(decode))
              for (const next of finished) expect(leaveFinished(state, BACKEND)).toBe(next)
              expect(leaveFinished(state, BACKEND)).toBe(-1)
            }
            const steps = tested.counter
            joinDecodes(state, BACKEND, request, mostSteps)
            if (tested.counter < steps) wasAnew++
            expect(tested.counter).toBeLessThan(Math.max(mostSteps, blockTokens))
            batch.push({ request, plan: each, computed: each.promptTokens })
            expect(kept(state, batch)).toEqual(naive(batch, blockTokens))
          })
        },
      ),
    )
    if (mostSteps < 2 ** 30) expect(wasAnew).toBeGreaterThan(50)
  },
)
