/**
 * Why a file can not be written, in plain words; in those of the system where it is something rare.
 *
 * @param folder - where the file is to be
 * @param cause - what writing it threw
 *
 * @example
 * whyUnwritable('out', Object.assign(new Error('ENOENT: ...'), { code: 'ENOENT' })) // => 'there is no folder out'
 */
export function whyUnwritable(folder: string, cause: unknown): string {
  const { code, message } = cause as Error & { readonly code?: string }
  if (code === 'ENOENT') return `there is no folder ${folder}`
  if (code === 'EISDIR') return 'it is a directory'
  return message
}
