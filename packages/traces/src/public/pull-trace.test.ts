import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
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
  for (const { name, url, bytes, sha256, licence } of PUBLIC_TRACES) {
    expect(name).toMatch(/^[a-z]+:[a-z0-9-]+$/)
    // A commit, so that the file stays what it is.
    expect(url).toMatch(/^https:.*\/[0-9a-f]{40}\//)
    expect(bytes).toBeGreaterThan(1e6)
    expect(sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(licence).not.toBe('')
  }
  expect(new Set(PUBLIC_TRACES.map(({ name }) => name)).size).toBe(PUBLIC_TRACES.length)
})
