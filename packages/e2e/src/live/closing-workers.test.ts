import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { directoryWith, routesim } from '../testing/command.js'
import { live, stopAll } from '../testing/live-process.js'

const servers: Server[] = []
afterEach(async () => {
  await stopAll()
  for (const server of servers.splice(0)) server.close()
})

const HEADS = [
  ['HTTP/1.1 with Connection: close', 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n'],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\n'],
] as const

/** A worker that answers each request with a body, hangs up at once, and takes its time when asked to. */
async function closingWorker(head: string, body: Buffer): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    let asked = ''
    socket.on('data', (chunk) => {
      asked += chunk.toString('latin1')
      const isHealth = asked.startsWith('GET ')
      if (!isHealth && !asked.endsWith('}')) return
      const answer = Buffer.concat([Buffer.from(head), isHealth ? Buffer.from('{}') : body])
      setTimeout(() => socket.end(answer), asked.includes('"later"') ? 500 : 0)
    })
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function startRouter(worker: string) {
  const args = ['serve', '--worker', worker, '--port', '0', '--admin-port', '0']
  const router = await live(args, 1)
  return { ...router, url: (JSON.parse(router.lines[0]!) as { url: string }).url }
}

function post(prompt: string, connection: string): string {
  const body = JSON.stringify({ prompt, max_tokens: 1 })
  return [
    'POST /v1/completions HTTP/1.1',
    'host: router',
    `connection: ${connection}`,
    `content-length: ${body.length}`,
    '',
    body,
  ].join('\r\n')
}

/** Sends requests over one connection and reads until it ends, with a rest after so many bytes. */
function exchange(
  url: string,
  requests: readonly string[],
  restAfterBytes: number,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.write(requests.join(''))
    const chunks: Buffer[] = []
    let sinceRest = 0
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      sinceRest += chunk.length
      if (sinceRest < restAfterBytes) return
      sinceRest = 0
      socket.pause()
      setTimeout(() => socket.resume(), 2)
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')))
  })
}

/** How many `~` came, which no header has. */
function bodyBytes(answer: string): number {
  return answer.split('~').length - 1
}

test.each(HEADS)('a router outlives workers that hang up on slow clients: %s', async (_, head) => {
  const bytes = 2 ** 20
  const { url, stop, stderr } = await startRouter(
    await closingWorker(head, Buffer.alloc(bytes, '~')),
  )
  const slow = Array.from({ length: 8 }, () => exchange(url, [post('now', 'close')], 2 ** 14))
  expect((await Promise.all(slow)).map(bodyBytes)).toEqual(slow.map(() => bytes))
  expect(await stop()).toBe(0)
  expect(stderr()).not.toContain('Error')
})

test.each(HEADS)(
  'a router outlives workers that hang up before it is their turn: %s',
  async (_, head) => {
    // The second answer is there, and its worker gone, while the first is still to come.
    const bytes = 48 * 2 ** 10
    const { url, stop } = await startRouter(await closingWorker(head, Buffer.alloc(bytes, '~')))
    const requests = [post('later', 'keep-alive'), post('now', 'close')]
    expect(bodyBytes(await exchange(url, requests, 2 ** 14))).toBe(2 * bytes)
    expect(await stop()).toBe(0)
  },
)

test('a load client outlives servers that hang up after each answer', async () => {
  const event = `data: {"choices":[{"text":"${'word '.repeat(40)}"}]}\n\n`
  const answer = Buffer.from(`${event.repeat(5000)}data: [DONE]\n\n`)
  const url = await closingWorker(HEADS[0][1], answer)
  const output = directoryWith({})('out')
  const words = 'bench load --requests 8 --concurrency 8 --isl 16 --osl 4 --model m'.split(' ')
  const { code, stdout } = await routesim([...words, '--url', url, '-o', output])
  expect(code).toBe(0)
  expect(stdout).toMatch(/error_request_count +0\.00/)
  expect(stdout).toMatch(/output_sequence_length +5,?000\.00/)
})
