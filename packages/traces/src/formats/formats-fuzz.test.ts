import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RandomStream, RouteSimError } from '@routesim/core'
import { expect, test } from 'vitest'
import { generateTrace } from '../generating/generate-trace.js'
import { readText } from '../testing/in-memory.js'
import { formatTrace, writeTrace } from '../writing/write-trace.js'
import { TRACE_FORMATS } from './trace-format.js'

const STRANGE = [
  '-1',
  '-0',
  '0.5',
  '1e3',
  '1e30',
  '1e400',
  '2147483648',
  '9007199254740993',
  'null',
  'true',
  '""',
  '"5"',
  '[]',
  '[[]]',
  '{}',
  'NaN',
  'Infinity',
  '"\\u0000"',
  '[1,2,3]',
  '["a",1]',
]
const SPECKS = [0, 0x0a, 0x0d, 0x22, 0x23, 0x2c, 0x5b, 0x7b, 0x7d, 0x80, 0xef, 0xff]

function pick<T>(random: RandomStream, from: readonly T[]): T {
  return from[random.integer(from.length)]!
}

function replaceOne(
  text: string,
  pattern: RegExp,
  random: RandomStream,
  change: (found: string) => string,
): string {
  const found = [...text.matchAll(pattern)]
  if (found.length === 0) return text
  const one = pick(random, found)
  return text.slice(0, one.index) + change(one[0]) + text.slice(one.index + one[0].length)
}

