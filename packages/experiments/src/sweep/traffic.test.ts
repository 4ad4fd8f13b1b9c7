import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RequestTableBuilder } from '@routesim/core'
import { writeTrace } from '@routesim/traces'
import { expect, test } from 'vitest'
import { whatif } from '../answers/whatif.js'
import { parseConfig } from '../config/parse-config.js'
import { compare } from '../run/compare.js'
import { explain } from '../run/explain.js'
import { sweep } from './sweep.js'
import { TrafficStore } from './traffic.js'

function trace(gapMs: number, firstMs: number) {
  const builder = new RequestTableBuilder()
  for (let i = 0; i < 201; i++) {
    builder.add({ arrivalMs: firstMs + i * gapMs, promptTokens: 500, outputTokens: 20 + (i % 30) })
  }
  return builder.build()
}

function config(atSec: readonly number[], more = '') {
  const [slow, fail, recover] = atSec
  return parseConfig(`
[cluster]
num_backends = 3
${more}
[[events]]
at_sec = ${fail}
kind = "fail"
backend = 1
[[events]]
at_sec = ${slow}
kind = "slow"
factor = 20
backend = 0
[[events]]
at_sec = ${recover}
kind = "recover"
backend = 1
`)
}

test('a trace at another rate has its events beside the same requests', async () => {
  const { points } = await sweep({
    config: config([2, 4, 8]),
    trace: trace(50, 0),
    rates: [20, 40],
    jobs: 1,
  })
  const fast = { config: config([1, 2, 4]), trace: trace(25, 0), algorithms: ['round_robin'] }
  const { results } = await compare({ ...fast, jobs: 1 })
  expect(points[1]!.result.ttft.p99).toBe(results[0]!.ttft.p99)
  expect(points[0]!.result.ttft.p99).not.toBe(results[0]!.ttft.p99)
})

test('a trace with other arrivals has its events beside the same requests, whatever simulates it', async () => {
  const fast = { config: config([1, 2, 4]), trace: trace(25, 0), algorithms: ['round_robin'] }
  const { results } = await compare({ ...fast, jobs: 1 })
  // Begins at 3 s, at 20 requests per second.
  const slow = { config: config([5, 7, 11]), trace: trace(50, 3000), jobs: 1 }
  const rescaled = { ...slow, arrivals: 'rescaled', rateRps: 40 } as const
  const ran = await compare({ ...rescaled, algorithms: ['round_robin'] })
  expect(ran.results).toEqual(results)
  expect(ran.scenario.events.map(({ atMs }) => atMs)).toEqual([1000, 2000, 4000])
  const told = await explain({ ...rescaled, algorithm: 'round_robin', requests: { worst: 1 } })
  expect(told.scenario.events).toEqual(ran.scenario.events)
  const other = await whatif({ ...rescaled, set: { 'events.1.factor': 1 } })
  expect(other.results[0].ttft).toEqual(results[0]!.ttft)
  const store = new TrafficStore({ ...rescaled, configPath: undefined })
  const twice = await store.at(slow.config, 80)
  expect(twice.config.events.map(({ at_sec }) => at_sec)).toEqual([0.5, 1, 2])
})

test('a trace that the config names arrives at each rate, as one that is given', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'routesim-traffic-'))
  await writeTrace(join(directory, 'own.jsonl'), trace(50, 0), 'compact_jsonl')
  const named = join(directory, 'named.toml')
  const cluster = '[cluster]\nnum_backends = 3\n'
  writeFileSync(
    named,
    `${cluster}[trace]\npath = "own.jsonl"\nrate = 50\n[sweep]\nrates = [10, 40]\n`,
  )
  const how = { seeds: 1, jobs: 1 }
  const own = await sweep({ ...how, config: named })
  const given = { config: parseConfig(cluster), trace: join(directory, 'own.jsonl') }
  const { points } = await sweep({ ...how, ...given, rates: [10, 40] })
  expect(own.points.map(({ result }) => result)).toEqual(points.map(({ result }) => result))
  expect(own.durationSec).toBeUndefined()
  expect(own.scenario.source).toMatch(/^own\.jsonl/)
  await expect(sweep({ ...how, config: named, durationSec: 9 })).rejects.toThrow(
    'duration: expected nothing beside a trace, which has its own, got 9',
  )
})

