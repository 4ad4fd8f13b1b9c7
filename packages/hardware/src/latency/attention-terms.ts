import type { Gpu } from '../gpus/gpu.js'
import {
  attentionFlopsPerPair,
  attentionLayers,
  indexBytesPerTokenLayer,
  indexerOf,
  kvBytesPerTokenLayer,
  kvShare,
  windowOf,
} from '../models/model-size.js'
import type { KernelEfficiency } from './kernel-efficiency.js'
import { peakFlops } from './matmul-work.js'
import type { RooflineOptions } from './roofline-options.js'
import { type StretchTerm, StretchTerms } from './stretch-terms.js'

/**
 * Attention of a step on one GPU. Decodes read their KV cache, or compute if that takes longer; blocks that
 * several of them read come from memory once, at the pace of the second-level cache. In a
 * kernel shared with prompt chunks their few query rows are padded to a tile of it. Prompt chunks
 * compute pairs and read what they attend to, cached tokens included. With an indexer attention is to the best
 * tokens only, and the indexer goes over the whole context, in 8 bits. Prompts take the cheaper of all pairs and of
 * the best in compressed form, as engines do (sgl-project/sglang, pull request 11892).
 */
export function attentionTerms(
  options: RooflineOptions,
  efficiency: KernelEfficiency,
): StretchTerms {
  const { model, gpu, parallelism, kvPrecision, granularity } = options
  const { tp } = parallelism
  const { attention } = model
  const layers = attentionLayers(model)
  const isLatent = attention.kind === 'mla'
  const indexer = indexerOf(model)
  const flops = peakFlops(gpu, 'bf16').flops * efficiency.attentionFlops
  const indexFlops = peakFlops(gpu, 'fp8').flops * efficiency.attentionFlops
  const reached = efficiency.kvBandwidth[kvPrecision === 'fp8' ? 'narrow' : 'wide']
  const bandwidth = gpu.memoryBandwidthBytesPerSec * reached

  // In ms per layer and token or pair.
  const indexBytes = indexBytesPerTokenLayer(model)
  const kvBytes = kvBytesPerTokenLayer(model, kvPrecision) - indexBytes
  const kvMs = (1000 * kvBytes * kvShare(model, tp)) / bandwidth
  const pairMs = (phase: 'prefill' | 'decode'): number =>
    (1000 * attentionFlopsPerPair(model, phase)) / (layers * tp * flops)
  const computeMs = pairMs('decode')
  const mixedComputeMs = isLatent
    ? computeMs
    : computeMs * Math.max(1, paddedRowsPerHead(attention, efficiency))
  // A kernel that reads more slowly than memory lets it gains nothing.
  const isMemoryBound = reached === efficiency.kvBandwidth.wide
  const cachedMs = isMemoryBound ? kvMs * cachedShare(gpu, bandwidth, efficiency) : kvMs

  const window = indexer === undefined ? windowOf(model) : { tokens: indexer.tokens, layers }
  const unlimited = layers - window.layers
  const terms = (ms: number, sharedMs = ms): StretchTerm[] => [
    { ms: ms * unlimited, window: Number.POSITIVE_INFINITY, sharedMs: sharedMs * unlimited },
    ...(window.layers === 0
      ? []
      : [{ ms: ms * window.layers, window: window.tokens, slides: true }]),
  ]
  const pairsOfBest = {
    ms: pairMs('prefill') * layers,
    window: (window.tokens * computeMs) / pairMs('prefill'),
  }
  const indexPairMs =
    indexer === undefined ? 0 : (1000 * 2 * indexer.heads * indexer.headDim) / indexFlops
  const index = (ms: number): StretchTerm[] =>
    indexer === undefined ? [] : [{ ms: ms * layers, window: Number.POSITIVE_INFINITY }]
  const indexReadMs = (1000 * indexBytes) / bandwidth
  const indexed = index(Math.max(indexReadMs, indexPairMs))
  // What is computed for each decode is computed for each, however it was read.
  const decodes = (ofComputingMs: number): StretchTerm[] =>
    terms(Math.max(kvMs, ofComputingMs), Math.max(cachedMs, ofComputingMs))
  return new StretchTerms({
    decode: [...decodes(computeMs), ...indexed],
    mixed: [...decodes(mixedComputeMs), ...indexed],
    pairs: indexer === undefined ? terms(pairMs('prefill')) : [pairsOfBest, ...index(indexPairMs)],
    read: [{ ms: kvMs * unlimited, window: Number.POSITIVE_INFINITY }, ...index(indexReadMs)],
    rampTokens: granularity === 'operator' ? efficiency.attentionRampTokens : 0,
  })
}

/** What a read from the second-level cache takes, as a part of one from memory at a bandwidth reached. */
function cachedShare(gpu: Gpu, memoryBytesPerSec: number, efficiency: KernelEfficiency): number {
  const { leastShare, bandwidth } = efficiency.cachedKvRead
  if (gpu.cacheBandwidthBytesPerSec === undefined) return 1
  const share = memoryBytesPerSec / (gpu.cacheBandwidthBytesPerSec * bandwidth)
  return Math.min(1, Math.max(leastShare, share))
}

/** Query rows that a decode's head costs in a tile, of which it fills one. */
function paddedRowsPerHead(
  { heads, kvHeads }: { readonly heads: number; readonly kvHeads: number },
  { mixedTile }: KernelEfficiency,
): number {
  return mixedTile.packsHeads ? (mixedTile.rows * kvHeads) / heads : mixedTile.rows
}
