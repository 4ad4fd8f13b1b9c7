import type { Options } from 'yargs'

/** Where a queue is. */
export const QUEUE: Options = {
  type: 'string',
  requiresArg: true,
}

/**
 * The address of a queue with the password of `ROUTESIM_QUEUE_PASSWORD`, which keeps it out of lists of
 * processes. One in the address goes before it.
 */
export function withPassword(address: string): string {
  const password = process.env['ROUTESIM_QUEUE_PASSWORD']
  if (password === undefined || password === '' || !URL.canParse(address)) return address
  const url = new URL(address)
  if (url.password === '') url.password = encodeURIComponent(password)
  return url.href
}
