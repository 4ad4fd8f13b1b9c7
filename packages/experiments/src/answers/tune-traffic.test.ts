import { RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { TrafficStore } from '../sweep/traffic.js'
import { prepareSearch } from './search-options.js'
import { splitTraffic } from './tune-traffic.js'

const config = parseConfig(`
[cluster]
num_backends = 2
[trace]
rate = 50
duration_sec = 10
`)

test('generated traffic is held out under seeds that the search never sees', async () => {
  const prepared = prepareSearch({ config, seed: 5, seeds: 3 }, config, 1)
  const split = await splitTraffic(config, new TrafficStore({ configPath: undefined }), prepared, {
    holdout: 0.4,
    windows: 4,
  })
  expect(split.pairs).toBe('seeds')
  expect(split.training(1).map(({ seed }) => seed)).toEqual([5, 6, 7])
  expect(split.heldOut.map(({ seed }) => seed)).toEqual([8, 9, 10, 11])
})

test('by hand: of a trace the last part is held out, in windows, after all that comes before', async () => {
  const builder = new RequestTableBuilder()
  for (let i = 0; i < 2003; i++) {
    builder.add({ arrivalMs: 10 * i, promptTokens: 100 + i, outputTokens: 5 })
  }
  const trace = new TrafficStore({ configPath: undefined, trace: builder.build() })
  const prepared = prepareSearch({ config, seed: 5 }, config, 1)
  const split = await splitTraffic(config, trace, prepared, { holdout: 0.4, windows: 3 })
  expect(split.pairs).toBe('windows')
  const promptsOf = async (sample: (typeof split.heldOut)[number]) => {
    const { workload } = await sample.traffic.at(sample.adapted(config), undefined)
    const { promptTokens } = await workload.requests(5, undefined)
    const { warmup_requests } = sample.adapted(config).simulation
    return { first: promptTokens[0], last: promptTokens.at(-1), warmup_requests }
  }
  const [heldOut] = split.heldOut
  expect(await promptsOf(heldOut!)).toEqual({ first: 100, last: 2102, warmup_requests: 1201 })
  // From 1201 to 2002 in three.
  expect(heldOut!.windowStarts).toEqual([1468, 1735])
  // A ninth of what is left to search in would be too few.
  expect(split.shares).toEqual([1 / 3, 1])
  const [third, whole] = split.shares.map((share) => split.training(share)[0]!)
  expect(await promptsOf(third!)).toMatchObject({ first: 100, last: 499, warmup_requests: 0 })
  expect(await promptsOf(whole!)).toMatchObject({ first: 100, last: 1300 })
})
