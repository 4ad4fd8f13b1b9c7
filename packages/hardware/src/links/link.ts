/** A way between two GPUs, or between two servers. */
export interface Link {
  readonly name: string
  readonly aliases: readonly string[]
  /** Peak of one GPU in one direction, in bytes per second. */
  readonly bandwidthBytesPerSec: number
  /** Part of the peak that large collectives and transfers reach. */
  readonly efficiency: number
  /** One synchronised exchange of a few bytes, in ms. */
  readonly latencyMs: number
  /** Where the figures come from. */
  readonly source: string
}

/** What large collectives and transfers reach over a link, in bytes per second of one GPU in one direction. */
export function sustainedBytesPerSec({ bandwidthBytesPerSec, efficiency }: Link): number {
  return bandwidthBytesPerSec * efficiency
}
