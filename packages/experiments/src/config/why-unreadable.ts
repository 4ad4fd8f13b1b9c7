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
