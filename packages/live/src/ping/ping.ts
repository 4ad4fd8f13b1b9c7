import { RouteSimError } from '@routesim/core'
import { StreamedAnswer } from '../bench/load-client.js'
import { HttpClient } from '../http/http-client.js'
import type { LiveErrorCode } from '../live-error-code.js'

/** Who is pinged. */
export interface PingOptions {
  /** Base address, without /v1. */
  readonly url: string
  /** Name of the model; the first that the server lists if absent. */
  readonly model?: string | undefined
  readonly apiKey?: string | undefined
  readonly maxTokens: number
  readonly timeoutMs: number
}

/** What came back. */
export interface Ping {
  readonly model: string
  readonly tokens: number
  readonly ttftMs: number
  readonly totalMs: number
  /** Worker that answered, when a RouteSim router says so. */
  readonly worker: string | undefined
  readonly text: string
}

/**
 * Streams one short chat completion.
 * @throws RouteSimError `backend_unreachable`
 */
export async function ping(options: PingOptions): Promise<Ping> {
  const { url, apiKey, maxTokens, timeoutMs } = options
  const signal = AbortSignal.timeout(timeoutMs)
  const headers = {
    'content-type': 'application/json',
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
  }
  const http = new HttpClient(url, {
    connectMs: timeoutMs,
    firstByteMs: timeoutMs,
    idleMs: timeoutMs,
  })
  try {
    const model = options.model ?? (await firstModel(http, headers, signal))
    const body = JSON.stringify({
      model,
      messages: [{ role: 'user', content: 'Hello!' }],
      max_tokens: maxTokens,
      stream: true,
    })
    const startMs = performance.now()
    const answer = new StreamedAnswer()
    const chunks: Buffer[] = []
    let worker: string | undefined
    const status = await http.read(
      { method: 'POST', path: '/v1/chat/completions', headers, body },
      signal,
      (chunk, response) => {
        answer.take(chunk, performance.now() - startMs)
        chunks.push(chunk)
        const told = response.headers['x-routesim-worker']
        if (typeof told === 'string') worker = told
      },
    )
    if (status !== 200) throw new Error(`status ${status}`)
    if (!answer.isWhole) throw new Error('the answer is not whole')
    const text = Buffer.concat(chunks).toString('utf8')
    return {
      model,
      tokens: answer.chunks,
      ttftMs: answer.firstMs,
      totalMs: performance.now() - startMs,
      worker,
      text: [...text.matchAll(/"content":("(?:[^"\\]|\\.)*")/g)]
        .map(([, word]) => JSON.parse(word!) as string)
        .join(''),
    }
  } catch (cause) {
    const { message } = cause as Error
    throw new RouteSimError<LiveErrorCode>(`${url}: no answer to a ping: ${message}`, {
      code: 'backend_unreachable',
      hint: 'Start a router with routesim up, or give the port of one: routesim ping 8000',
      cause,
    })
  } finally {
    http.close()
  }
}

async function firstModel(
  http: HttpClient,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  const chunks: Buffer[] = []
  const asked = { method: 'GET', path: '/v1/models', headers } as const
  const status = await http.read(asked, signal, (chunk) => chunks.push(chunk))
  if (status !== 200) throw new Error(`status ${status} of /v1/models`)
  const { data } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { data?: { id: string }[] }
  if (data?.[0] === undefined) throw new Error('it serves no model')
  return data[0].id
}
