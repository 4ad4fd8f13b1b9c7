import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { RandomStream } from '@routesim/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readTrace } from '../reading/read-trace.js'
import { readText } from '../testing/in-memory.js'
import { storeCache } from './cache-file.js'

const cache = { cache: true } as const
let folder: string
let files = 0

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'routesim-cache-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function traceFile(text: string | Uint8Array): string {
  const path = join(folder, `${files++}.jsonl`)
  writeFileSync(path, text)
  return path
}

/** A trace that uses some of the columns, and not always in order. */
function someTrace(seed: number): string {
  const random = new RandomStream(seed, 'cache')
  const uses = ['user', 'conversation_id', 'waits', 'priority', 'prefix', 'ids', 'bad'].filter(() =>
    random.integer(2),
  )
  const lines = Array.from({ length: 1 + random.integer(40) }, (_, i) => ({
    ts: i + random.integer(3) * random.float(),
    ...(i === 0 && { id: 'first' }),
    prompt_tokens: 16 + random.integer(40),
    gen_tokens: random.integer(9),
    ...(uses.includes('user') && random.integer(2) && { user: `ü${random.integer(9)}\ud800` }),
    ...(uses.includes('conversation_id') && { conversation_id: random.integer(4) }),
    ...(uses.includes('waits') && i > 0 && { after: 'first', any_end: random.integer(2) > 0 }),
    ...(uses.includes('priority') && { priority: random.integer(3), max_tokens: 5 }),
    ...(uses.includes('prefix') && { prefix_hash: `p${random.integer(3)}`, prefix_len: 9 }),
    ...(uses.includes('ids') &&
      random.integer(2) && { hash_ids: [random.integer(3), 7], block_size: 8 }),
  }))
  const text = lines.map((line) => JSON.stringify(line)).join('\n')
  return uses.includes('bad') ? `${text}\n{"ts":"x"}` : text
}

describe('the cache of a trace', () => {
  it('gives back the identical result', async () => {
    for (let seed = 0; seed < 200; seed++) {
      const path = traceFile(seed % 3 === 0 ? gzipSync(someTrace(seed)) : someTrace(seed))
      const options = {
        onError: 'skip',
        sessionPrompts: seed % 2 ? 'extend' : 'independent',
      } as const
      const plain = await readTrace(path, options)
      const first = await readTrace(path, { ...options, ...cache })
      const second = await readTrace(path, { ...options, ...cache })
      expect(first).toEqual(plain)
      expect(second).toEqual(plain)
      if (plain.table.maxTokens === plain.table.prefixTokens) {
        expect(second.table.maxTokens).toBe(second.table.prefixTokens)
      }
      expect(second.table.arrivalMs.buffer).toBeInstanceOf(SharedArrayBuffer)
    }
  })

  it('is read instead of the trace', async () => {
    const path = traceFile('{"ts":0,"prompt_tokens":1,"gen_tokens":1}')
    await readTrace(path, cache)
    const before = readFileSync(`${path}.routesim-cache`)
    const { table } = await readTrace(path, cache)
    expect(table.size).toBe(1)
    expect(readFileSync(`${path}.routesim-cache`)).toEqual(before)
  })

  it('names bad lines after the trace, whatever the trace was called', async () => {
    const path = traceFile('{"ts":0,"prompt_tokens":1,"gen_tokens":1}\n{"ts":1}')
    const options = { ...cache, onError: 'skip' } as const
    await readTrace(path, options)
    const other = `${folder}/.//${path.slice(folder.length + 1)}`
    const { skipped } = await readTrace(other, options)
    expect(skipped.messages[0]).toBe(
      `${other}:2: prompt_tokens: expected an integer >= 1, got nothing`,
    )
  })

  it('is made anew when the trace or the options change, with a note', async () => {
    const path = traceFile('{"ts":0,"prompt_tokens":1,"gen_tokens":1}')
    await readTrace(path, cache)
    writeFileSync(path, '{"ts":0,"prompt_tokens":2,"gen_tokens":1}')
    const changed = await readTrace(path, cache)
    expect(changed.table.promptTokens[0]).toBe(2)
    const note = `${path}.routesim-cache: of another trace or other options, made anew`
    expect(changed.notes).toEqual([note])
    expect((await readTrace(path, cache)).notes).toEqual([])
    expect((await readTrace(path, { ...cache, blockTokens: 16 })).notes).toEqual([note])
  })

  it('is made anew when it is damaged, whatever the damage', async () => {
    const path = traceFile(someTrace(1))
    const plain = await readTrace(path, { onError: 'skip' })
    const options = { ...cache, onError: 'skip' } as const
    await readTrace(path, options)
    const file = `${path}.routesim-cache`
    const whole = readFileSync(file)
    const random = new RandomStream(1, 'damage')
    for (let i = 0; i < 150; i++) {
      const damaged = Buffer.from(whole)
      const at = i < 64 ? i : random.integer(whole.length)
      if (i % 5 === 0) writeFileSync(file, damaged.subarray(0, at))
      else {
        damaged[at]! ^= 1 << random.integer(8)
        writeFileSync(file, damaged)
      }
      const { notes, ...read } = await readTrace(path, options)
      expect({ ...read, notes: [] }).toEqual(plain)
      expect(notes).toEqual([`${file}: damaged, made anew`])
      expect(readFileSync(file)).toEqual(whole)
    }
  })

  it('survives readers that write it at the same time, and leaves no drafts', async () => {
    const path = traceFile(someTrace(3))
    const options = { ...cache, onError: 'skip' } as const
    const reads = await Promise.all(Array.from({ length: 12 }, () => readTrace(path, options)))
    for (const read of reads) expect(read.table).toEqual(reads[0]!.table)
    expect((await readTrace(path, options)).notes).toEqual([])
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('is done without where it can not be written, with a note', async () => {
    const path = traceFile('{"ts":0,"prompt_tokens":1,"gen_tokens":1}')
    const blocked = `${path}.routesim-cache`
    rmSync(blocked, { force: true })
    // Not by permissions, which do not stop a superuser: a folder is in the way.
    mkdirSync(join(blocked, 'x'), { recursive: true })
    const { table, notes } = await readTrace(path, cache)
    expect(table.size).toBe(1)
    expect(notes.at(-1)).toContain(`${blocked}: not written: `)
    const read = await readTrace(traceFile('{"ts":0,"prompt_tokens":1,"gen_tokens":1}'))
    await expect(
      storeCache(join(folder, 'no', 'such', 'folder'), { sha256: '', options: '' }, read),
    ).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('says where there is nothing beside which it could be kept', async () => {
    const text = someTrace(1)
    const piped = await readText(text, { ...cache, onError: 'skip' })
    expect(piped.notes).toEqual(['t.jsonl: what is no file can not be cached, read anew'])
    const plain = await readText(text, { onError: 'skip' })
    expect(plain.notes).toEqual([])
  })

  it('says what is wrong with the trace, and keeps nothing then', async () => {
    const path = traceFile('{"ts":0,"prompt_tokens":1,"gen_tokens":1}\n{"ts":1}')
    await expect(readTrace(path, cache)).rejects.toThrow(`${path}:2: prompt_tokens: expected`)
    expect(existsSync(`${path}.routesim-cache`)).toBe(false)
    await expect(readTrace(join(folder, 'none'), cache)).rejects.toThrow('no such file')
  })
})
