import { expect, test } from 'vitest'
import { errorSummaries } from './error-summary.js'
import { policyPairs } from './policy-order.js'
import { saturationKnees } from './saturation-knee.js'
import type { ValidationRow } from './validation-row.js'

const row = (
  policy: string,
  stage: string,
  metric: string,
  predicted: number,
  measured: number | null,
): ValidationRow => ({ set: 's', experiment: 'e', policy, stage, metric, predicted, measured })

test('errors by metric, rows without a measured value left out', () => {
  const [summary] = errorSummaries([
    row('p', '1', 'm', 11, 10),
    row('p', '2', 'm', 16, 20),
    row('p', '3', 'm', 5, null),
  ])
  expect(summary).toMatchObject({ count: 2, meanDifference: 2.5 })
  expect(summary!.worstPercent).toBeCloseTo(20, 9)
  expect(summary!.meanPercent).toBeCloseTo(15, 9)
  expect(summary!.biasPercent).toBeCloseTo(-5, 9)
})

test('pairs of policies: only gaps above 10 %, right when the prediction agrees', () => {
  const pairs = policyPairs([
    row('a', '1', 'output_tok_s', 100, 100),
    row('b', '1', 'output_tok_s', 90, 105),
    row('c', '1', 'output_tok_s', 95, 130),
  ])
  expect(pairs.map(({ smaller, larger, isRight }) => [smaller, larger, isRight])).toEqual([
    ['a', 'c', false],
    ['b', 'c', true],
  ])
})

test('the knee is the first stage above 2 s', () => {
  const knees = saturationKnees([
    row('a', '3', 'ttft_mean_s', 0.5, 0.4),
    row('a', '4', 'ttft_mean_s', 2.5, null),
    row('a', '5', 'ttft_mean_s', 9, 8),
    row('a', 'all', 'ttft_mean_s', 9, 8),
  ])
  expect(knees).toMatchObject([
    { policy: 'a', predicted: '4', measured: '5', measuredBelow: '3', stagesOff: 0 },
  ])
})

test.each([
  // Measured: fine at 4, saturated at 7, not known between.
  { saturatedFrom: 2, stagesOff: 3 },
  { saturatedFrom: 4, stagesOff: 1 },
  { saturatedFrom: 5, stagesOff: 0 },
  { saturatedFrom: 7, stagesOff: 0 },
  { saturatedFrom: 8, stagesOff: 1 },
  { saturatedFrom: 99, stagesOff: 2 },
])('a knee from $saturatedFrom on is $stagesOff stages off', ({ saturatedFrom, stagesOff }) => {
  const measured = new Map([
    [2, 0.1],
    [4, 0.2],
    [7, 30],
  ])
  const ladder = [1, 2, 3, 4, 5, 6, 7, 8].map((rate) =>
    row(
      'a',
      String(rate),
      'ttft_mean_s',
      rate >= saturatedFrom ? 9 : 0.1,
      measured.get(rate) ?? null,
    ),
  )
  expect(saturationKnees(ladder)).toMatchObject([{ stagesOff }])
  const unmeasured = ladder.map((each) => ({ ...each, measured: null }))
  expect(saturationKnees(unmeasured)[0]!.stagesOff).toBeUndefined()
})
