import { defineRouter, unwrapSpec } from '@routesim/algorithms'
import { RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { compare } from '../run/compare.js'
import { metric } from '../run/metric.js'
import { sweep } from '../sweep/sweep.js'
import { tune } from './tune.js'

const config = parseConfig(`
[cluster]
num_backends = 2
[trace]
rate = 30
duration_sec = 20
`)
const options = { config, jobs: 1 }

/** Its cost is known: least at x = 0.3, n = 7, mode = good, whatever else. */
const planted = defineRouter({
  name: 'planted',
  description: 'Says what its parameters cost.',
  parameters: {
    x: { default: 0.9, min: 0, max: 1, description: 'A share.' },
    n: { default: 40, min: 1, max: 50, integer: true, description: 'A count.' },
    scale: { default: 1, min: 0, description: 'A weight without a bound; best at 12.' },
    mode: { default: 'bad', choices: ['bad', 'good', 'worse'], description: 'A choice.' },
    idle: { default: 5, min: 0, max: 9, description: 'Nothing.' },
  },
  create: ({ x, n, scale, mode }) => ({
    route: (_, { backends }) => backends[0]!,
    customMetrics: () => ({
      cost:
        1 +
        (x - 0.3) ** 2 * 10 +
        Math.abs(n - 7) / 10 +
        Math.abs(Math.log((scale + 1e-3) / 12)) / 4 +
        { bad: 1, good: 0, worse: 2 }[mode],
    }),
  }),
})

test('a planted optimum is found, and what does not matter stays as it is', async () => {
  const found = await tune({
    ...options,
    algorithm: planted,
    objective: 'custom_metrics.cost',
    subjectTo: [],
    windows: 3,
  })
  const best = Object.fromEntries(found.parameters.map(({ name, tuned }) => [name, tuned]))
  expect(best).toMatchObject({ n: 7, mode: 'good', idle: 5 })
  expect(best['x']).toBeCloseTo(0.3, 1)
  expect(Math.abs(Math.log(Number(best['scale']) / 12))).toBeLessThan(0.1)
  expect(found.held_out.gain).toMatchObject({ outcome: 'better', pairs: 3 })
  expect(found.sensitivity.at(-1)).toMatchObject({ name: 'idle', effect: 0 })
  expect(found.verdict.at(-1)).toBe('Hardly anything depends on idle.')
})

test('of generated traffic as many requests are held out as their seeds have', async () => {
  const warm = { ...config, simulation: { ...config.simulation, warmup_requests: 10 } }
  const found = await tune({
    ...{ ...options, config: warm, algorithm: planted, objective: 'custom_metrics.cost' },
    ...{ seeds: 2, windows: 3, candidates: 1, only: ['idle'] },
  })
  const first = config.simulation.seed
  const measured = await Promise.all(
    [2, 3, 4].map(async (next) => {
      const how = { config: warm, jobs: 1, algorithms: [planted], seed: first + next }
      return Number((await compare(how)).results[0]!.total_requests)
    }),
  )
  expect(new Set(measured).size).toBeGreaterThan(1)
  expect(found.held_out.requests).toBe(measured.reduce((sum, requests) => sum + requests, 0))
})

test('a better value that only the look along a parameter finds is where the search goes on', async () => {
  const valleys = defineRouter({
    name: 'valleys',
    description:
      'A wide valley at 0.5, and a deep hole at the end, where the other parameter counts anew.',
    parameters: {
      x: { default: 0.5, min: 0, max: 1, description: 'A share.' },
      y: { default: 0.5, min: 0, max: 1, description: 'Another.' },
    },
    create: ({ x, y }) => ({
      route: (_, { backends }) => backends[0]!,
      customMetrics: () => ({
        cost: x === 0 ? 1 + (y - 0.2) ** 2 : 2 + (x - 0.5) ** 2 + (y - 0.5) ** 2,
      }),
    }),
  })
  const { parameters, tried, training } = await tune({
    ...options,
    algorithm: valleys,
    objective: 'custom_metrics.cost',
    subjectTo: [],
    candidates: 1,
    windows: 2,
  })
  const best = Object.fromEntries(parameters.map(({ name, tuned }) => [name, tuned]))
  expect(best['x']).toBe(0)
  expect(best['y']).toBeCloseTo(0.2, 1)
  // Nothing that was tried is better than what is recommended, by more than a trifle.
  const least = Math.min(...tried.map(({ objective }) => objective!))
  expect(training.tuned!).toBeLessThanOrEqual(least * 1.001)
})

/** Costs 0 whatever `idle` is, and less than 0 the larger `up` is. */
const falling = defineRouter({
  name: 'falling',
  description: 'Costs less and less.',
  parameters: {
    idle: { default: 5, min: 0, max: 9, description: 'Nothing.' },
    up: { default: 0, min: 0, max: 1, description: 'What it costs less.' },
  },
  create: ({ up }) => ({
    route: (_, { backends }) => backends[0]!,
    customMetrics: () => ({ cost: 0 - up }),
  }),
})
const cheaply = { ...options, objective: 'custom_metrics.cost', candidates: 2, windows: 2 }

test('where every value costs 0, none matters, and a bound that nothing keeps is told', async () => {
  const { sensitivity, verdict } = await tune({
    ...cheaply,
    algorithm: falling,
    only: ['idle'],
    subjectTo: ['custom_metrics.cost<=-2'],
  })
  expect(sensitivity).toMatchObject([{ name: 'idle', effect: 0 }])
  expect(verdict).toEqual([
    'Nothing that was tried is better than falling as it is, on the traffic that was searched in.',
    'On what was held out, it breaks custom_metrics.cost<=-2.',
    'Hardly anything depends on idle.',
  ])
})

test('to look beyond a range is advised where there is something beyond it', async () => {
  const how = { ...cheaply, algorithm: falling, only: ['up'], subjectTo: [] }
  const whole = await tune(how)
  expect(whole.parameters).toMatchObject([{ tuned: 1, is_at_end: false }])
  expect(whole.verdict.join(' ')).not.toContain('--range')
  const half = await tune({ ...how, ranges: { up: { from: 0.1, to: 0.5 } } })
  expect(half.parameters).toMatchObject([{ tuned: 0.5, is_at_end: true }])
  expect(half.verdict.at(-1)).toContain('--range')
})

/** Sends a share of requests to backend 0, evenly. */
const shared = defineRouter({
  name: 'shared',
  description: 'Sends a share to the first backend.',
  parameters: { share: { default: 0.5, min: 0, max: 1, description: 'Of the first.' } },
  create: ({ share }) => {
    let owed = 0
    return {
      route: (_, { backends }) => {
        owed += share
        if (owed < 1) return backends[1]!
        owed -= 1
        return backends[0]!
      },
    }
  },
})

const uneven = parseConfig(`
[[cluster.backends]]
compute_model = { kind = "affine", base_ms = 5, prefill_ms_per_token = 0.01, decode_ms_per_request = 0.1 }
[[cluster.backends]]
compute_model = { kind = "affine", base_ms = 5, prefill_ms_per_token = 0.03, decode_ms_per_request = 0.3 }
`)

function trace(size: number) {
  const builder = new RequestTableBuilder()
  for (let i = 0; i < size; i++) {
    const promptTokens = 500 + ((i * 7919) % 2000)
    builder.add({ arrivalMs: i * 12, promptTokens, outputTokens: 2 + (i % 5) })
  }
  return builder.build()
}

test('of two backends, the faster gets as much as the best of a grid gives it', async () => {
  const given = { config: uneven, jobs: 1, trace: trace(3000) }
  const found = await tune({ ...given, algorithm: shared, objective: 'ttft.mean' })
  const { parameters, training, held_out: held } = found
  const values = Array.from({ length: 41 }, (_, i) => i / 40)
  const { points } = await sweep({
    ...given,
    trace: trace(1500),
    algorithms: values.map((share) => ({
      definition: shared,
      parameters: { share },
      label: `${share}`,
    })),
  })
  const means = points.map(({ result }) => metric(result, 'ttft.mean').value!)
  const best = values[means.indexOf(Math.min(...means))]!
  expect(best).toBeGreaterThan(0.6)
  expect(training.requests).toBe(1500)
  expect(training.tuned!).toBeLessThanOrEqual(Math.min(...means) * 1.02)
  expect(Math.abs(Number(parameters[0]!.tuned) - best)).toBeLessThan(0.1)
  expect(held).toMatchObject({
    pairs: 'windows',
    gain: { outcome: 'better', pairs: 8 },
    broken: [],
  })
  expect(found.spec).toMatch(/^shared:share=0\.\d+$/)
})

test('of a trace with Poisson arrivals the end is held out, under every seed', async () => {
  const config = parseConfig(
    '[cluster]\nnum_backends = 2\n[trace]\narrivals = "poisson"\nrate = 80',
  )
  const { algorithm, seeds } = { algorithm: shared, seeds: 2 }
  const how = { jobs: 1, algorithm, seeds, candidates: 2, windows: 3 }
  const found = await tune({ ...how, config, trace: trace(900) })
  expect(found.training.requests).toBe(450)
  const warm = { ...config, simulation: { ...config.simulation, warmup_requests: 50 } }
  const measured = await tune({ ...how, config: warm, trace: trace(900) })
  expect([measured.training.requests, measured.held_out.requests]).toEqual([400, 450])
  expect(found.held_out).toMatchObject({ pairs: 'windows', requests: 450 })
  // Whatever is held out, what is found is the same.
  const [first, second] = await Promise.all(
    [1, 9].map(async (promptTokens) => {
      const builder = new RequestTableBuilder()
      for (let i = 0; i < 900; i++) {
        const own = i < 450 ? 500 : 100 * promptTokens
        builder.add({ arrivalMs: i * 12, promptTokens: own, outputTokens: 3 })
      }
      return tune({ ...how, config, trace: builder.build() })
    }),
  )
  expect(second!.tried).toEqual(first!.tried)
  expect(second!.held_out.before).toBeGreaterThan(first!.held_out.before!)
})

test('what is tuned in a combinator stays in it', async () => {
  const first = defineRouter({
    name: 'first',
    description: 'The first that it is shown.',
    parameters: { idle: { default: 5, min: 0, max: 9, integer: true, description: 'Nothing.' } },
    create: () => ({ route: (_, { backends }) => backends[0]! }),
  })
  const { around } = unwrapSpec('gate(random):saturation=concurrency,request_limit=1')
  const how = { config: uneven, jobs: 1, trace: trace(600), candidates: 4, windows: 2 }
  const { tried } = await tune({ ...how, algorithm: { definition: first, around } })
  expect(tried.length).toBeGreaterThan(3)
  // Without the gate, requests would wait at their backend.
  expect(new Set(tried.map(({ objective }) => objective)).size).toBe(1)
  const { spec } = await tune({ ...how, algorithm: { definition: shared, around } })
  expect(spec).toMatch(/^gate\(shared:share=[\d.]+\):saturation=concurrency,request_limit=1$/)
})

test('what can not be tuned is refused', async () => {
  await expect(tune({ ...options, algorithm: 'round_robin' })).rejects.toThrow(
    'a parameter to tune',
  )
  const algorithm = planted
  await expect(tune({ ...options, algorithm, only: ['y'] })).rejects.toThrow(
    'only: expected a parameter of planted, got "y"',
  )
  await expect(tune({ ...options, algorithm, objective: 'ttft.p98' })).rejects.toThrow(
    'objective: expected',
  )
  await expect(tune({ ...options, algorithm, subjectTo: ['requests_per_sec'] })).rejects.toThrow(
    'with a bound',
  )
  await expect(tune({ ...options, algorithm, holdout: 1 })).rejects.toThrow('holdout: expected')
  await expect(tune({ ...options, algorithm, ranges: { x: { from: 1, to: 0 } } })).rejects.toThrow(
    'ranges x: expected a range from below to',
  )
  await expect(tune({ ...options, algorithm, ranges: { x: [0.5, 2] } })).rejects.toMatchObject({
    message: 'ranges x: expected a number from 0 to 1, got 2',
    path: 'ranges',
  })
})
