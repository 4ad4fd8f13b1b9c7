import { dirname } from 'node:path'

/**
 * Why a file can not be read, in plain words; in those of the system where it is something rare.
 *
 * @param cause - what reading it threw
 *
 * @example
 * whyUnreadable(Object.assign(new Error('ENOENT: ...'), { code: 'ENOENT' })) // => 'no such file'
 */
export function whyUnreadable(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'no such file'
  if (code === 'EISDIR') return 'expected a file, got a directory'
  return message
}

/**
 * Why a file can not be written, in plain words; in those of the system where it is something rare.
 *
 * @param path - of the file
 * @param cause - what writing it threw
 */
export function whyUnwritable(path: string, cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'ENOENT') return `there is no folder ${dirname(path)}`
  if (code === 'EISDIR') return 'it is a directory'
  return message
}
