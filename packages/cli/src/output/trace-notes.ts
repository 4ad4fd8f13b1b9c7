import { skippedNote, type TraceReadResult } from '@routesim/traces'

/** Tells on stderr what a user should know of a trace that was read. */
export function printTraceNotes(
  { notes, skipped }: Pick<TraceReadResult, 'notes' | 'skipped'>,
  file?: string,
): void {
  for (const note of notes) console.error(`note: ${note}`)
  const name = file === undefined ? '' : `${file}: `
  if (skipped.count > 0) console.error(`note: ${name}${skippedNote(skipped.count)}`)
}
