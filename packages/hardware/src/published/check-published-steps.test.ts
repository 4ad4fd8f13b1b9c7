import { describe, expect, test } from 'vitest'
import { AFFINE_PROFILES, findAffineProfile } from '../latency/affine-profiles.js'
import { checkPublishedSteps, type PublishedStep } from './check-published-steps.js'

function meanErrorPercent(steps: readonly PublishedStep[]): number {
  const errors = steps.map(({ predicted, measured }) => Math.abs(predicted / measured - 1))
  return (100 * errors.reduce((sum, error) => sum + error, 0)) / errors.length
}

describe.each(['step', 'operator'] as const)('the roofline by %s', (granularity) => {
  const steps = checkPublishedSteps(granularity).filter(({ model }) => model === 'roofline')
  const of = (experiment: string, metric: string) =>
    steps.filter((step) => step.experiment.startsWith(experiment) && step.metric === metric)

  test.each([
    ['Llama-3.1-70B fp8 H100', 'tpot_ms', 21, 5],
    ['Qwen3-32B bf16 H100', 'tpot_ms', 18, 5],
    ['gpt-oss-120b mxfp4 H200', 'tpot_ms', 18, 8],
    ['kernels', 'decode_ms', 22, 6],
    ['kernels', 'prefill_ms', 27, 5],
  ])('%s, %s', (experiment, metric, count, limitPercent) => {
    const these = of(experiment, metric)
    expect(these).toHaveLength(count)
    expect(meanErrorPercent(these)).toBeLessThan(limitPercent)
  })
})

describe('the affine profiles', () => {
  const steps = checkPublishedSteps().filter(({ model }) => model === 'affine')

  test('Splitwise decodes', () => {
    const these = steps.filter(({ experiment }) => experiment.startsWith('Splitwise'))
    expect(these).toHaveLength(38)
    expect(meanErrorPercent(these)).toBeLessThan(3)
  })

  test('real TPOT of Llama-3.1-70B in FP8 on H100', () => {
    const these = steps.filter(({ metric }) => metric === 'tpot_ms')
    expect(these).toHaveLength(21)
    expect(meanErrorPercent(these)).toBeLessThan(3.5)
  })

  test('have names of their own and say where they come from', () => {
    for (const profile of AFFINE_PROFILES) {
      expect(findAffineProfile(profile.name)).toBe(profile)
      expect(profile.source).toMatch(/error [\d.]+( to [\d.]+)? %$/)
    }
    expect(() => findAffineProfile('llama-3.1-70b fp8 h100 tp3 vllm')).toThrow(
      /did you mean "llama-3.1-70b fp8 h100 tp\d vllm"/,
    )
  })
})