test('events count from the first request then, and those before it come first', async () => {
  const store = new TrafficStore({ trace: trace(50, 3000), configPath: undefined })
  const own = await store.at(config([2, 4, 8]), 10)
  expect(own.config.events.map(({ kind, at_sec }) => [kind, at_sec])).toEqual([
    ['slow', 0],
    ['fail', 2],
    ['recover', 10],
  ])
  const asItIs = await store.at(config([2, 4, 8]), undefined)
  expect(asItIs.config.events.map(({ at_sec }) => at_sec)).toEqual([4, 2, 8])
})

test('Poisson arrivals at another rate take their events along', async () => {
  const store = new TrafficStore({ trace: trace(50, 0), configPath: undefined })
  const given = config([2, 4, 8], '[trace]\narrivals = "poisson"\nrate = 20')
  const times = async (rate: number) =>
    (await store.at(given, rate)).config.events.map(({ at_sec }) => at_sec)
  expect(await times(20)).toEqual([4, 2, 8])
  expect(await times(40)).toEqual([1, 2, 4])
})

test('traffic is generated for as long as is asked, as the config says, or else the default', () => {
  const client = '[[workload.clients]]\nname = "a"\nprompt_tokens = 9\noutput_tokens = 9\n'
  const lengthOf = (toml: string, durationSec?: number): number =>
    new TrafficStore({ configPath: undefined, durationSec }).durationSec(
      parseConfig(`[cluster]\nnum_backends = 1\n${toml}`),
    )
  expect(lengthOf(`[workload]\nduration_sec = 7\n${client}arrivals = { rate_rps = 1 }`)).toBe(7)
  expect(lengthOf('[trace]\nduration_sec = 8')).toBe(8)
  expect(lengthOf('[trace]\nduration_sec = 8', 9)).toBe(9)
  expect(lengthOf('')).toBeGreaterThan(9)
})

test('what ends traffic before its time is told, instead of a time that it does not last', async () => {
  const client = 'prompt_tokens = 99\noutput_tokens = 9\n'
  const bounded = (keys: string) =>
    parseConfig(`[cluster]\nnum_backends = 2\n[workload]\n${client}${keys}\n`)
  const many = bounded('requests = 300\narrivals = { rate_rps = 5 }')
  const how = { rates: [10, 20], jobs: 1 }
  const short = await sweep({ ...how, config: many, durationSec: 600 })
  expect(short.durationSec).toBeUndefined()
  const after = 'after about 30 s at 10 requests/s and 15 s at 20 requests/s'
  expect(short.scenario.notes).toEqual([
    `requests of [workload] end the traffic before its 600 s are over: ${after}`,
  ])
  const enough = await sweep({ ...how, config: many, durationSec: 10 })
  expect(enough.durationSec).toBe(10)
  expect(enough.scenario.notes).toEqual([])
  const stages = '[{ duration_sec = 10, rate_rps = 5 }, { duration_sec = 20, rate_rps = 9 }]'
  const inStages = await sweep({ ...how, config: bounded(`arrivals.stages = ${stages}`) })
  expect(inStages.durationSec).toBeUndefined()
  expect(inStages.scenario.notes).toEqual([
    'stages of [workload] end the traffic after about 30 s at 10 requests/s and 30 s at 20 requests/s',
  ])
  const few = parseConfig('[cluster]\nnum_backends = 2\n[trace]\nnum_sessions = 20\nturns_mean = 2')
  expect((await sweep({ ...how, config: few })).scenario.notes[0]).toBe(
    'num_sessions of [trace] end the traffic after about 4 s at 10 requests/s and 2 s at 20 requests/s',
  )
})

test('a duration beside no rates has no effect, and is refused', async () => {
  const set = { 'cluster.num_backends': [1, 2] }
  const given = parseConfig('[cluster]\nnum_backends = 1\n[trace]\nrate = 9\nduration_sec = 3')
  await expect(sweep({ config: given, set, durationSec: 9, jobs: 1 })).rejects.toThrow(
    'duration: expected nothing beside traffic as the config has it, got 9',
  )
})
