import { defineRouter, leastOf } from '@routesim/algorithms'
import { disaggregate, prefillOn } from '@routesim/core'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { compare } from './compare.js'

const config = parseConfig(`
[cluster]
num_backends = 3
disaggregated = { enabled = true, prefill_backends = 2, decode_backends = 1 }
[trace]
rate = 4
duration_sec = 5
`)

/** Sees all backends, and sends prompts to the second. */
const together = defineRouter({
  name: 'together',
  description: 'Chooses both.',
  create: () => ({
    disaggregates: true,
    route: (_, { backends }) => disaggregate(backends[1]!, backends[2]!),
  }),
})
const late = defineRouter({
  name: 'late',
  description: 'Chooses one after the other.',
  create: () => ({
    route: (_, { backends }) => prefillOn(backends[1]!),
    routeDecode: (_, cluster) =>
      leastOf(cluster.pool('decode'), cluster.columns.outstanding, 'first'),
  }),
})

test('a router that chooses both backends is asked alone', async () => {
  const { results } = await compare({ config, algorithms: [together, late], jobs: 1 })
  for (const { per_backend, rejected_requests: rejected } of results) {
    expect(rejected).toBe(0)
    const prompts = per_backend.map((each) => Number(each.prefill_tokens) > 0)
    expect(prompts).toEqual([false, true, false])
  }
})

test('without the property it is one of a pair, which says how to mend it', async () => {
  const silent = defineRouter({
    name: 'silent',
    description: 'Chooses both and does not say so.',
    create: () => ({ route: (_, { backends }) => disaggregate(backends[0]!, backends[1]!) }),
  })
  await expect(compare({ config, algorithms: [silent], jobs: 1 })).rejects.toMatchObject({
    message: expect.stringContaining('expected silent to choose one backend, got disaggregate()'),
    hint: expect.stringContaining('disaggregates: true'),
  })
})
