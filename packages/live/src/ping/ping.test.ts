import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { LiveFleet } from '../testing/live-fleet.js'
import { ping } from './ping.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

const options = { maxTokens: 3, timeoutMs: 10_000 }

test('a model that the server does not have is told with those that it has', async () => {
  const { workers } = await fleet.workers(1, { model: 'mock-model' })
  const { url } = workers[0]!
  expect((await ping({ ...options, url })).model).toBe('mock-model')
  await expect(ping({ ...options, url, model: 'mock-modl' })).rejects.toMatchObject({
    code: 'ping_refused',
    message: `${url}: model: expected one of mock-model, got "mock-modl"`,
    hint: 'Did you mean "mock-model"?',
  })
})

test('a refusal is told in the words of the server', async () => {
  const server = createServer((request, response) => {
    response.statusCode = request.method === 'GET' ? 404 : 429
    response.end('{"error":{"message":"too many of them"}}')
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    await expect(ping({ ...options, url, model: 'm' })).rejects.toThrow(
      `${url}: status 429 in answer to a ping: too many of them`,
    )
  } finally {
    server.close()
  }
})

test.each([
  [undefined, 'It asks for a key: set ROUTESIM_API_KEY to that of the router.'],
  ['wrong', 'The key in ROUTESIM_API_KEY is not the one it asks for.'],
])('a router that asks for a key says so to a ping with the key %s', async (apiKey, hint) => {
  const { url } = await fleet.router([await fleet.workers(1)], {}, { apiKey: 'right' })
  const code = 'ping_refused'
  for (const model of [undefined, 'mock'])
    await expect(ping({ ...options, url, model, apiKey })).rejects.toMatchObject({ code, hint })
  expect((await ping({ ...options, url, apiKey: 'right' })).tokens).toBe(3)
})
