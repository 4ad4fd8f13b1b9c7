import { defineRouter, gate, roundRobin } from '@routesim/algorithms'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { pointKey } from '../sweep/point-key.js'
import { compare } from './compare.js'

const toml = `
[cluster]
num_backends = 2
[trace]
rate = 4
duration_sec = 5
`

test('combinators around routers, in this thread and in workers', async () => {
  const algorithms = [
    'round_robin',
    'gate(round-robin):saturation=concurrency,request_limit=1',
    'flow-control(gate(round_robin))@llm-d',
  ]
  const config = parseConfig(toml)
  const [here, there] = await Promise.all(
    [1, 2].map(async (jobs) => (await compare({ config, algorithms, jobs })).results),
  )
  expect(there).toEqual(here)
  expect(here!.map(({ algorithm }) => algorithm)).toEqual([
    'round_robin',
    'gate(round_robin):saturation=concurrency,request_limit=1',
    'flow_control(gate(round_robin))@llm_d',
  ])
  const [free, gated] = here!.map(({ custom_metrics }) => custom_metrics)
  expect(free).not.toHaveProperty('gate_held')
  expect(gated!['gate_held']).toBeGreaterThan(0)
})

test('a table of the config sets what the command line does not', async () => {
  const config = parseConfig(
    `${toml}[algorithms.gate]\nsaturation = "concurrency"\nrequest_limit = 1\n`,
  )
  const algorithms = ['gate(random)', 'gate(random):request_limit=999', 'gate(random)@llm-d']
  const { results } = await compare({ config, algorithms, jobs: 1 })
  const held = results.map(({ custom_metrics }) => custom_metrics?.['gate_held'])
  expect(held[0]).toBeGreaterThan(0)
  expect(held.slice(1)).toEqual([0, undefined])
})

test('around the pair of a disaggregated cluster', async () => {
  const config = parseConfig(
    `${toml}[cluster.disaggregated]\nenabled = true\nprefill_backends = 1\ndecode_backends = 1\n`,
  )
  const algorithms = ['gate(round_robin):saturation=concurrency,request_limit=1', 'skywalker']
  const { results } = await compare({ config, algorithms, jobs: 1 })
  for (const result of results) expect(result).toHaveProperty('rejected_requests', 0)
})

test('mistakes', async () => {
  const told = (algorithm: string) =>
    expect(compare({ config: parseConfig(toml), algorithms: [algorithm], jobs: 1 })).rejects
  await told('gate(rondom)').toThrow('unknown router "rondom"')
  await told('gat(random)').toThrow('unknown combinator "gat"')
  await told('gate(random):queue_limt=3').toThrow('algorithms.gate.queue_limt: unknown parameter')
})

test('around a router that only this process has, they name it too', async () => {
  const own = defineRouter({
    name: 'own',
    description: 'Own.',
    parameters: {},
    create: () => roundRobin.create(),
  })
  const around = [{ definition: gate, parameters: { request_limit: 1 } }]
  const algorithms = [own, { definition: own, around }]
  const { results } = await compare({ config: parseConfig(toml), algorithms, jobs: 1 })
  expect(results.map(({ algorithm }) => algorithm)).toEqual(['own', 'gate(own):request_limit=1'])
  const [bare, gated] = algorithms.map((algorithm) =>
    pointKey({
      ...{ config: parseConfig(toml), algorithm, visibility: {}, seed: 1, requests: undefined },
      ...{ files: [], stepper: 'fast', perRequest: true },
    }),
  )
  expect(gated).not.toBe(bare)
})
