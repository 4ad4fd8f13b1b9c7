import { RouteSimError } from '@routesim/core'
import type { ExperimentsErrorCode } from '../errors.js'

const PROTOCOLS: Readonly<Record<string, string>> = {
  'redis:': 'redis:',
  'rediss:': 'rediss:',
  'valkey:': 'redis:',
  'valkeys:': 'rediss:',
}

/** Where passwords go. */
export const PASSWORD_HINT =
  'Give a password as ROUTESIM_QUEUE_PASSWORD, or in the address with what is no letter or digit percent-encoded.'

/** Where a queue is. */
export interface QueueUrl {
  /** As Redis clients take it, with its password. */
  readonly url: string
  /** For messages: without a password. */
  readonly shown: string
}

/**
 * Reads the address of a Redis or Valkey.
 * @throws RouteSimError `queue_invalid`
 */
export function parseQueueUrl(text: string): QueueUrl {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const protocol = url && PROTOCOLS[url.protocol]
  if (url === undefined || protocol === undefined || url.hostname === '') {
    const asked = `expected an address such as redis://localhost:6379, got "${hidden(text)}"`
    throw invalid(asked, text.includes('@') ? PASSWORD_HINT : undefined)
  }
  if (!/^\/?\d*$/.test(url.pathname)) {
    throw invalid(`expected the number of a database after the host, got "${url.pathname}"`)
  }
  return { url: protocol + url.href.slice(url.protocol.length), shown: hidden(url.href) }
}

/** An address, and whatever else was taken for one, without what may be a password in it. */
function hidden(text: string): string {
  return text.replace(/\/\/.*@/, '//***@').replace(/\?.+/, '?***')
}

function invalid(problem: string, hint?: string): RouteSimError<ExperimentsErrorCode> {
  return new RouteSimError(`queue: ${problem}`, {
    code: 'queue_invalid',
    path: 'queue',
    ...(hint && { hint }),
  })
}
