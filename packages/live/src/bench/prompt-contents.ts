import { NO_NODE, type RequestTable } from '@routesim/core'

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEF'

/**
 * Prompts that share what the requests of a workload share, and nothing else. A token is a word of three
 * letters and a blank: four bytes, one token by the estimate for text, so that text and ids are the same
 * prompt to routers and mock workers.
 */
export class PromptContents {
  private readonly requests: RequestTable
  private readonly seed: number

  /** @param seed - prompts of another seed share nothing with these */
  constructor(requests: RequestTable, seed: number) {
    this.requests = requests
    this.seed = seed
  }

  /** The prompt of a row as token ids. */
  tokens(row: number): number[] {
    const bytes = Buffer.from(this.text(row), 'latin1')
    return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32LE(4 * i))
  }

  /** The same as text. */
  text(row: number): string {
    const { prompts, promptNode, promptTokens } = this.requests
    const total = promptTokens[row]!
    const path: number[] = []
    for (let node = promptNode[row]!; node !== NO_NODE; node = prompts.parent[node]!)
      path.push(node)
    const words: string[] = []
    for (const node of path.reverse()) {
      const end = Math.min(total, prompts.endTokens[node]!)
      // The tokens of a node are the same wherever it is cut.
      for (let at = prompts.startTokens[node]!; at < end; at++) {
        words.push(wordOf(this.seed, node + 1, at))
      }
    }
    for (let at = words.length; at < total; at++) words.push(wordOf(this.seed, -1 - row, at))
    return words.join('')
  }
}

function wordOf(seed: number, stream: number, at: number): string {
  let h = Math.imul(seed ^ 0x9e3779b1, 0x85ebca6b) ^ Math.imul(stream, 0xcc9e2d51)
  h = Math.imul(h ^ (h >>> 15), 0x27d4eb2f) ^ Math.imul(at, 0x9e3779b1)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  h ^= h >>> 16
  return `${LETTERS[h & 31]}${LETTERS[(h >>> 5) & 31]}${LETTERS[(h >>> 10) & 31]} `
}
