import type { LatencyModel, RunResult } from '@routesim/core'
import { affineLatency, mockerLatency, tableLatency } from '@routesim/hardware'
import { expect, test } from 'vitest'
import { randomStory, untroubled } from '../testing/random-story.js'
import { roofline } from '../testing/roofline.js'
import { STEPPERS, tinyRun } from '../testing/tiny-run.js'

const rows = [0, 16, 64].flatMap((prefillTokens) =>
  [0, 4, 16].flatMap((decodeRequests) =>
    [10, 40, 100, 101].map((contextTokens) => ({
      prefillTokens,
      decodeRequests,
      contextTokens,
      stepMs:
        1 + prefillTokens / 30 + decodeRequests / 7 + Math.sqrt(contextTokens * decodeRequests) / 9,
    })),
  ),
)

const MODELS: readonly (readonly [string, LatencyModel])[] = [
  ['a roofline', roofline('llama-3.1-8b', 'h100', 'step')],
  // Its window of 128 tokens fills in the middle of stretches.
  ['a roofline with a window', roofline('gpt-oss-20b', 'h100', 'step')],
  ['a roofline by operators', roofline('gpt-oss-20b', 'rtx 4090', 'operator')],
  ['a table', tableLatency(rows)],
  ['the mocker', mockerLatency({ totalKvTokens: 900 })],
  [
    'an affine model with attention',
    affineLatency({
      baseMs: 0.7,
      prefillMsPerToken: 0.013,
      decodeMsPerRequest: 0.03,
      decodeMsPerContextToken: 0.0011,
      mixedDecodeMsPerContextToken: 0.0023,
      prefillMsPerAttentionPair: 0.0003,
    }),
  ],
]

test.each(MODELS)('the fast stepper agrees with the reference: %s', (_, latency) => {
  for (let seed = 0; seed < 400; seed++) {
    const story = untroubled(randomStory(seed, seed % 2 === 0 ? 'plain' : 'stress'))
    const backends = story.backends!.map((backend) => ({ ...backend, latency }))
    const [fast, portable, reference] = STEPPERS.map((stepper) =>
      tinyRun({ ...story, backends, stepper }),
    ) as [RunResult, RunResult, RunResult]
    expect(fast.outcomes.outcome).toEqual(reference.outcomes.outcome)
    for (const column of ['admittedMs', 'firstTokenMs', 'finishedMs'] as const) {
      expect(portable.outcomes[column]).toEqual(fast.outcomes[column])
      for (const [i, expected] of reference.outcomes[column].entries()) {
        const found = fast.outcomes[column][i]!
        const isSame = Object.is(found, expected) || Math.abs(found / expected - 1) < 1e-9
        expect(isSame, `seed ${seed}, ${column} of request ${i}: ${found}, ${expected}`).toBe(true)
      }
    }
  }
})
