import type { IncomingMessage, ServerResponse } from 'node:http'

/** How long a browser may keep what it was told of an origin, in s. */
const KEPT_SEC = 600

/**
 * Lets a page of another origin read the answer to a request, if that origin is allowed to: without credentials of the
 * browser, such as cookies, as vLLM does. Source: the Fetch standard, section 3.3 (CORS protocol).
 *
 * @param allowed - origins, or `*` for any
 * @returns whether it is
 */
export function allowOrigin(
  { headers }: IncomingMessage,
  response: ServerResponse,
  allowed: readonly string[],
): boolean {
  const isForAll = allowed.includes('*')
  if (allowed.length > 0 && !isForAll) response.setHeader('vary', 'origin')
  const { origin } = headers
  if (origin === undefined || !(isForAll || allowed.includes(origin))) return false
  response.setHeader('access-control-allow-origin', isForAll ? '*' : origin)
  response.setHeader('access-control-expose-headers', '*')
  return true
}

/** Whether a browser asks for leave to send a request. */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
}

/** Gives an allowed origin leave to send these methods with any headers. */
export function answerPreflight(
  { headers }: IncomingMessage,
  response: ServerResponse,
  methods: string,
): void {
  // By name, as * does not stand for authorization.
  const asked = headers['access-control-request-headers']
  if (asked !== undefined) response.setHeader('access-control-allow-headers', asked)
  response.setHeader('access-control-allow-methods', methods)
  response.setHeader('access-control-max-age', KEPT_SEC)
  response.writeHead(204).end()
}
