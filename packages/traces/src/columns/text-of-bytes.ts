import { isUtf8 } from 'node:buffer'

/** The text of bytes: of such as are no UTF-8, ISO 8859-1, so that any two stay two. */
export function textOfBytes(bytes: Uint8Array, from: number, to: number): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from)
  return isUtf8(text) ? text.toString() : text.toString('latin1')
}
