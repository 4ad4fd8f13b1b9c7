import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { RouteSimError } from '@routesim/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TRACE_FORMATS } from '../formats/trace-format.js'
import { messageOf, readText } from '../testing/in-memory.js'
import { LineSplitter } from './line-splitter.js'
import { readTrace } from './read-trace.js'

const line = '{"ts":0,"prompt_tokens":1,"gen_tokens":1}\n'
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'routesim-traces-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('readTrace', () => {
  it('reads files, packed ones by their first bytes, and reports progress', async () => {
    const plain = join(folder, 'a.jsonl')
    writeFileSync(plain, line.repeat(3))
    const progress: unknown[] = []
    const onProgress = (read: number, total: number | undefined): void => {
      progress.push([read, total])
    }
    expect((await readTrace(plain, { onProgress })).table.size).toBe(3)
    expect(progress).toEqual([[126, 126]])
    const packed = join(folder, 'b.jsonl')
    writeFileSync(packed, gzipSync(line.repeat(4)))
    expect((await readTrace(packed)).table.size).toBe(4)
  })

  it('keeps names apart that are no UTF-8', async () => {
    const names = ['caf\u00e9', 'caf\u00e8', 'caf\u00e9', 'plain']
    const lines = names.map((user) => line.replace('}', `,"user":"${user}"}`))
    // Lines that differ in form are read as text.
    const turned = lines.map((text, i) => ' '.repeat(i) + text)
    for (const text of [lines.join(''), turned.join('')]) {
      const path = join(folder, 'latin1.txt')
      writeFileSync(path, text, 'latin1')
      const { table } = await readTrace(path)
      expect([...table.user].map((user) => table.strings[user])).toEqual(names)
    }
  })

  it('reads chunks that split lines, characters and the gzip header', async () => {
    const text = `${line.trim().replace('}', ',"user":"über"}')}\n`.repeat(5)
    for (const bytes of [Buffer.from(text), gzipSync(text)]) {
      async function* single(): AsyncGenerator<Uint8Array> {
        for (const byte of bytes) yield Uint8Array.of(byte)
      }
      const { table } = await readTrace({ stream: single() })
      expect(table.size).toBe(5)
      expect(table.strings).toEqual(['über'])
    }
  })

  it('takes a byte order mark, CRLF, and no newline at the end', async () => {
    const { table } = await readText(`\ufeff${line.trim()}\r\n${line.trim()}`)
    expect(table.size).toBe(2)
  })

  it('says where a file is wrong', async () => {
    const at = (name: string): string => join(folder, name)
    expect(await messageOf(readTrace(at('none')))).toBe(`${at('none')}: no such file`)
    expect(await messageOf(readTrace(folder))).toContain(': expected one file of compact_jsonl')
    writeFileSync(at('cut.gz'), gzipSync(line.repeat(1000)).subarray(0, 50))
    expect(await messageOf(readTrace(at('cut.gz')))).toBe(
      `${at('cut.gz')}: expected a whole gzip file, got: unexpected end of file`,
    )
    expect(await messageOf(readText(''))).toBe('t.jsonl: expected at least one request, got none')
    expect(await messageOf(readText('#\n{"ts":"x"}', { onError: 'skip' }))).toBe(
      't.jsonl: expected at least one request, got 1 bad (first: t.jsonl:2: ts: expected a number from 0 to 2^53, got "x")',
    )
    expect(await messageOf(readText('\n\u0001PNG'))).toBe(
      't.jsonl:2: expected compact JSONL ("ts"), Mooncake ("timestamp"), OTLP JSON ("resourceSpans") or another known format, got binary data, which is no text',
    )
    expect(await messageOf(readText('a.txt\0\0', { format: 'mooncake' }))).toBe(
      't.jsonl:1: expected a JSON object, got binary data, which is no text',
    )
    expect(await messageOf(readText('[1\0\0', { format: 'sharegpt' }))).toBe(
      't.jsonl:1: expected JSON, got binary data, which is no text',
    )
    expect(await messageOf(readText('a\tb\r\u00fc', { format: 'mooncake' }))).toBe(
      't.jsonl:1: expected a JSON object, got invalid JSON: a\tb\r\u00fc',
    )
    expect(await messageOf(readText(line, { format: 'mooncak' }))).toBe(
      `format: expected ${TRACE_FORMATS.join(', ')}, got "mooncak"`,
    )
    expect(await messageOf(readText(line, { blockTokens: 0 }))).toBe(
      'blockTokens: expected an integer >= 1, got 0',
    )
  })

  it('counts bad lines before the first good one, and keeps five messages', async () => {
    const { table, skipped } = await readText(`${'garbage\n'.repeat(9)}${line}`, {
      onError: 'skip',
    })
    expect([table.size, skipped.count, skipped.messages.length]).toEqual([1, 9, 5])
    expect(skipped.messages[0]).toBe('t.jsonl:1: expected a JSON object, got invalid JSON: garbage')
  })

  it('stops when it is cancelled', async () => {
    const control = new AbortController()
    async function* endless(): AsyncGenerator<string> {
      for (;;) {
        yield line
        control.abort()
      }
    }
    const read = readTrace({ path: 'x', stream: endless() }, { signal: control.signal })
    await expect(read).rejects.toMatchObject({ code: 'trace_aborted' })
  })

  it('survives deep nesting and refuses a line without end', async () => {
    const deep = `{"ts":0,"prompt_tokens":1,"gen_tokens":1,"x":${'['.repeat(1e5)}${']'.repeat(1e5)}}`
    await readText(deep).then(
      ({ table }) => expect(table.size).toBe(1),
      (error) => expect(error).toBeInstanceOf(RouteSimError),
    )
    const lines: string[] = []
    const taker = { bytes: () => -1, text: (text: string) => lines.push(text) }
    const splitter = new LineSplitter('x', taker, 1000)
    for (let i = 0; i < 3; i++) splitter.push(Buffer.from('ü'.repeat(300)))
    splitter.push(Buffer.from('\n'))
    expect(lines.map((text) => text.length)).toEqual([900])
    const endless = (): void => {
      for (;;) splitter.push(Buffer.alloc(100, 'a'))
    }
    expect(endless).toThrow('x:2: expected a line of at most 1000 characters, got a longer one')
  })
})
