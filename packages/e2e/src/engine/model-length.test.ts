import { OUTCOME, RandomStream, type RoutingAlgorithm } from '@routesim/core'
import { affineLatency } from '@routesim/hardware'
import { describe, expect, test } from 'vitest'
import { disagreement, observe } from '../testing/both-steppers.js'
import { decidingLate } from '../testing/late-router.js'
import { randomStory } from '../testing/random-story.js'
import {
  backend,
  pairsInTurn,
  STEPPERS,
  type TinyRequest,
  type TinyRun,
  tinyRun,
} from '../testing/tiny-run.js'

const latency = affineLatency({
  baseMs: 1,
  prefillMsPerToken: 0.1,
  decodeMsPerRequest: 0,
  decodeMsPerContextToken: 0,
})

describe.each(STEPPERS)('%s stepper', (stepper) => {
  /** Why each request was rejected, null for those that were served. */
  function reasons(story: TinyRun): (string | null)[] {
    const { outcomes, rejectReasons } = tinyRun({ ...story, stepper })
    return [...outcomes.rejectReason].map((reason) => rejectReasons[reason] ?? null)
  }

  test('a request is taken with exactly as many tokens as max_model_len, and not with one more', () => {
    const requests: TinyRequest[] = [
      { promptTokens: 60, outputTokens: 40 },
      { promptTokens: 60, outputTokens: 41 },
      // What is declared counts, not what is got; one position is left for a first token.
      { promptTokens: 60, outputTokens: 4, maxTokens: 41 },
      { promptTokens: 99, outputTokens: 0 },
      { promptTokens: 100, outputTokens: 0 },
    ]
    const backends = [backend({ maxModelLen: 100 })]
    const long = 'exceeds_max_model_len'
    expect(reasons({ requests, backends })).toEqual([null, long, long, null, long])
  })

  test('of backends that take different lengths, the chosen one counts, and the length before the cache', () => {
    const requests = [0, 0, 0, 0].map(() => ({ promptTokens: 60, outputTokens: 40 }))
    const small = { blocks: 5, blockTokens: 16 }
    const backends = [
      backend({ maxModelLen: 99 }),
      backend({ maxModelLen: 100 }),
      backend({ kv: small }),
      backend({ maxModelLen: 99, kv: small }),
    ]
    expect(reasons({ requests, backends })).toEqual([
      'exceeds_chosen_max_model_len',
      null,
      'exceeds_chosen_kv_cache',
      'exceeds_chosen_max_model_len',
    ])
  })

  test('a backend that prefills is asked for one token, one that decodes for all', () => {
    const pools = (prefillLen: number, decodeLen: number): TinyRun => ({
      requests: [{ promptTokens: 60, outputTokens: 40 }],
      backends: [
        backend({ role: 'prefill', latency, maxModelLen: prefillLen }),
        backend({ role: 'decode', latency, maxModelLen: decodeLen }),
      ],
      router: pairsInTurn(),
    })
    expect(reasons(pools(61, 100))).toEqual([null])
    expect(reasons(pools(60, 100))).toEqual(['exceeds_max_model_len'])
    expect(reasons(pools(61, 99))).toEqual(['exceeds_max_model_len'])
  })

  test('where to decode is decided late: one that takes it is enough, unless another is chosen', () => {
    const late = (decode: number): RoutingAlgorithm => ({
      ...decidingLate(pairsInTurn()),
      routeDecode: (_, cluster) => cluster.backends[decode]!,
    })
    const story = {
      requests: [{ promptTokens: 60, outputTokens: 40 }],
      backends: [
        backend({ role: 'prefill', latency }),
        backend({ role: 'decode', latency, maxModelLen: 99 }),
        backend({ role: 'decode', latency, maxModelLen: 100 }),
      ],
    } as const
    expect(reasons({ ...story, router: late(2) })).toEqual([null])
    expect(reasons({ ...story, router: late(1) })).toEqual(['exceeds_max_model_len'])
    const none = { ...story, backends: story.backends.slice(0, 2), router: late(1) }
    expect(tinyRun({ ...none, stepper }).outcomes.outcome[0]).toBe(OUTCOME.rejected)
  })
})

test('all steppers agree on random stories of backends that take different lengths', () => {
  let refused = 0
  for (let seed = 0; seed < 400; seed++) {
    const story = (): TinyRun => {
      const { backends = [], ...rest } = randomStory(seed, 'ties')
      const random = new RandomStream(seed, 'lengths')
      const lengths = backends.map(() => [20, 60, 150, undefined][random.integer(4)])
      const limited = backends.map((each, i) =>
        lengths[i] === undefined ? each : { ...each, maxModelLen: lengths[i] },
      )
      return { ...rest, backends: limited }
    }
    const [native, portable, reference] = STEPPERS.map((stepper) => observe(story(), stepper))
    expect(disagreement(native!, portable!, 'exact'), `${seed}`).toBeUndefined()
    expect(disagreement(native!, reference!, 'exact'), `${seed}`).toBeUndefined()
    const { outcomes, rejectReasons } = reference!.run
    for (const reason of outcomes.rejectReason)
      if (rejectReasons[reason]?.endsWith('max_model_len')) refused++
  }
  expect(refused).toBeGreaterThan(2000)
})
