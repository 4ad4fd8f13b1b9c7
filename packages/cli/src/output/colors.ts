import picocolors from 'picocolors'

/** Functions that colour text, or leave it as it is. */
export type Colors = ReturnType<typeof picocolors.createColors>

/**
 * Colours for what is written to a stream: only when it is a terminal, unless `NO_COLOR` or
 * `FORCE_COLOR` says otherwise. (The default of the library looks at stdout alone, and colours
 * pipes wherever `CI` is set.)
 */
export function colorsFor(stream: { readonly isTTY?: boolean }): Colors {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env
  const isTerminal = stream.isTTY === true && TERM !== 'dumb'
  return picocolors.createColors(!NO_COLOR && (isTerminal || !!FORCE_COLOR))
}
