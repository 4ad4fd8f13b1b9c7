import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { ApiError } from '../openai/api-error.js'

/**
 * Checks the key that a client sends, in the same time whatever it is.
 * @throws ApiError 401
 */
export function checkKey(request: IncomingMessage, key: string | undefined): void {
  if (key === undefined) return
  const sent = request.headers.authorization?.replace(/^Bearer /i, '') ?? ''
  if (!timingSafeEqual(digest(sent), digest(key)))
    throw new ApiError(401, 'a wrong API key, or none')
}

/** Hashed first, so that lengths can be compared neither. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
