/** Says how many lines of a trace were skipped, as `2 faulty lines skipped`. */
export function skippedNote(count: number): string {
  return `${count} faulty ${count === 1 ? 'line' : 'lines'} skipped`
}
