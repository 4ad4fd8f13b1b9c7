import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { complete, LiveFleet } from '../testing/live-fleet.js'
import { HttpClient } from './http-client.js'

const fleet = new LiveFleet()
const closing: (() => void)[] = []
afterEach(async () => {
  await fleet.close()
  for (const close of closing.splice(0)) close()
})

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}'

/** What a server does with a request: the how manieth it is on its connection, and in all, from 0. */
type Behaviour = (socket: Socket, onConnection: number, inAll: number) => void

/** A server of bare connections, and the requests that came to it, whole. */
async function bareServer(behave: Behaviour) {
  const asked: string[] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    let onConnection = 0
    let text = ''
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      const head = text.indexOf('\r\n\r\n') + 4
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
      if (head < 4 || text.length < head + length) return
      const inAll = asked.push(text.slice(head)) - 1
      text = ''
      behave(socket, onConnection++, inAll)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, asked, connections: () => sockets.size }
}

function clientOf(url: string): HttpClient {
  const client = new HttpClient(url, { connectMs: 5000, firstByteMs: 5000, idleMs: 5000 })
  closing.push(() => client.close())
  return client
}

const read = (client: HttpClient, body: string): Promise<number> =>
  client.read({ method: 'POST', path: '/', body }, new AbortController().signal, () => {})

test.each(['resetAndDestroy', 'end'] as const)(
  'a kept connection that is closed before an answer begins is no failure: %s',
  async (close) => {
    const { url, asked, connections } = await bareServer((socket, onConnection) => {
      if (onConnection === 0) socket.write(ANSWER)
      else socket[close]()
    })
    const client = clientOf(url)
    for (const body of ['one', 'two', 'three']) expect(await read(client, body)).toBe(200)
    expect(asked).toEqual(['one', 'two', 'two', 'three', 'three'])
    expect(connections()).toBe(3)
  },
)

test('it is sent again once: what a new connection says counts', async () => {
  const { url, asked } = await bareServer((socket, _, inAll) => {
    if (inAll === 0) socket.write(ANSWER)
    else socket.resetAndDestroy()
  })
  const client = clientOf(url)
  expect(await read(client, 'one')).toBe(200)
  await expect(read(client, 'two')).rejects.toThrow()
  expect(asked).toEqual(['one', 'two', 'two'])
})

test('it is not sent again when an answer has begun, or over another kept connection', async () => {
  const begun = await bareServer((socket, onConnection) => {
    if (onConnection === 0) socket.write(ANSWER)
    else socket.end('HTTP/1.1 200 OK\r\n')
  })
  const client = clientOf(begun.url)
  await read(client, 'one')
  await expect(read(client, 'two')).rejects.toThrow()
  expect(begun.asked).toEqual(['one', 'two'])

  const waiting: Socket[] = []
  const stale = await bareServer((socket, onConnection) => {
    if (onConnection > 0) {
      socket.resetAndDestroy()
      return
    }
    // So that there are several connections.
    if (waiting.push(socket) < 3 && stale.asked.length <= 3) return
    for (const each of waiting.splice(0)) each.write(ANSWER)
  })
  const other = clientOf(stale.url)
  await Promise.all(['a', 'b', 'c'].map((body) => read(other, body)))
  expect(await read(other, 'd')).toBe(200)
  expect(stale.asked.slice(3)).toEqual(['d', 'd'])
})

test('a client that is closed sends nothing again', async () => {
  const { url, asked } = await bareServer((socket, onConnection) => {
    if (onConnection === 0) socket.write(ANSWER)
    else client.close()
  })
  const client = clientOf(url)
  await read(client, 'one')
  await expect(read(client, 'two')).rejects.toThrow()
  expect(asked).toEqual(['one', 'two'])
})

test('a worker that closes idle connections fails no request, and none counts against it', async () => {
  const { url, asked } = await bareServer((socket, onConnection) => {
    if (onConnection === 0) socket.write(ANSWER)
    else socket.resetAndDestroy()
  })
  const worker = { url, role: 'both' } as const
  const router = await fleet.router([{ workers: [worker] }], { max_attempts: 1 })
  for (let i = 0; i < 5; i++) expect((await complete(router.url, { prompt: 'x' })).status).toBe(200)
  const [backend] = router.core.backends
  expect([backend!.failures, backend!.dispatched, router.stats.retries]).toEqual([0, 5, 0])
  expect(asked.length).toBeGreaterThan(5)
})
