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
 * A cluster with the sizes and step times of Dynamo's mock engine.
 *
 * Source: ai-dynamo/dynamo, lib/mocker/src/common/protocols.rs at 57040c1e.
 */
const DYNAMO_MOCKER = `[cluster]
num_backends = 8
kv_block_size = 64
kv_cache_blocks = 16384
max_num_seqs = 256
max_batch_tokens = 8192
max_queue_depth = 65536
compute_model = { kind = "mocker" }
`

/**
 * The config of a cluster of mock workers: that of a file, or else one with the sizes and step times of
 * Dynamo's mock engine; flags go before both.
 *
 * @throws RouteSimError `config_invalid`, `config_unreadable`
 */
export async function mockClusterConfig(flags: MockClusterFlags): Promise<Config> {
  const config =
    flags.config === undefined
      ? parseConfig(DYNAMO_MOCKER, 'mock workers')
      : await loadConfig(flags.config)
  return checkConfig(withFlags(config, flags))
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
