import { gzipSync } from 'node:zlib'
import { RandomStream, RouteSimError } from '@routesim/core'
import { compare, parseConfig } from '@routesim/experiments'
import { formatTrace, generateTrace, readTrace } from '@routesim/traces'
import { expect, test } from 'vitest'

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
  '"\\u0000"',
  'NaN',
  '[1,2,3]',
  '["a",1]',
]
const SPECKS = [0, 0x0a, 0x0d, 0x22, 0x23, 0x2c, 0x5b, 0x7b, 0x7d, 0x80, 0xef, 0xff]

function mutate(text: string, random: RandomStream): string {
  const lines = text.split('\n')
  const at = random.integer(lines.length)
  const line = lines[at]!
  switch (random.integer(8)) {
    case 0:
      lines[at] = line.slice(0, random.integer(line.length + 1))
      break
    case 1:
      lines.splice(at, 0, line, line)
      break
    case 2:
      // Another value for one of the fields.
      lines[at] = replaceOne(
        line,
        /:("[^"]*"|-?[\d.]+|\[[^\]]*\])/g,
        random,
        () => `:${pick(random)}`,
      )
      break
    case 3:
      // The same key twice.
      lines[at] = replaceOne(line, /"\w+":/g, random, (key) => `${key}${pick(random)},${key}`)
      break
    case 4:
      lines[at] = replaceOne(line, /"\w+":/g, random, () => '"x":')
      break
    case 5:
      return `\ufeff${lines.join('\r\n')}`
    case 6:
      lines.splice(at, 1)
      break
    default:
      lines.splice(at, 0, ['# note', '', '   ', '[]', '7', '{}', 'null'][random.integer(7)]!)
  }
  return lines.join('\n')
}

function pick(random: RandomStream): string {
  return STRANGE[random.integer(STRANGE.length)]!
}

function replaceOne(
  text: string,
  pattern: RegExp,
  random: RandomStream,
  change: (found: string) => string,
): string {
  const found = [...text.matchAll(pattern)]
  const one = found[random.integer(Math.max(found.length, 1))]
  if (one === undefined) return text
  return text.slice(0, one.index) + change(one[0]) + text.slice(one.index + one[0].length)
}

function speckle(bytes: Buffer, random: RandomStream): Buffer {
  const copy = Buffer.from(bytes)
  for (let n = random.integer(3); n >= 0 && copy.length > 0; n--) {
    copy[random.integer(copy.length)] = SPECKS[random.integer(SPECKS.length)]!
  }
  return copy
}

test('900 mutated traces of three formats are simulated whole, or refused with their line', async () => {
  const random = new RandomStream(3, 'trace-fuzz')
  const options = { rateRps: 2, durationSec: 8, turnsMean: 2, numPrefixes: 2, genTokensMean: 5 }
  const table = generateTrace({ ...options, genTokensStd: 1, promptTokensMean: 60 })
  const originals = [
    formatTrace(table, 'compact_jsonl'),
    formatTrace(table, 'mooncake', { blockTokens: 16 }),
    formatTrace(table, 'otel'),
  ]
  const config = parseConfig('[cluster]\nnum_backends = 2\nkv_cache_blocks = 64')
  let read = 0
  for (let i = 0; i < 900; i++) {
    let text = originals[i % 3]!
    for (let n = random.integer(3); n >= 0; n--) text = mutate(text, random)
    let bytes: Buffer = Buffer.from(text)
    if (random.integer(4) === 0) bytes = speckle(bytes, random)
    if (random.integer(6) === 0) bytes = speckle(gzipSync(bytes), random)
    const stream = [bytes] as unknown as AsyncIterable<Uint8Array>
    const onError = random.integer(2) === 0 ? 'skip' : 'fail'
    try {
      const result = await readTrace({ path: 'fuzz', stream }, { onError, blockTokens: 16 })
      read++
      const { results } = await compare({
        config,
        trace: result.table,
        algorithms: ['prefix_overlap'],
      })
      const [summary] = results
      const sum = (summary!.completed_requests as number) + (summary!.rejected_requests as number)
      expect(sum, text).toBe(result.table.size)
    } catch (error) {
      expect(error, text).toBeInstanceOf(RouteSimError)
      expect((error as Error).message, text).toMatch(/^fuzz(:\d+)?: \S/)
      expect((error as Error).message, text).not.toMatch(/undefined|\[object/)
    }
  }
  expect(read).toBeGreaterThan(300)
})
