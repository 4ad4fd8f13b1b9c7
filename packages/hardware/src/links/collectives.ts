import { type Link, sustainedBytesPerSec } from './link.js'

/**
 * Duration in ms of one all-reduce among ranks that each hold so many bytes, by reduce-scatter and
 * all-gather, as rings and two-shot kernels do: 2(n-1)/n buffers over each link. 0 for one rank.
 */
export function allReduceMs(bytes: number, ranks: number, link: Link): number {
  if (ranks <= 1) return 0
  return link.latencyMs + ((2 * (ranks - 1)) / ranks) * transferTimeMs(bytes, link)
}

/** Duration in ms of an all-to-all in which every rank sends so many bytes, 1/n of them to itself. */
export function allToAllMs(bytesPerRank: number, ranks: number, link: Link): number {
  if (ranks <= 1) return 0
  return link.latencyMs + ((ranks - 1) / ranks) * transferTimeMs(bytesPerRank, link)
}

/** Duration in ms of one message over a link: its latency and its bytes at the bandwidth it reaches. */
export function messageMs(bytes: number, link: Link): number {
  return link.latencyMs + transferTimeMs(bytes, link)
}

function transferTimeMs(bytes: number, link: Link): number {
  return (bytes / sustainedBytesPerSec(link)) * 1000
}
