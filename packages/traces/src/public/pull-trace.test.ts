import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readTrace } from '../reading/read-trace.js'
import { PUBLIC_TRACES, type PublicTrace } from './public-traces.js'
import { pullTrace } from './pull-trace.js'
import { fileOfTrace, findPublicTrace, pulledPath, traceStore } from './trace-store.js'

const content = Buffer.from('{"timestamp":0}\n'.repeat(40_000))
const sha256 = createHash('sha256').update(content).digest('hex')

let store: string
let stop: (() => Promise<void>) | undefined
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'routesim-store-'))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await stop?.()
  stop = undefined
})

/** A server that answers so; returns the trace it has. */
async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<PublicTrace> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stop = () =>
    new Promise((resolve) => {
      server.closeAllConnections()
      server.close(() => resolve())
    })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/some_trace.jsonl`
  const facts = { name: 'test:some', description: '', licence: '' }
  return { ...facts, url, bytes: content.length, sha256 }
}

/** Answers as a static file server does; `log` gets the ranges asked for. */
function file(log: (string | undefined)[] = []) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const { range } = request.headers
    log.push(range)
    if (range === undefined) response.writeHead(200).end(content)
    else response.writeHead(206).end(content.subarray(Number(/bytes=(\d+)-/.exec(range)![1])))
  }
}

test('a trace is downloaded once, with progress, and is what it should be', async () => {
  const asked: (string | undefined)[] = []
  const trace = await serve(file(asked))
  const progress: number[] = []
  const first = await pullTrace(trace, { store, onProgress: (bytes) => progress.push(bytes) })
  expect(first).toEqual({ path: join(store, 'test-some-some_trace.jsonl'), isNew: true })
  expect(readFileSync(first.path).equals(content)).toBe(true)
  expect(progress.at(-1)).toBe(content.length)
  expect([...progress].sort((a, b) => a - b)).toEqual(progress)
  expect(await pullTrace(trace, { store })).toEqual({ path: first.path, isNew: false })
  expect(asked).toEqual([undefined])
})

test('a download goes on from where it was cut, byte for byte', async () => {
  const asked: (string | undefined)[] = []
  let isFirst = true
  const trace = await serve((request, response) => {
    if (!isFirst) return file(asked)(request, response)
    isFirst = false
    response.writeHead(200, { 'content-length': content.length })
    response.write(content.subarray(0, 100_000), () => response.destroy())
  })
  await expect(pullTrace(trace, { store })).rejects.toMatchObject({
    code: 'pull_failed',
    hint: expect.stringContaining('go on from here'),
  })
  expect(existsSync(pulledPath(trace, store))).toBe(false)
  const { path } = await pullTrace(trace, { store })
  expect(readFileSync(path).equals(content)).toBe(true)
  expect(asked).toEqual([expect.stringMatching(/^bytes=[1-9]\d*-$/)])
})

test('a server that does not resume is read from the start', async () => {
  const trace = await serve((_, response) => response.writeHead(200).end(content))
  writeFileSync(`${pulledPath(trace, store)}.part`, 'something else')
  const { path } = await pullTrace(trace, { store })
  expect(readFileSync(path).equals(content)).toBe(true)
})

test('other content is refused, deleted, and pulled anew the next time', async () => {
  let isRight = false
  const trace = await serve((request, response) => {
    if (isRight) return file()(request, response)
    response.writeHead(200).end(Buffer.from(content).fill(7, 500, 501))
  })
  await expect(pullTrace(trace, { store })).rejects.toMatchObject({ code: 'pull_corrupt' })
  isRight = true
  await pullTrace(trace, { store })
  expect(readFileSync(pulledPath(trace, store)).equals(content)).toBe(true)
})

test('a file that is longer than the trace is refused without reading all of it', async () => {
  const trace = await serve((_, response) => {
    response.writeHead(200)
    const more = (): void => void response.write(content, more)
    more()
  })
  await expect(pullTrace(trace, { store })).rejects.toMatchObject({ code: 'pull_corrupt' })
})

test('a server that says no, says nothing, or is not there', async () => {
  const trace = await serve((request, response) => {
    if (request.url === '/some_trace.jsonl') response.writeHead(404).end()
  })
  await expect(pullTrace(trace, { store })).rejects.toThrow('404 Not Found')
  const silent = { store, url: `${trace.url}?silent`, stallMs: 50 }
  await expect(pullTrace(trace, silent)).rejects.toThrow('nothing came for 50 ms')
  await stop!()
  stop = undefined
  await expect(pullTrace(trace, { store })).rejects.toMatchObject({
    code: 'pull_failed',
    message: expect.stringContaining('ECONNREFUSED'),
  })
})

test('a redirect is followed, but not for ever', async () => {
  const trace = await serve((request, response) => {
    if (request.url === '/there') return file()(request, response)
    const location = request.url === '/round' ? '/round' : '/there'
    response.writeHead(302, { location }).end()
  })
  const round = { store, url: new URL('/round', trace.url).href }
  await expect(pullTrace(trace, round)).rejects.toThrow('more than 5 times')
  await pullTrace(trace, { store })
  expect(readFileSync(pulledPath(trace, store)).equals(content)).toBe(true)
})

test('a signal stops it and keeps what has come', async () => {
  const trace = await serve((_, response) => {
    response.writeHead(200).write(content.subarray(0, 100_000))
  })
  const controller = new AbortController()
  const pulled = pullTrace(trace, {
    store,
    signal: controller.signal,
    onProgress: () => controller.abort(),
  })
  await expect(pulled).rejects.toMatchObject({ code: 'trace_aborted' })
  expect(readFileSync(`${pulledPath(trace, store)}.part`).length).toBeGreaterThan(0)
})

test('a name works where a path does, once it is pulled', async () => {
  vi.stubEnv('ROUTESIM_TRACES', store)
  expect(traceStore()).toBe(store)
  await expect(readTrace('mooncake:conversation')).rejects.toMatchObject({
    code: 'trace_not_pulled',
    hint: 'Download it first: routesim trace pull mooncake:conversation',
  })
  writeFileSync(
    pulledPath(findPublicTrace('mooncake:conversation')),
    '{"timestamp":0,"input_length":5,"output_length":2,"hash_ids":[1]}\n',
  )
  const { table } = await readTrace('mooncake:conversation')
  expect(table.size).toBe(1)
  expect(() => fileOfTrace('mooncake:conversatoin')).toThrow(
    expect.objectContaining({ hint: 'Did you mean "mooncake:conversation"?' }),
  )
  for (const path of ['C:trace', 'x/y:z', 'trace.jsonl', '-']) expect(fileOfTrace(path)).toBe(path)
})

test('the catalogue is whole', () => {
  for (const { name, url, bytes, sha256, begins, licence } of PUBLIC_TRACES) {
    expect(name).toMatch(/^[a-z]+:[a-z0-9-]+$/)
    expect(licence).not.toBe('')
    // A commit, so that the file stays what it is; Azure's of 2024 are in no repository.
    if (!name.startsWith('azure:2024')) expect(url).toMatch(/^https:.*\/[0-9a-f]{40}\//)
    if (sha256 === undefined) {
      expect(begins).toBe('TIMESTAMP,ContextTokens,GeneratedTokens')
      continue
    }
    expect(bytes).toBeGreaterThan(1e6)
    expect(sha256).toMatch(/^[0-9a-f]{64}$/)
  }
  expect(new Set(PUBLIC_TRACES.map(({ name }) => name)).size).toBe(PUBLIC_TRACES.length)
})

test('a trace without a published SHA-256 is taken when it is whole and begins as it should', async () => {
  let cutAt: number | undefined = 100_000
  const asked: (string | undefined)[] = []
  const {
    bytes: _,
    sha256: __,
    ...facts
  } = await serve((request, response) => {
    const { range } = request.headers
    asked.push(range)
    const from = range === undefined ? 0 : Number(/bytes=(\d+)-/.exec(range)![1])
    if (from === content.length) {
      response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end()
      return
    }
    const rest = content.subarray(from)
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': rest.length })
    response.write(rest.subarray(0, cutAt ?? rest.length), () => {
      if (cutAt === undefined) response.end()
      else response.destroy()
    })
  })
  const trace: PublicTrace = { ...facts, begins: '{"timestamp":0}' }
  await expect(pullTrace(trace, { store })).rejects.toMatchObject({ code: 'pull_failed' })
  expect(existsSync(pulledPath(trace, store))).toBe(false)
  cutAt = undefined
  const totals = new Set<number | undefined>()
  const done = await pullTrace(trace, { store, onProgress: (_bytes, total) => totals.add(total) })
  expect(done).toMatchObject({ isNew: true, uncheckedSha256: sha256 })
  expect([...totals]).toEqual([content.length])
  expect(asked).toEqual([undefined, expect.stringMatching(/^bytes=\d+-$/)])
  expect(readFileSync(done.path).equals(content)).toBe(true)
  expect(await pullTrace(trace, { store })).toEqual({ path: done.path, isNew: false })

  // Whole, but stopped before it got its name.
  renameSync(done.path, `${done.path}.part`)
  expect(await pullTrace(trace, { store })).toMatchObject({ isNew: true, uncheckedSha256: sha256 })

  const page: PublicTrace = { ...trace, name: 'test:page', begins: 'TIMESTAMP,' }
  const wrong = pullTrace(page, { store })
  await expect(wrong).rejects.toThrow('expected a file that begins with "TIMESTAMP,", got "{')
  expect(existsSync(`${pulledPath(page, store)}.part`)).toBe(false)
})
