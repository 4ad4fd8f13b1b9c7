// What routers see does not depend on how steps are simulated, and what is delivered at once, without
// loss, is the truth.
import { RandomStream, type RunResult, type Visibility } from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { randomStory, type StoryKind } from '../testing/random-story.js'
import { STEPPERS, seeing, type TinyRun, tinyRun } from '../testing/tiny-run.js'

const KINDS = ['ties', 'stress'] as const
const atOnce = { delayMs: 0, lossProbability: 0, startsEmpty: false, clearsOnRestart: true }

function story(seed: number, kind: StoryKind, stepper: TinyRun['stepper']): TinyRun {
  return { ...randomStory(seed, kind), stepper: stepper! }
}

function decisions({ outcomes, endMs, rejectReasons }: RunResult) {
  const { backend, prefillBackend, outcome, cachedTokens, admittedMs } = outcomes
  return { backend, prefillBackend, outcome, cachedTokens, admittedMs, endMs, rejectReasons }
}

describe.each(STEPPERS)('%s', (stepper) => {
  test.each(KINDS)('KV events and own counts that come at once tell the truth: %s', (kind) => {
    let hits = 0
    for (let seed = 0; seed < 400; seed++) {
      const exact = tinyRun(story(seed, kind, stepper))
      const told = tinyRun({
        ...story(seed, kind, stepper),
        visibility: seeing({ prefixes: atOnce }),
      })
      expect(decisions(told), `${kind} ${seed}`).toEqual(decisions(exact))
      hits += exact.outcomes.cachedTokens.reduce((sum, tokens) => sum + tokens, 0)
    }
    expect(hits).toBeGreaterThan(4000)
  })
})

/** Some way to see little, late. Delays are multiples of 2^-10 ms, as are the times of the stories. */
function randomVisibility(seed: number): Visibility {
  const random = new RandomStream(seed, 'visibility')
  const pick = <T>(...options: T[]): T => options[random.integer(options.length)]!
  return seeing({
    metrics: pick<Visibility['metrics']>('live', 'none', {
      intervalMs: pick(0.5, 4, 100),
      delayMs: pick(0, 0.5, 8),
      dropProbability: pick(0, 0.3),
    }),
    prefixes: pick<Visibility['prefixes']>(
      'live',
      'none',
      {
        delayMs: pick(0, 0.5, 8),
        lossProbability: pick(0, 0, 0.2),
        startsEmpty: pick(true, false),
        clearsOnRestart: true,
      },
      { ttlMs: 50 },
    ),
    routers: { replicas: 1, split: 'random', syncMs: 0 },
    decision: { fixedMs: pick(0, 0.5), perTokenMs: pick(0, 1 / 1024) },
    tokenError: pick(0, 0.2),
  })
}

test.each(KINDS)('both steppers show routers the same: %s', (kind) => {
  for (let seed = 0; seed < 800; seed++) {
    const visibility = randomVisibility(seed)
    const fast = tinyRun({ ...story(seed, kind, 'fast'), visibility })
    const reference = tinyRun({ ...story(seed, kind, 'reference'), visibility })
    expect(decisions(fast), `${kind} ${seed}`).toEqual(decisions(reference))
  }
})
