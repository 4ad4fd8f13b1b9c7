import { RouteSimError } from '@routesim/core'
import { StreamedAnswer } from '../bench/load-client.js'
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
  try {
    const model = options.model ?? (await firstModel(url, headers, signal))
    const body = JSON.stringify({
      model,
      messages: [{ role: 'user', content: 'Hello!' }],
      max_tokens: maxTokens,
      stream: true,
    })
    const startMs = performance.now()
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers,
      body,
      signal,
    })
    if (response.status !== 200) throw new Error(`status ${response.status}`)
    const answer = new StreamedAnswer()
    let text = ''
    const decoder = new TextDecoder()
    for await (const chunk of response.body!) {
      answer.take(chunk, performance.now() - startMs)
      text += decoder.decode(chunk, { stream: true })
    }
    if (!answer.isWhole) throw new Error('the answer is not whole')
    return {
      model,
      tokens: answer.chunks,
      ttftMs: answer.firstMs,
      totalMs: performance.now() - startMs,
      worker: response.headers.get('x-routesim-worker') ?? undefined,
      text: [...text.matchAll(/"content":("(?:[^"\\]|\\.)*")/g)]
        .map(([, word]) => JSON.parse(word!) as string)
        .join(''),
    }
  } catch (cause) {
    const { message } = ((cause as Error).cause ?? cause) as Error
    throw new RouteSimError<LiveErrorCode>(`${url}: no answer to a ping: ${message}`, {
      code: 'backend_unreachable',
      hint: 'Start a router with routesim up, or give the port of one: routesim ping 8000',
      cause,
    })
  }
}

async function firstModel(
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  const response = await fetch(`${url}/v1/models`, { headers, signal })
  if (response.status !== 200) throw new Error(`status ${response.status} of /v1/models`)
  const { data } = (await response.json()) as { data: { id: string }[] }
  if (data[0] === undefined) throw new Error('it serves no model')
  return data[0].id
}
