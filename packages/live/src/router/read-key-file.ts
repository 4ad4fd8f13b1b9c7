import { readFile } from 'node:fs/promises'
import { RouteSimError } from '@routesim/core'
import { whyUnreadable } from '@routesim/experiments'
import type { LiveErrorCode } from '../live-error-code.js'

/**
 * Reads a key that stands in a file of its own. Who was to have one must not go on without it.
 *
 * @param where - what error messages call the setting that names the file
 * @throws RouteSimError `key_unreadable`
 */
export async function readKeyFile(path: string, where: string): Promise<string> {
  const failed = (why: string): RouteSimError<LiveErrorCode> =>
    new RouteSimError(`${where} ${path}: ${why}`, { code: 'key_unreadable', path })
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw failed(whyUnreadable(cause))
  })
  const key = text.trim()
  if (key === '') throw failed('expected a key, got an empty file')
  if (/[^\x20-\x7e]/.test(key)) throw failed('expected a key of one line in ASCII, got more')
  return key
}
