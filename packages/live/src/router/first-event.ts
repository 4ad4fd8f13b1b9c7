const BLOCK_END = /\r?\n\r?\n/g

/** Bytes in which the first event of a stream is looked for; after that the stream passes as it is. */
export const LOOKED_THROUGH_BYTES = 65_536

/** What the first event of a stream says. */
export type Opening =
  /** It has not come whole. */
  | 'none'
  /** It is part of an answer, or nothing that can be read. */
  | 'answer'
  /** It is an error, with its status: 500 when it tells none. */
  | { readonly errorStatus: number; readonly json: string }

/** Looks for the first event with data in a stream as its bytes come. */
export class FirstEvent {
  /** What came since the last event without data ended. */
  private rest = ''
  private bytes = 0

  /** A part of the stream has come. */
  take(chunk: Buffer): Opening {
    // An end of the event may have come in two parts.
    let from = Math.max(0, this.rest.length - 3)
    this.bytes += chunk.length
    this.rest += chunk.toString('latin1')
    let start = 0
    for (;;) {
      BLOCK_END.lastIndex = from
      const end = BLOCK_END.exec(this.rest)
      if (end === null) break
      const opening = openingOf(this.rest.slice(start, end.index))
      if (opening !== 'none') return opening
      start = BLOCK_END.lastIndex
      from = start
    }
    this.rest = this.rest.slice(start)
    return this.bytes > LOOKED_THROUGH_BYTES ? 'answer' : 'none'
  }

  /** The stream has ended: its last event may lack the empty line. */
  end(): Opening {
    return openingOf(this.rest)
  }
}

/** What an event says; comments, and events without data, say nothing. */
function openingOf(event: string): Opening {
  const data = event
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice('data:'.length))
  if (data.length === 0) return 'none'
  const json = data.join('\n').trim()
  // The bytes were read one by one.
  return readOpening(Buffer.from(json, 'latin1').toString('utf8'))
}

function readOpening(json: string): Opening {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return 'answer'
  }
  if (typeof value !== 'object' || value === null) return 'answer'
  const { error, choices } = value as Record<string, unknown>
  if (error === undefined || error === null || choices !== undefined) return 'answer'
  const { code } = error as { code?: unknown }
  const status = Number(code)
  return { errorStatus: status >= 400 && status < 600 ? status : 500, json }
}
