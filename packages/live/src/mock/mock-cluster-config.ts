import { type Config, checkConfig, loadConfig, parseConfig } from '@routesim/experiments'

/** What the command line of mock workers can say of their cluster. */
export interface MockClusterFlags {
  /** A config file of the simulator; the defaults of Dynamo's mock engine without one. */
  readonly config?: string | undefined
  readonly numWorkers?: number | undefined
  readonly numPrefillWorkers?: number | undefined
  readonly numDecodeWorkers?: number | undefined
  readonly blockSize?: number | undefined
  readonly numGpuBlocks?: number | undefined
  readonly maxNumSeqs?: number | undefined
  readonly maxNumBatchedTokens?: number | undefined
  readonly maxModelLen?: number | undefined
  readonly dpSize?: number | undefined
}

/**
 * The config of a cluster of mock workers: that of a file, or else one with the sizes and step times of
 * Dynamo's mock engine; flags go before both.
 *
 * Source: ai-dynamo/dynamo, lib/mocker/src/common/protocols.rs at 57040c1e.
 * @throws RouteSimError `config_invalid`, `config_unreadable`
 */
export async function mockClusterConfig(flags: MockClusterFlags): Promise<Config> {
  if (flags.config !== undefined)
    return checkConfig(withFlags(await loadConfig(flags.config), flags))
  const { numPrefillWorkers: prefill = 0, numDecodeWorkers: decode = 0 } = flags
  const group = `kv_block_size = ${flags.blockSize ?? 64}
kv_cache_blocks = ${flags.numGpuBlocks ?? 16384}
max_num_seqs = ${flags.maxNumSeqs ?? 256}
max_batch_tokens = ${flags.maxNumBatchedTokens ?? 8192}
max_queue_depth = 65536
${flags.maxModelLen === undefined ? '' : `max_model_len = ${flags.maxModelLen}\n`}dp = ${flags.dpSize ?? 1}
compute_model = { kind = "mocker" }
`
  const pools =
    prefill + decode > 0
      ? `num_backends = ${prefill + decode}
disaggregated = { enabled = true, prefill_backends = ${prefill}, decode_backends = ${decode} }
`
      : `num_backends = ${flags.numWorkers ?? 8}\n`
  return parseConfig(`[cluster]\n${pools}${group}`, 'mock workers')
}

function withFlags(config: Config, flags: MockClusterFlags): Config {
  const { cluster } = config
  const own = {
    ...(flags.blockSize === undefined ? {} : { kv_block_size: flags.blockSize }),
    ...(flags.numGpuBlocks === undefined ? {} : { kv_cache_blocks: flags.numGpuBlocks }),
    ...(flags.maxNumSeqs === undefined ? {} : { max_num_seqs: flags.maxNumSeqs }),
    ...(flags.maxNumBatchedTokens === undefined
      ? {}
      : { max_batch_tokens: flags.maxNumBatchedTokens }),
    ...(flags.maxModelLen === undefined ? {} : { max_model_len: flags.maxModelLen }),
    ...(flags.dpSize === undefined ? {} : { dp: flags.dpSize }),
  }
  const { numWorkers, numPrefillWorkers: prefill = 0, numDecodeWorkers: decode = 0 } = flags
  const pools = { enabled: true, prefill_backends: prefill, decode_backends: decode }
  const backends = cluster.backends?.map((group) => ({ ...group, ...own }))
  return {
    ...config,
    cluster: {
      ...cluster,
      ...own,
      ...(numWorkers === undefined ? {} : { num_backends: numWorkers }),
      ...(prefill + decode > 0 && {
        num_backends: prefill + decode,
        disaggregated: { ...cluster.disaggregated, ...pools },
      }),
      ...(backends === undefined ? {} : { backends }),
    },
  }
}
