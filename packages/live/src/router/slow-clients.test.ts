import { connect, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { complete, LiveFleet, TEST_SPEC } from '../testing/live-fleet.js'
import { until } from '../testing/until.js'

const fleet = new LiveFleet()
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await fleet.close()
})

/** A connection that sends some bytes, and what came back once it is closed. */
function client(url: string, bytes: string): { socket: Socket; answer: Promise<string> } {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  sockets.push(socket)
  socket.write(bytes)
  const answer = new Promise<string>((resolve) => {
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(text))
  })
  return { socket, answer }
}

function post(body: string, length = body.length): string {
  return `POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n${body}`
}

test('clients that do not finish their headers or bodies get 408 and are let go', async () => {
  const router = await fleet.router([await fleet.workers(1)], { client_timeout_ms: 300 })
  const slow = [
    ...Array.from({ length: 20 }, () =>
      client(router.url, 'POST /v1/completions HTTP/1.1\r\nx: y'),
    ),
    ...Array.from({ length: 20 }, () => client(router.url, post('{"prompt":', 100))),
  ]
  expect((await complete(router.url, { prompt: 'x' })).status).toBe(200)
  for (const { answer } of slow) expect(await answer).toMatch(/^HTTP\/1.1 408 /)
  await until(() => router.stats.inFlight === 0)
  expect(router.stats.ends).toMatchObject({ completed: 1, cancelled: 20 })
})

test('a client that takes nothing of its answer is let go, one that takes it slowly gets all of it', async () => {
  // Answers that do not fit into the buffers of sockets: some 150 bytes per token.
  const tokens = 40_000
  const spec = { ...TEST_SPEC, kv: { blocks: 8192, blockTokens: 16 } }
  const mocks = await fleet.workers(1, { speedup: 1000, cluster: { backends: [spec] } })
  const router = await fleet.router([mocks], { client_timeout_ms: 400 })
  const body = JSON.stringify({
    model: 'mock',
    prompt: 'x',
    max_tokens: tokens,
    stream: true,
    ignore_eos: true,
  })
  const deaf = client(router.url, post(body))
  deaf.socket.pause()
  const slow = client(router.url, post(body))
  const pulse = setInterval(() => {
    if (slow.socket.isPaused()) slow.socket.resume()
    else slow.socket.pause()
  }, 20)
  let text = ''
  slow.socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  await until(() => text.includes('[DONE]'))
  clearInterval(pulse)
  expect(text.split('"text":').length - 1).toBeGreaterThanOrEqual(tokens)
  await until(() => router.stats.ends.cancelled === 1)
  expect(router.stats.ends.completed).toBe(1)
  expect(router.core.backends[0]!.inFlight).toBe(0)
  // The worker has let go of it, too.
  await until(async () => {
    const load = await (await fetch(`${mocks.workers[0]!.url}/load`)).json()
    return (load as Record<string, number>)['num_running_reqs'] === 0
  })
})

test('a client that takes all but the end of its answers is let go, too', async () => {
  const spec = { ...TEST_SPEC, kv: { blocks: 8192, blockTokens: 16 } }
  const mocks = await fleet.workers(1, { speedup: 1000, cluster: { backends: [spec] } })
  const router = await fleet.router([mocks], { client_timeout_ms: 400 })
  const body = JSON.stringify({ model: 'mock', prompt: 'x', max_tokens: 2500, ignore_eos: true })
  // One after another, each of which fits into a buffer, and all of which do not.
  const deaf = connect({ port: Number(new URL(router.url).port), host: '127.0.0.1' })
  sockets.push(deaf)
  deaf.on('error', () => {})
  deaf.pause()
  deaf.write(post(body).repeat(3000))
  await until(() => router.stats.ends.completed > 100)
  await until(async () => {
    const text = await (await fetch(`${router.adminUrl}/metrics`)).text()
    return text.includes('routesim_connections 0\n')
  })
  expect(router.stats.inFlight).toBe(0)
})
