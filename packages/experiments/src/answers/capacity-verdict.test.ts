import { expect, test } from 'vitest'
import type { CapacityAnswer } from './capacity-report.js'
import { capacityVerdict } from './capacity-verdict.js'

test.each([
  [99, 0.5, '50%'],
  [99, 0.98996, '98.996%'],
  [99, 0.98949, '98.9%'],
  [99, 0.9899999, '98.99999%'],
  // 55.00000000000001 as a product.
  [55, 0.54996, '54.996%'],
])('%d%% are missed by a share of %d, which is told as %s', (goal, attainment, text) => {
  const probes = [{ value: 1, split: [1], attainment, oversized: 0, saturation: 'stable' }]
  const known = { algorithm: 'random', gpu: 'H100', meets: 2, misses: 1 }
  const answer = {
    ...known,
    usd_per_hour: null,
    offered_per_sec: null,
    fleet: null,
    bounded_by: null,
  }
  const answers = [{ ...answer, problem: null, probes } as unknown as CapacityAnswer]
  const [told] = capacityVerdict({
    find: 'backends',
    rate: 9,
    attainment: goal / 100,
    precision: 0.1,
    answers,
  })
  expect(told).toBe(
    `random needs 2 backends for ${goal}% within their targets; 1 is too few (${text} within targets).`,
  )
})

function all(
  find: 'rate' | 'backends',
  answers: readonly Partial<CapacityAnswer>[],
): readonly string[] {
  const full = answers.map((answer): CapacityAnswer => {
    const { meets = null, misses = null } = answer
    const per_seed = [{ seed: 1, meets, misses }]
    const rest = {
      gpu: 'H100',
      bounded_by: null,
      offered_per_sec: null,
      backends: null,
      fleet: null,
      usd_per_hour: null,
      probes: [],
      problem: null,
    }
    return { algorithm: 'random', meets, misses, per_seed, ...rest, ...answer }
  })
  return capacityVerdict({ find, rate: 9, attainment: 0.99, precision: 0.1, answers: full })
}

function last(find: 'rate' | 'backends', answers: readonly Partial<CapacityAnswer>[]): string {
  return all(find, answers).at(-1)!
}

test('one that carries all that was tried carries most', () => {
  const others = [
    { algorithm: 'b', meets: 50, misses: 51 },
    { algorithm: 'c', meets: 30, misses: 31 },
  ]
  const a = { algorithm: 'a', meets: 100, misses: null }
  expect(last('rate', [...others, a])).toBe('a carries most, at least 100% more than b.')
  expect(last('rate', [...others, a, { ...a, algorithm: 'd' }])).toBe(
    'Nothing that was tried tells a and d apart.',
  )
})

test('a seed that carries nothing counts, and so does one that carries all that was tried', () => {
  const seeds = (...ends: readonly (readonly [number | null, number | null])[]) =>
    ends.map(([meets, misses], i) => ({ seed: i + 1, meets, misses }))
  const plain = { algorithm: 'a', meets: 50, misses: 51, per_seed: seeds([60, 61], [45, 46]) }
  const rival = { algorithm: 'b', meets: 40, misses: 41, per_seed: seeds([40, 41], [40, 41]) }
  expect(last('rate', [plain, rival])).toBe('a carries most, 25% more than b.')
  const near = 'No significant difference between a and b: within the interval and the seeds.'
  expect(last('rate', [{ ...plain, per_seed: seeds([60, 61], [null, 40]) }, rival])).toBe(near)
  expect(last('rate', [plain, { ...rival, per_seed: seeds([40, null], [40, 41]) }])).toBe(near)
  const third = { algorithm: 'c', meets: 30, misses: 31, per_seed: seeds([10, 11], [70, 71]) }
  expect(last('rate', [plain, rival, third])).toContain('No significant difference between a and c')
})

test('prices are compared in cents, and all that cost the same are named', () => {
  const fleet = (gpu: string, backends: number, usd: number) => {
    const usd_per_hour = new Array(backends).fill(usd).reduce((sum, each) => sum + each, 0)
    return { gpu, meets: backends, backends, usd_per_hour }
  }
  const equal = [fleet('X', 3, 1.1), fleet('Y', 1, 3.3), fleet('Z', 2, 1.65)]
  expect(last('backends', equal)).toBe('X, Y and Z cost the same, $3.30/h.')
  expect(last('backends', [fleet('Y', 1, 3.31), fleet('X', 3, 1.1)])).toBe(
    'The cheapest is 3 x X at $3.30/h, less than 1% below the next, Y.',
  )
})

test('where requests came at another rate than asked for, both are told', () => {
  const answer = { meets: 60, misses: 70, offered_per_sec: 8.064 }
  const first = (told: Partial<CapacityAnswer>, find: 'rate' | 'backends') => all(find, [told])[0]
  expect(first(answer, 'rate')).toBe(
    'random carries 8.06 requests/s on average (60 asked for) with 99% within their targets, and not when 70 are asked for.',
  )
  expect(first({ ...answer, misses: null }, 'rate')).toBe(
    'random still has 99% within their targets at 8.06 requests/s on average (60 asked for), the most that was tried.',
  )
  expect(first({ ...answer, meets: 4, misses: 3 }, 'backends')).toBe(
    'random needs 4 backends for 99% within their targets at 8.06 requests/s on average (9 asked for); 3 are too few.',
  )
  const others = [{ algorithm: 'a', meets: 200, misses: 201, offered_per_sec: 16.13 }, answer]
  expect(last('rate', others)).toBe('a carries most, 100% more than random.')
})

test('how the backends are dealt out is told, where there is more than one way', () => {
  const probe = { meets: false, attainment: 0.5, oversized: 0, saturation: 'stable' } as const
  const probes = [
    { ...probe, value: 5, split: [2, 3] },
    { ...probe, value: 6, split: [4, 2], meets: true },
  ] as unknown as CapacityAnswer['probes']
  const pools = { meets: 6, misses: 5, fleet: '4 prefill + 2 decode', usd_per_hour: 21, probes }
  expect(all('backends', [pools])).toEqual([
    'random needs 6 backends (4 prefill + 2 decode) for 99% within their targets, $21.00/h; 5 are too few, however they are split.',
  ])
  const others = [
    { ...pools, backends: 6 },
    { gpu: 'X', meets: 9, backends: 9, usd_per_hour: 30 },
  ]
  expect(last('backends', others)).toBe(
    'The cheapest is 6 x H100 (4 prefill + 2 decode) at $21.00/h, 30% below the next, X.',
  )
  const group = { meets: 20, misses: 19, fleet: '1 x H100 SXM + 19 x L40S' }
  const grown = [
    { ...probe, value: 19, split: [1, 18] },
    { ...probe, value: 20, split: [1, 19], meets: true },
  ] as unknown as CapacityAnswer['probes']
  expect(all('backends', [{ ...group, probes: grown }])[0]).toContain(
    'needs 20 backends (1 x H100 SXM + 19 x L40S) for 99% within their targets; 19 are too few (50% within targets)',
  )
})
