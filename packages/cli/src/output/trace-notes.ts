import { ignoredNote, skippedNote, type TraceReadResult } from '@routesim/traces'

/** Tells on stderr what a user should know of a trace that was read. */
export function printTraceNotes(
  { format, notes, ignored, skipped }: Omit<TraceReadResult, 'table' | 'prefixHashes' | 'source'>,
  file?: string,
): void {
  for (const note of notes) console.error(`note: ${note}`)
  const name = file === undefined ? '' : `${file}: `
  if (ignored > 0) console.error(`note: ${name}${ignoredNote(format, ignored)}`)
  if (skipped.count > 0) console.error(`note: ${name}${skippedNote(skipped.count)}`)
}
