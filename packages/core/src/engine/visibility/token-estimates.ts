import { RandomStream } from '../../kernel/random-stream.js'
import type { RequestTable } from '../../requests/request-table.js'

/**
 * Lengths of prompts as a router guesses them: off by a factor whose logarithm is normal, drawn for each
 * request in order of arrival, so that all algorithms see the same.
 */
export class TokenEstimates {
  readonly promptTokens: Int32Array
  private readonly requests: RequestTable
  private readonly random: RandomStream
  private readonly error: number

  /** @param error - standard deviation of the logarithm */
  constructor(requests: RequestTable, error: number, seed: number) {
    this.requests = requests
    this.error = error
    this.random = new RandomStream(seed, 'token estimates')
    this.promptTokens = new Int32Array(requests.size)
  }

  /** A request arrives. */
  arrived(request: number): void {
    const factor = Math.exp(this.error * this.random.normal())
    const tokens = Math.round(this.requests.promptTokens[request]! * factor)
    this.promptTokens[request] = Math.min(Math.max(1, tokens), 0x7fffffff)
  }
}