/** Truncated, repeated, of wrong types, negative, huge, with keys twice, CRLF, a mark, binary. */
function mutate(text: string, random: RandomStream): string {
  const lines = text.split('\n')
  const at = random.integer(lines.length)
  const line = lines[at]!
  switch (random.integer(9)) {
    case 0:
      lines[at] = line.slice(0, random.integer(line.length + 1))
      break
    case 1:
      lines.splice(at, 0, line, line)
      break
    case 2:
      lines[at] = replaceOne(
        line,
        /:\s*("[^"]*"|-?[\d.]+|\[[^\]]*\])/g,
        random,
        () => `:${pick(random, STRANGE)}`,
      )
      break
    case 3:
      lines[at] = replaceOne(
        line,
        /"\w+":/g,
        random,
        (key) => `${key}${pick(random, STRANGE)},${key}`,
      )
      break
    case 4:
      lines[at] = replaceOne(line, /"\w+":|\w+,/g, random, (key) =>
        key.endsWith(':') ? '"x":' : 'x,',
      )
      break
    case 5:
      return `\ufeff${lines.join('\r\n')}`
    case 6:
      lines.splice(at, 1)
      break
    case 7:
      lines[at] = replaceOne(line, /(?<=^|,)[^,"{}]*(?=,|$)/g, random, () => pick(random, STRANGE))
      break
    default:
      lines.splice(at, 0, pick(random, ['# note', '', '   ', '[]', '7', '{}', 'null', 'a,b,c']))
  }
  return lines.join('\n')
}

function speckle(bytes: Buffer, random: RandomStream): Buffer {
  const copy = Buffer.from(bytes)
  for (let n = random.integer(3); n >= 0 && copy.length > 0; n--)
    copy[random.integer(copy.length)] = pick(random, SPECKS)
  return random.integer(3) === 0 ? copy.subarray(0, random.integer(copy.length + 1)) : copy
}

/** A trace in each format: what is read, and how many requests it has. */
async function originals(): Promise<Map<string, Buffer>> {
  const options = { rateRps: 2, durationSec: 8, turnsMean: 2, numPrefixes: 2, genTokensMean: 5 }
  const table = generateTrace({ ...options, genTokensStd: 1, promptTokensMean: 60 })
  const texts = new Map<string, Buffer>()
  for (const format of [
    'compact_jsonl',
    'mooncake',
    'otel',
    'azure',
    'csv',
    'burstgpt',
    'bailian',
    'agentic',
    'blis',
  ] as const) {
    texts.set(format, Buffer.from(formatTrace(table, format, { blockTokens: 16 })))
  }
  texts.set('otel document', Buffer.from(formatTrace(table, 'otel', { otelLayout: 'document' })))
  const path = join(mkdtempSync(join(tmpdir(), 'routesim-fuzz-')), 't.parquet')
  await writeTrace(path, table, 'parquet')
  texts.set('parquet', readFileSync(path))
  const said = (from: string, value: string) => ({ from, value })
  const conversations = [
    said('human', 'How long is it?'),
    said('gpt', 'Long.'),
    said('human', 'How long?'),
    said('gpt', 'Very.'),
  ]
  texts.set(
    'sharegpt',
    Buffer.from(
      JSON.stringify(
        [
          { id: 'a', conversations },
          { id: 'b', conversations },
        ],
        undefined,
        1,
      ),
    ),
  )
  texts.set(
    'bench_serve',
    Buffer.from(
      JSON.stringify(
        { request_rate: 2, input_lens: [5, 6], output_lens: [1, 2], start_times: [1.5, 1] },
        undefined,
        1,
      ),
    ),
  )
  const payload = {
    model: 'm',
    messages: [{ role: 'user', content: 'Hello there' }],
    max_tokens: 4,
  }
  texts.set(
    'aiperf_inputs',
    Buffer.from(
      JSON.stringify({ data: [{ session_id: 's', payloads: [payload, payload] }] }, undefined, 1),
    ),
  )
  const record =
    '{"metadata":{"conversation_id":"c","request_start_ns":1759813207532900363},"metrics":{"input_sequence_length":{"value":5},"output_sequence_length":{"value":9}},"error":null}\n'
  texts.set('aiperf_profile', Buffer.from(record.repeat(3)))
  const call = { input_toks: 20, output_toks: 3, tool_duration_ns: 5, input_tok_ids: [4, 5, 6] }
  const sessions = [call, { session_id: 's', arrival_time_ns: 9, sub_requests: [call, call] }]
  texts.set('llmservingsim', Buffer.from(sessions.map((line) => JSON.stringify(line)).join('\n')))
  return texts
}

test('5,000 broken traces of all formats are read, or refused with their place', async () => {
  const random = new RandomStream(11, 'format-fuzz')
  const texts = [...(await originals())]
  expect(new Set(texts.map(([name]) => name.split(' ')[0])).size).toBe(TRACE_FORMATS.length)
  const outcomes = { read: 0, refused: 0, skipped: 0 }
  for (let i = 0; i < 5000; i++) {
    const [name, original] = texts[i % texts.length]!
    let bytes = original
    if (name !== 'parquet') {
      let text = original.toString()
      for (let n = random.integer(3); n >= 0; n--) text = mutate(text, random)
      bytes = Buffer.from(text)
    }
    if (name === 'parquet' || random.integer(4) === 0) bytes = speckle(bytes, random)
    const onError = random.integer(2) === 0 ? 'skip' : 'fail'
    try {
      const { table, skipped } = await readText(bytes, { onError, blockTokens: 16 })
      outcomes.read++
      expect(table.size).toBeGreaterThan(0)
      if (onError === 'fail') expect(skipped.count).toBe(0)
      if (skipped.count > 0) {
        outcomes.skipped++
        for (const message of skipped.messages)
          expect(message, `${name} ${i}`).toMatch(/^t\.jsonl(:\d+)?: \S/)
      }
      for (let row = 0; row < table.size; row++) {
        expect(table.promptTokens[row]).toBeGreaterThan(0)
        expect(table.arrivalMs[row]).toBeGreaterThanOrEqual(
          row === 0 ? 0 : table.arrivalMs[row - 1]!,
        )
      }
    } catch (error) {
      if (!(error instanceof RouteSimError))
        throw new Error(`${name} ${i}: ${(error as Error).stack}\n${bytes}`)
      outcomes.refused++
      expect(error.message, `${name} ${i}`).toMatch(/^t\.jsonl(:\d+)?: \S/)
      expect(error.message, `${name} ${i}`).not.toMatch(/undefined|\[object/)
    }
  }
  expect(Math.min(outcomes.read, outcomes.refused)).toBeGreaterThan(1000)
  expect(outcomes.skipped).toBeGreaterThan(200)
})
