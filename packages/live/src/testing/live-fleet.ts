import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { affineLatency } from '@routesim/hardware'
import {
  type MockWorkers,
  type MockWorkersOptions,
  startMockWorkers,
} from '../mock/mock-workers.js'
import { checkRouterConfig, type RouterConfigInput } from '../router/router-config.js'
import {
  type RouterServerOptions,
  type RunningRouter,
  startRouter,
} from '../router/router-server.js'

/** A small, fast worker. */
export const TEST_SPEC = {
  role: 'both',
  latency: affineLatency({
    baseMs: 2,
    prefillMsPerToken: 0.01,
    decodeMsPerRequest: 0.01,
    decodeMsPerContextToken: 0,
    mixedDecodeMsPerContextToken: 0,
    prefillMsPerAttentionPair: 0,
  }),
  kv: { blocks: 512, blockTokens: 16 },
  maxBatchTokens: 2048,
  maxNumSeqs: 64,
  maxQueueDepth: 10_000,
  chunkedPrefill: true,
} as const

/** The address of a worker that says always the same. */
interface RawWorker {
  readonly workers: { url: string; role: 'both' }[]
}

/** Workers and routers of one test. */
export class LiveFleet {
  private readonly closing: (() => Promise<void>)[] = []

  async workers(count: number, options: Partial<MockWorkersOptions> = {}): Promise<MockWorkers> {
    const workers = await startMockWorkers({
      cluster: { backends: Array.from({ length: count }, () => TEST_SPEC) },
      prefixCaching: true,
      host: '127.0.0.1',
      port: 0,
      model: 'mock',
      speedup: 1,
      startupMs: 0,
      defaultMaxTokens: 5,
      seed: 1,
      ...options,
    })
    this.closing.push(() => workers.close())
    return workers
  }

  /** A worker that answers each request with these pieces of a stream, or with a status. */
  rawWorker(status: number, ...pieces: readonly string[]): Promise<RawWorker> {
    return this.workerThatSays(status, {}, pieces)
  }

  /** The same with headers, and with what it says to GET by path. */
  async workerThatSays(
    status: number,
    headers: Readonly<Record<string, string>>,
    pieces: readonly string[],
    pages: Readonly<Record<string, string>> = {},
  ): Promise<RawWorker> {
    const server = createServer((request, response) => {
      if (request.method === 'GET') {
        response.end(pages[request.url!] ?? '{}')
        return
      }
      request.resume().on('end', async () => {
        response.writeHead(status, { 'content-type': 'text/event-stream', ...headers })
        for (const piece of pieces) {
          response.write(piece)
          await setTimeout(20)
        }
        response.end()
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    this.closing.push(async () => void server.close())
    const { port } = server.address() as AddressInfo
    return { workers: [{ url: `http://127.0.0.1:${port}`, role: 'both' }] }
  }

  async router(
    mocks: readonly Pick<MockWorkers, 'workers'>[],
    config: Partial<RouterConfigInput> = {},
    options: Partial<RouterServerOptions> = {},
  ): Promise<RunningRouter> {
    const router = await startRouter({
      config: checkRouterConfig({ workers: workersOf(mocks), health_interval_ms: 50, ...config }),
      host: '127.0.0.1',
      port: 0,
      adminPort: 0,
      ...options,
    })
    this.closing.push(() => router.close(0))
    return router
  }

  async close(): Promise<void> {
    // Routers before the workers behind them.
    for (const close of this.closing.splice(0).reverse()) await close()
  }
}

/** Workers as a router's config names them. */
export function workersOf(mocks: readonly Pick<MockWorkers, 'workers'>[]) {
  return mocks.flatMap(({ workers }) =>
    workers.map(({ url, role, kvEvents, kvReplay }) => ({
      url,
      role,
      ...(kvEvents === undefined ? {} : { kv_events: kvEvents }),
      ...(kvReplay === undefined ? {} : { kv_replay: kvReplay }),
    })),
  )
}

/** Sends a plain completion and reads it whole. */
export async function complete(
  url: string,
  body: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; worker: number; json: Record<string, unknown>; text: string }> {
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'mock', ...body }),
  })
  const text = await response.text()
  const worker = Number(response.headers.get('x-routesim-worker') ?? -1)
  const isJson = response.headers.get('content-type')?.includes('json') === true
  return { status: response.status, worker, text, json: isJson ? JSON.parse(text) : {} }
}
