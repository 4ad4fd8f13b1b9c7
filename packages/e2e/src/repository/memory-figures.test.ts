import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RequestTable } from '@routesim/core'
import { formatTrace, generateTrace, readTrace } from '@routesim/traces'
import { expect, test } from 'vitest'
import { ROOT } from '../testing/command.js'
import { tinyRun } from '../testing/tiny-run.js'

const page = readFileSync(join(ROOT, 'docs/explanation/performance.md'), 'utf8')

/** Bytes of all typed arrays of an object; one that serves as two columns counts once. */
function columnBytes(holder: object): number {
  const columns = Object.values(holder).filter((value) => ArrayBuffer.isView(value))
  return [...new Set(columns)].reduce((sum, { byteLength }) => sum + byteLength, 0)
}

/** What a request takes while it is simulated, in bytes, with one digit. */
function figures(table: RequestTable): string[] {
  const { outcomes } = tinyRun({ requests: table, stepper: 'portable' })
  const bytes = [table, table.prompts, outcomes].map((holder) => columnBytes(holder) / table.size)
  return bytes.map((perRequest) => perRequest.toFixed(1))
}

async function asMooncake(table: RequestTable): Promise<RequestTable> {
  const stream = [formatTrace(table, 'mooncake')]
  const source = {
    path: 'm.jsonl',
    stream: (async function* () {
      yield* stream
    })(),
  }
  return (await readTrace(source, { blockTokens: 16 })).table
}

const plain = generateTrace({ numPrefixes: 0 })
const prefixes = generateTrace({})
const conversations = generateTrace({ turnsMean: 5 })

test.each([
  ['generated, nothing shared', () => plain],
  ['generated, ten shared prefixes', () => prefixes],
  ['generated, conversations of five turns', () => conversations],
  ['the same conversations as hashed blocks', () => asMooncake(conversations)],
])('the page on performance tells the bytes per request: %s', async (name, make) => {
  const row = page.split('\n').find((line) => line.startsWith(`| ${name} |`))
  const told = row?.split('|').map((cell) => cell.trim())
  expect(told?.slice(2, 5)).toEqual(figures(await make()))
})
