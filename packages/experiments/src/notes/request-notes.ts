import type { RequestTable } from '@routesim/core'
import { shareText } from './share-text.js'

/** Notes on requests that a server would not have answered as they are simulated. */
export function requestNotes({ size, outputTokens, maxTokens }: RequestTable): string[] {
  let beyond = 0
  let silent = 0
  for (let row = 0; row < size; row++) {
    if (maxTokens[row]! > 0 && outputTokens[row]! > maxTokens[row]!) beyond++
    if (outputTokens[row] === 0) silent++
  }
  const notes: string[] = []
  if (beyond > 0) {
    notes.push(
      `${shareText(beyond / size)} of the requests have more output tokens than their max_tokens, where servers stop: they are answered in full`,
    )
  }
  // All without output are prompts to be computed; some among others are mostly those that failed.
  if (silent > 0 && silent < size) {
    notes.push(
      `${shareText(silent / size)} of the requests have no output tokens, as traces record failed ones: each is completed once its prompt is computed`,
    )
  }
  return notes
}
