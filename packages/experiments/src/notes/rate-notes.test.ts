import { RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { capacity } from '../answers/capacity.js'
import { whatif } from '../answers/whatif.js'
import { parseConfig } from '../config/parse-config.js'
import { compare } from '../run/compare.js'
import { sweep } from '../sweep/sweep.js'
import { isOtherRate, rateNotes } from './rate-notes.js'

const fleet = parseConfig('[cluster]\nnum_backends = 4\n')

/** Conversations of five turns, one beginning each second; `thinkMs` after each answer. */
function conversations(thinkMs: number | undefined) {
  const builder = new RequestTableBuilder()
  const rows = Array.from({ length: 300 }, (_, i) => ({ start: i % 60, turn: Math.floor(i / 60) }))
  for (const [row, { start, turn }] of rows.entries()) {
    const waits = thinkMs !== undefined && turn > 0
    builder.add({
      ...{ arrivalMs: (turn * 60 + start) * 1000, promptTokens: 400, outputTokens: 300 },
      ...(waits && { predecessor: row - 60, thinkMs }),
    })
  }
  return builder.build()
}

test('turns that wait for answers come at another rate than asked for, and a note says at which', async () => {
  const algorithms = ['round_robin']
  const how = { config: fleet, jobs: 1, rates: [1, 100] }
  const waiting = await sweep({ ...how, trace: conversations(1000) })
  const came = waiting.points.map(({ result }) => result.saturation.offered_per_sec as number)
  expect(came[0]).toBeCloseTo(1, 1)
  expect(came[1]).toBeLessThan(50)
  const why = 'turns wait for the answers before them'
  expect(waiting.scenario.notes).toEqual([
    `requests came at other rates than asked for (${Number(came[1]!.toPrecision(3))}/s for 100): ${why}`,
  ])
  const run = { config: fleet, algorithms, jobs: 1, arrivals: 'rescaled' } as const
  const one = await compare({ ...run, trace: conversations(1000), rateRps: 100 })
  expect(one.scenario.notes).toEqual(waiting.scenario.notes)
  const slow = await compare({ ...run, trace: conversations(1000), rateRps: 1 })
  expect(slow.scenario.notes).toEqual([])
  const open = await sweep({ ...how, trace: conversations(undefined) })
  expect(open.scenario.notes).toEqual([])
})

test('so do those of a trace whose config says its rate, whatever is asked of it', async () => {
  const how = { jobs: 1, trace: conversations(1000) }
  const arrivals = 'arrivals = "rescaled"\nrate = 100'
  const config = parseConfig(
    `[cluster]\nnum_backends = 4\n[trace]\n${arrivals}\n[slo]\nttft_ms = 900`,
  )
  const note = expect.stringMatching(
    /^requests came at other rates than asked for \(.*\/s for 100\)/,
  )
  const set = { 'cluster.num_backends': [3, 4] }
  expect((await sweep({ ...how, config, set })).scenario.notes).toEqual([note])
  const swept = await sweep({ ...how, config, set: { 'trace.rate': [1, 100] } })
  expect(swept.scenario.notes).toEqual([note])
  expect((await capacity({ ...how, config, find: 'backends' })).scenario.notes).toEqual([
    note,
    expect.stringContaining('is told by 300 requests'),
  ])
  const change = { 'cluster.num_backends': 5 }
  expect((await whatif({ ...how, config, set: change, windows: 2 })).scenario.notes).toContainEqual(
    note,
  )
})

test('think times shrink with the gaps between arrivals, so that they do not bound the rate', async () => {
  const { points } = await sweep({
    ...{ config: fleet, jobs: 1, rates: [1, 2] },
    trace: conversations(55_000),
  })
  const [one, two] = points.map(({ result }) => result.saturation.offered_per_sec as number)
  expect(two! / one!).toBeGreaterThan(1.8)
})

test.each([
  [
    'turns_mean = 3\nduration_sec = 30',
    /^requests .* for 20\): conversations go on after the last/,
  ],
  ['generator = "bursty"\nduration_sec = 120', /\/s for 20\): trace.rate is that between bursts$/],
  ['generator = "diurnal"\nduration_sec = 60', /\/s for 20\): trace.rate is the highest of a day$/],
])('generated traffic with %j comes at another rate than that of its point', async (keys, note) => {
  const config = parseConfig(`[cluster]\nnum_backends = 4\n[trace]\n${keys}\n`)
  const { scenario } = await sweep({ config, jobs: 1, rates: [20], seeds: 2 })
  expect(scenario.notes.at(-1)).toMatch(note)
})

test('a limit of requests in flight holds them back', async () => {
  const config = parseConfig('[cluster]\nnum_backends = 1\n[workload]\nconcurrency = 2\n')
  const how = { config, algorithms: ['round_robin'], jobs: 1, arrivals: 'rescaled' } as const
  const { scenario } = await compare({ ...how, trace: conversations(undefined), rateRps: 50 })
  expect(scenario.notes).toEqual([
    expect.stringMatching(/\/s for 50\): at most 2 are in flight at once$/),
  ])
})

test('few requests may come at another rate by chance, and a note names a few rates of many', () => {
  expect(isOtherRate({ rate: 10, offered: 12, requests: 100 })).toBe(false)
  expect(isOtherRate({ rate: 10, offered: 12, requests: 10_000 })).toBe(true)
  expect(isOtherRate({ rate: 10, offered: 10.9, requests: 10_000 })).toBe(false)
  expect(isOtherRate({ rate: 10, offered: null, requests: 1 })).toBe(false)
  const asked = [10, 20, 30, 40, 50].map((rate) => ({ rate, offered: 5, requests: 10_000 }))
  expect(rateNotes(asked, [])).toEqual([])
  expect(rateNotes(asked, ['so'])).toEqual([
    'requests came at other rates than asked for (5/s for 10, 5/s for 20, 5/s for 30 and 2 more): so',
  ])
})
