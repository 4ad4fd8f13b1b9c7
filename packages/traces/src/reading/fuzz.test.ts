import { gzipSync } from 'node:zlib'
import { RandomStream, RouteSimError } from '@routesim/core'
import { expect, it } from 'vitest'
import { generateTrace } from '../generating/generate-trace.js'
import { traceStats } from '../stats/trace-stats.js'
import { readText } from '../testing/in-memory.js'
import { formatTrace } from '../writing/write-trace.js'
import type { ReadTraceOptions } from './read-trace.js'

const SCRAPS = [
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '-',
  '1e400',
  '99999999999',
  'null',
  '\n',
  '\u0000',
  '#',
  '0.5',
]

it('ends every mutated trace in a table or in a RouteSimError', async () => {
  const table = generateTrace({ rateRps: 1, durationSec: 12, turnsMean: 3, numPrefixes: 2 })
  const seeds = [
    formatTrace(table, 'compact_jsonl'),
    formatTrace(table, 'mooncake', { blockTokens: 64 }),
    formatTrace(table, 'otel'),
    formatTrace(table, 'otel', { otelLayout: 'document' }),
  ].map((text) => Buffer.from(text))
  const random = new RandomStream(7, 'fuzz')
  const outcomes = new Map<string, number>()
  for (let i = 0; i < 2000; i++) {
    let bytes: Buffer = seeds[i % seeds.length]!
    for (let n = random.integer(4); n >= 0; n--) bytes = mutate(bytes, random)
    if (random.integer(10) === 0) {
      bytes = gzipSync(bytes)
      if (random.integer(2) === 0) bytes = mutate(bytes, random)
    }
    const options: ReadTraceOptions = { onError: random.integer(2) === 0 ? 'skip' : 'fail' }
    const outcome = await readText(bytes, options).then(
      ({ table }) => {
        expect(formatTrace(table, 'compact_jsonl').split('\n').length).toBe(table.size + 1)
        expect(traceStats(table, { blockTokens: 1 << 20 }).requests).toBe(table.size)
        return 'read'
      },
      (error) => {
        expect(error).toBeInstanceOf(RouteSimError)
        return (error as RouteSimError).code
      },
    )
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  expect(outcomes.get('read')).toBeGreaterThan(300)
  expect(outcomes.get('trace_invalid')).toBeGreaterThan(300)
})

function mutate(bytes: Buffer, random: RandomStream): Buffer {
  const at = random.integer(bytes.length)
  const to = Math.min(bytes.length, at + random.integer(30))
  const [before, cut, after] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)]
  switch (random.integer(5)) {
    case 0:
      return Buffer.concat([before, after])
    case 1:
      return Buffer.concat([before, Buffer.from(SCRAPS[random.integer(SCRAPS.length)]!), after])
    case 2:
      return Buffer.concat([before, Uint8Array.of(random.integer(256)), bytes.subarray(at + 1)])
    case 3:
      return Buffer.concat([before, cut, cut, after])
    default:
      return random.integer(4) === 0 ? before.subarray(0, Math.max(1, at)) : Buffer.from(bytes)
  }
}
