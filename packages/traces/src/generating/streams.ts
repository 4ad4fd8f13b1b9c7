import { RandomStream } from '@routesim/core'

/**
 * The random streams of a client, one for each kind of decision, so that another distribution of one
 * leaves the others as they were.
 */
export class Streams {
  private readonly seed: number
  private readonly prefix: string
  private readonly aliases: Readonly<Record<string, string>>
  private readonly known = new Map<string, RandomStream>()

  /**
   * @param prefix - put before every name, so that each client has streams of its own
   * @param aliases - kinds of decisions that share a stream, by its name
   */
  constructor(seed: number, prefix = '', aliases: Readonly<Record<string, string>> = {}) {
    this.seed = seed
    this.prefix = prefix
    this.aliases = aliases
  }

  /** The stream of a kind of decision: the same one at every call. */
  of(decision: string): RandomStream {
    const name = this.aliases[decision] ?? decision
    let stream = this.known.get(name)
    if (stream === undefined) {
      stream = new RandomStream(this.seed, `${this.prefix}${name}`)
      this.known.set(name, stream)
    }
    return stream
  }

  /** A stream that all clients have alike, at its beginning. */
  common(name: string): RandomStream {
    return new RandomStream(this.seed, name)
  }
}
