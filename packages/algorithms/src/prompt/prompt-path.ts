import type { PromptPathWriter } from '@routesim/core'
import { grown } from '../pickers/column.js'

/**
 * The shareable content of a prompt as runs of tokens, from its start on. Equal ids mean equal content
 * *and equal content before it*; the tokens past the last run are the request's own.
 */
export class PromptPath implements PromptPathWriter {
  /** Ids of the runs, dense integers. */
  ids: Int32Array = new Int32Array(64)
  /** Offset in tokens, from the start of the prompt, of each run's end. */
  endTokens: Int32Array = new Int32Array(64)
  /** Number of runs. */
  length = 0

  /** Makes it empty. */
  clear(): void {
    this.length = 0
  }

  /** Appends a run. */
  push(id: number, endTokens: number): void {
    if (this.length === this.ids.length) {
      this.ids = grown(this.ids, new Int32Array(2 * this.length))
      this.endTokens = grown(this.endTokens, new Int32Array(2 * this.length))
    }
    this.ids[this.length] = id
    this.endTokens[this.length++] = endTokens
  }

  /** Leading tokens that the runs cover. */
  get tokens(): number {
    return this.length === 0 ? 0 : this.endTokens[this.length - 1]!
  }

  /** Leaves out what lies past an offset in tokens, greater than 0; a run that crosses it keeps what is before. */
  cutTo(maxTokens: number): void {
    while (this.length > 1 && this.endTokens[this.length - 2]! >= maxTokens) this.length--
    if (this.tokens > maxTokens) this.endTokens[this.length - 1] = maxTokens
  }

  /** The id of the run that holds the token before an offset, so names that much of the prompt; -1 past the end. */
  idAt(offsetTokens: number): number {
    for (let i = 0; i < this.length; i++)
      if (this.endTokens[i]! >= offsetTokens) return this.ids[i]!
    return -1
  }
}
