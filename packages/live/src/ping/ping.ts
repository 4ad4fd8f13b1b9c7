import { closestName, RouteSimError } from '@routesim/core'
import { StreamedAnswer } from '../bench/load-client.js'
import { HttpClient } from '../http/http-client.js'
import type { LiveErrorCode } from '../live-error-code.js'

/** A gateway may have hundreds of models. */
const NAMES_SHOWN = 10

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
 * @throws RouteSimError `backend_unreachable`, `ping_refused`
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
    const model = options.model ?? (await firstModel(http, headers, signal, options))
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
    if (status !== 200) {
      const served = await servedModels(http, headers, signal, options).catch((): string[] => [])
      if ((status === 400 || status === 404) && served.length > 0 && !served.includes(model)) {
        throw unknownModel(url, model, served)
      }
      const said = saidIn(Buffer.concat(chunks).toString('utf8'))
      throw refused(`${url}: status ${status} in answer to a ping${said}`, hintFor(status, apiKey))
    }
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
    if (cause instanceof RouteSimError) throw cause
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

function refused(message: string, hint?: string): RouteSimError<LiveErrorCode> {
  const code = 'ping_refused'
  return new RouteSimError(message, { code, ...(hint !== undefined && { hint }) })
}

/** How to mend a refusal; undefined where the server has to say it. */
function hintFor(status: number, apiKey: string | undefined): string | undefined {
  if (status !== 401) return undefined
  return apiKey === undefined
    ? 'It asks for a key: set ROUTESIM_API_KEY to that of the router.'
    : 'The key in ROUTESIM_API_KEY is not the one it asks for.'
}

function unknownModel(url: string, model: string, served: readonly string[]): Error {
  const names = served.slice(0, NAMES_SHOWN).join(', ')
  const more = served.length > NAMES_SHOWN ? ` and ${served.length - NAMES_SHOWN} others` : ''
  const near = closestName(model, served)
  return refused(
    `${url}: model: expected one of ${names}${more}, got "${model}"`,
    near === undefined ? undefined : `Did you mean "${near}"?`,
  )
}

/** The message of an error as OpenAI's API has it; nothing where there is none. */
function saidIn(body: string): string {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: unknown } }
    return typeof error?.message === 'string' ? `: ${error.message}` : ''
  } catch {
    return ''
  }
}

async function firstModel(
  http: HttpClient,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  options: PingOptions,
): Promise<string> {
  const [first] = await servedModels(http, headers, signal, options)
  if (first === undefined) throw new Error('it serves no model')
  return first
}

async function servedModels(
  http: HttpClient,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  { url, apiKey }: PingOptions,
): Promise<string[]> {
  const chunks: Buffer[] = []
  const asked = { method: 'GET', path: '/v1/models', headers } as const
  const status = await http.read(asked, signal, (chunk) => chunks.push(chunk))
  const text = Buffer.concat(chunks).toString('utf8')
  if (status !== 200)
    throw refused(`${url}: status ${status} of /v1/models${saidIn(text)}`, hintFor(status, apiKey))
  const { data } = JSON.parse(text) as { data?: { id: string }[] }
  return (data ?? []).map(({ id }) => id)
}
