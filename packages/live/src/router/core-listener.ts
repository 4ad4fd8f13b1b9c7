/** Who hears what is wrong with an algorithm, or with what workers tell; the router goes on. */
export interface CoreListener {
  /** It threw something at what it was told. */
  onFault(error: unknown): void
  /** It wants to move requests, as no live router can; said once. */
  onMoveRefused(algorithm: string): void
  /** A figure of its own is not in the metrics; said once. */
  onMetricLeftOut(algorithm: string, metric: string, why: string): void
  /** The KV blocks of a worker have another size than the router's, and match nothing; said once. */
  onForeignBlocks(worker: number, blockTokens: number): void
}
