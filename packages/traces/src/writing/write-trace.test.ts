import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readTrace } from '../reading/read-trace.js'
import { messageOf, readText, rows, writeText } from '../testing/in-memory.js'
import { convertTrace } from './convert-trace.js'
import { writeTrace } from './write-trace.js'

let folder: string
const at = (name: string): string => join(folder, name)

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'routesim-traces-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const full =
  '{"ts":5,"prompt_tokens":90,"gen_tokens":4,"prefix_hash":"abc","prefix_len":40,"conversation_id":"c","lora_adapter":"l","priority":2,"max_tokens":9,"user":"u","tenant":"t","model":"m"}\n' +
  '{"ts":6.0000001,"prompt_tokens":190,"gen_tokens":4,"conversation_id":"c"}\n'

describe('writeTrace', () => {
  it('packs files that end in .gz, and reads them back', async () => {
    const { table, prefixHashes } = await readText(full)
    const path = at('a.jsonl.gz')
    expect(await writeTrace(path, table, 'compact_jsonl', { prefixHashes })).toEqual({
      requests: 2,
      lost: [],
    })
    expect(readFileSync(path).subarray(0, 2)).toEqual(Buffer.of(0x1f, 0x8b))
    expect((await readTrace(path)).table).toEqual(table)
  })

  it('packs files that end in .zst as one frame each, several at a time too', async () => {
    const { table } = await readText(full.split('\n')[1]!.concat('\n').repeat(10_000))
    const paths = ['a', 'b', 'c'].map((name) => at(`${name}.jsonl.zst`))
    await Promise.all(paths.map((path) => writeTrace(path, table, 'compact_jsonl')))
    for (const path of paths) {
      const packed = readFileSync(path)
      expect(packed.subarray(0, 4)).toEqual(Buffer.of(0x28, 0xb5, 0x2f, 0xfd))
      expect(packed.indexOf(Buffer.of(0x28, 0xb5, 0x2f, 0xfd), 4)).toBe(-1)
      expect((await readTrace(path)).table).toEqual(table)
    }
    expect(readFileSync(paths[1]!)).toEqual(readFileSync(paths[0]!))
  })

  it('names what a format can not hold', async () => {
    const { table, prefixHashes } = await readText(full)
    expect((await writeText(table, 'mooncake', prefixHashes)).lost).toEqual([
      'maxTokens',
      'prefixTokens',
      'priority',
      'user',
      'tenant',
      'model',
      'adapter',
      'prompts',
      'prefix_hash',
    ])
    expect((await writeText(table, 'otel', prefixHashes)).lost).toEqual([
      'arrivalStart',
      'arrivalDigits',
      'priority',
      'tenant',
      'adapter',
      // Without the adapter of one of them, the two turns share what they did not.
      'prompts',
    ])
  })

  it.each([
    ['blis', [0.0004, 10], ['arrivalDigits']],
    ['blis', [500, 510], []],
    ['azure', [500, 510], ['arrivalStart']],
    ['azure', [0, 0.00001], ['arrivalDigits']],
    ['agentic', [500, 510], ['arrivalMs']],
  ] as const)('tells what %s loses of the times %j', async (format, times, expected) => {
    const line = (ts: number, i: number): string =>
      `{"ts":${ts},"prompt_tokens":5,"gen_tokens":1,"conversation_id":"c${i}","hash_ids":[]}`
    const { table } = await readText(times.map(line).join('\n'))
    const { lost } = await writeText(table, format)
    expect(lost.filter((name) => name.startsWith('arrival'))).toEqual(expected)
  })

  it('by hand: Azure counts from a second of November 2023, in 100 ns', async () => {
    const { table } = await readText(
      [
        '{"ts":0,"prompt_tokens":5,"gen_tokens":1}',
        '{"ts":1500.5,"prompt_tokens":6,"gen_tokens":2}',
      ].join('\n'),
    )
    expect((await writeText(table, 'azure')).text.split('\n')).toEqual([
      'TIMESTAMP,ContextTokens,GeneratedTokens',
      '2023-11-14 22:13:20.0000000,5,1',
      '2023-11-14 22:13:21.5005000,6,2',
      '',
    ])
  })

  it.each(['burstgpt', 'blis'])('%s can be read when a name has a line end', async (format) => {
    const { table } = await readText(
      '{"ts":0,"prompt_tokens":5,"gen_tokens":1,"conversation_id":"a\\r\\nb\\n","model":"m"}',
    )
    const { text, lost } = await writeText(table, format)
    expect(lost).toEqual(['session'])
    expect(rows(await readText(text))).toEqual([[0, 5, 1, 'a b', 'm']])
  })

  it('says why a file can not be written', async () => {
    const { table } = await readText(full)
    const path = at('no/such/folder')
    expect(await messageOf(writeTrace(path, table, 'otel'))).toBe(
      `${path}: can not be written: there is no folder ${at('no/such')}`,
    )
  })
})

describe('convertTrace', () => {
  it('keeps the names of prefixes through OTel and back', async () => {
    writeFileSync(at('in.jsonl'), full)
    const otel = await convertTrace(at('in.jsonl'), at('spans.json'), 'otel', {
      write: { otelLayout: 'document' },
    })
    expect(otel.format).toBe('compact_jsonl')
    expect(otel.requests).toBe(2)
    const back = await convertTrace(at('spans.json'), at('out.jsonl'), 'jsonl')
    expect(back.format).toBe('otel')
    expect(JSON.parse(readFileSync(at('out.jsonl'), 'utf8').split('\n')[0]!)).toEqual({
      ts: 0,
      prompt_tokens: 90,
      gen_tokens: 4,
      prefix_hash: 'abc',
      conversation_id: 'c',
      user: 'u',
      model: 'm',
      prefix_len: 40,
      max_tokens: 9,
    })
  })

  it('names the prefixes of a trace that has no names for them', async () => {
    const line = '{"input_length":512,"output_length":5,"hash_ids":[1],"timestamp":'
    writeFileSync(at('named.jsonl'), `${line}0}\n${line}9}\n`)
    for (const format of ['otel', 'blis']) {
      const { lost } = await convertTrace(at('named.jsonl'), at(`named.${format}`), format)
      expect(lost).toEqual([])
      const { table } = await readTrace(at(`named.${format}`))
      expect([...table.prefixTokens]).toEqual([512, 512])
      expect(table.promptNode[1]).toBe(table.promptNode[0])
    }
  })
})
