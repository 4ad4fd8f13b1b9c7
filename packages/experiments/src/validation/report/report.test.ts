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
  expect(knees).toMatchObject([{ policy: 'a', predicted: '4', measured: '5' }])
})
