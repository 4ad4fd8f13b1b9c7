import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { moments } from '../testing/statistics.js'
import { generateTrace } from './generate-trace.js'
import { readServegenClients } from './servegen-clients.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'routesim-servegen-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function chunk(number: number, rates: string, lengths: unknown): void {
  writeFileSync(join(folder, `chunk-${number}-trace.csv`), rates)
  writeFileSync(join(folder, `chunk-${number}-dataset.json`), JSON.stringify(lengths))
}

const shares = (input: string, output: string) => ({ input_tokens: input, output_tokens: output })

test('clients keep their rates, gaps and lengths', async () => {
  chunk(0, '0,2,1.5,Gamma,0.4,1\n600,0,0,,0,0\n1200,4,3,Weibull,0.5,1\n', {
    '0': shares('{100: 0.5, 200: 0.5}', '{10: 1.0}'),
    '1200': shares('{300: 1.0}', '{20: 0.25, 40: 0.75}'),
  })
  chunk(1, '0,1,1,Gamma,1,1\n', { '0': shares('{}', '{}') })
  const spec = await readServegenClients(folder, { seed: 4 })
  expect(spec.clients).toEqual([
    {
      name: 'chunk-0',
      arrivals: {
        kind: 'weibull',
        cv: 2.5,
        stages: [
          { durationSec: 600, rateRps: 2 },
          { durationSec: 600, rateRps: 0 },
          { durationSec: 600, rateRps: 4 },
        ],
      },
      promptTokens: { kind: 'empirical', values: [100, 200, 300], weights: [600, 600, 2400] },
      outputTokens: { kind: 'empirical', values: [10, 20, 40], weights: [1200, 600, 1800] },
    },
  ])
  expect(spec.durationSec).toBe(1800)
  const table = generateTrace(spec)
  expect(Math.abs(table.size / 3600 - 1)).toBeLessThan(0.15)
  const mean = (100 + 200 + 4 * 300) / 6
  expect(Math.abs(moments(table.promptTokens).mean / mean - 1)).toBeLessThan(0.02)
})

test('a part of the time, from and to the middle of windows', async () => {
  chunk(3, '0,2,1.5,Gamma,0.4,1\n600,8,30,Gamma,1,1\n', { '0': shares('{1: 1}', '{1: 1}') })
  const { clients, durationSec } = await readServegenClients(folder, {
    seed: 4,
    fromSec: 300,
    toSec: 700,
  })
  expect(durationSec).toBe(400)
  expect(clients[0]!.arrivals).toEqual({
    kind: 'gamma',
    cv: (600 * 1.5 + 800 * 30) / 1400,
    stages: [
      { durationSec: 300, rateRps: 2 },
      { durationSec: 100, rateRps: 8 },
    ],
  })
})

test.each([
  ['0,2\n', {}, 'chunk-0-trace.csv:1: expected seconds,rate,cv and Gamma or Weibull, got "0,2"'],
  ['0,2,1,Pareto\n', {}, 'got "0,2,1,Pareto"'],
  ['0,-2,1,Gamma\n', {}, 'got "0,-2,1,Gamma"'],
  ['600,1,1,Gamma\n0,1,1,Gamma\n', {}, 'chunk-0-trace.csv:2: expected rising seconds, got 0'],
  [
    '0,2,1,Gamma\n',
    { '0': shares('{a: 1}', '{}') },
    '0.input_tokens: expected shares by tokens, got a: 1',
  ],
  [
    '0,2,1,Gamma\n',
    { '0': { input_tokens: 3 } },
    '0.input_tokens: expected shares by tokens, got 3',
  ],
  ['0,0,0,,0,0\n', { '0': shares('{1: 1}', '{1: 1}') }, 'expected a client that sends'],
])('%j with %j is refused', async (rates, lengths, message) => {
  chunk(0, rates, lengths)
  await expect(readServegenClients(folder, { seed: 1 })).rejects.toThrow(message)
})

test('a directory that is not there is named', async () => {
  await expect(readServegenClients(join(folder, 'no'), { seed: 1 })).rejects.toThrow('no: ENOENT')
})
