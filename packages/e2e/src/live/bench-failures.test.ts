// A benchmark whose requests fail, some or all, says why.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { inProcess } from '../testing/in-process.js'

let server: Server | undefined
afterEach(() => void server?.close())

/** A server whose n-th answer has the n-th status. */
async function answering(statuses: readonly number[]): Promise<string> {
  let next = 0
  server = createServer((request, response) => {
    const status = statuses[next++]!
    request.resume().on('end', () => {
      response.writeHead(status, { 'content-type': 'text/event-stream', connection: 'close' })
      response.end('data: {"choices":[{"text":"a"}]}\n\ndata: [DONE]\n\n')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const bench = async (statuses: readonly number[]) => {
  const url = await answering(statuses)
  const sizes = ['--requests', String(statuses.length), '--isl', '4', '--osl', '1']
  return inProcess(['bench', 'load', '--url', url, ...sizes])
}

test('some requests that fail are counted by reason, the most frequent first', async () => {
  const { code, stderr } = await bench([200, 503, 500, 200, 500])
  expect(stderr).toContain('note: 3 of 5 requests failed: 2 with status 500, 1 with status 503\n')
  expect(code).toBe(0)
})

test('a server that asks for a key is named as that', async () => {
  const { code, stderr } = await bench([401, 401])
  expect(stderr).toContain('all of the 2 requests failed: 2 with status 401')
  expect(stderr).toContain('ROUTESIM_API_KEY')
  expect(code).toBe(1)
})
