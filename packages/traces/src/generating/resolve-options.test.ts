import { expect, test } from 'vitest'
import { resolveOptions } from './resolve-options.js'

test('defaults are those that the options tell', () => {
  expect(resolveOptions({})).toEqual({
    ...{ kind: 'poisson', seed: 42, rateRps: 100, durationSec: 300, cv: 2 },
    ...{ baseRateRps: 100, burstRateRps: 300, burstDurationSec: 10, burstIntervalSec: 60 },
    ...{ peakRateRps: 100, troughRateRps: 20, periodSec: 300 },
    ...{ promptTokensMean: 500, promptTokensStd: 200, genTokensMean: 150, genTokensStd: 50 },
    ...{ lengthDistribution: 'lognormal', numPrefixes: 10, prefixLenMean: 256, prefixLenStd: 0 },
    ...{ prefixPopularity: 'uniform', zipfExponent: 1, turnsMean: 1, hasSessions: false },
    ...{ numSessions: Number.MAX_SAFE_INTEGER, thinkTimeMeanSec: 10, maxPromptTokens: 131_072 },
    ...{ newTokensMean: 500, newTokensStd: 200 },
  })
})

test('what follows from what was said', () => {
  const of = (options: Parameters<typeof resolveOptions>[0]) => resolveOptions(options)
  // A day is the longest period by default.
  expect(of({ kind: 'diurnal', durationSec: 200_000, rateRps: 5 })).toMatchObject({
    ...{ periodSec: 86_400, peakRateRps: 5, troughRateRps: 1 },
  })
  expect(of({ kind: 'bursty', rateRps: 5 })).toMatchObject({ baseRateRps: 5, burstRateRps: 15 })
  expect(of({ kind: 'gamma', burstiness: 0.25 }).cv).toBe(2)
  expect(of({ genTokensMean: 0 }).genTokensStd).toBe(0)
  expect(of({ promptTokensMean: 70, promptTokensStd: 7 })).toMatchObject({
    ...{ newTokensMean: 70, newTokensStd: 7 },
  })
  expect(of({ turnsMean: 2 }).hasSessions).toBe(true)
  expect(of({ numSessions: 3 }).hasSessions).toBe(true)
})
