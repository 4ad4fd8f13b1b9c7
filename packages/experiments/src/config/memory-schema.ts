import { findLink } from '@routesim/hardware'
import type * as z from 'zod'
import { integer, notNegative, positive, table, text } from './fields.js'
import { inCatalogue } from './latency-schema.js'
import type { Config } from './schema.js'

/** Memory below the GPUs that keeps what the KV cache of a backend evicts. */
export const kvOffload = table({
  cpu_gb: positive()
    .optional()
    .describe(
      'Host memory of one backend, or of each of its ranks, for evicted KV blocks, in 10^9 bytes; none when absent.',
    ),
  cpu_blocks: integer(1, 2 ** 28)
    .optional()
    .describe('The same in blocks, and goes before it.'),
  cpu_bandwidth_gb_s: positive()
    .default(50.4)
    .describe('From host memory to each GPU, in 10^9 bytes per second; what PCIe 5.0 x16 reaches.'),
  cpu_link: text()
    .superRefine(inCatalogue(findLink))
    .optional()
    .describe('The same as the name of a link, instead of bandwidth and latency.'),
  cpu_latency_us: notNegative()
    .default(20)
    .describe('Fixed cost of one load, in µs; the default is an assumption.'),
  disk_gb: positive()
    .optional()
    .describe('Disk space for what host memory has no room for, in 10^9 bytes; none when absent.'),
  disk_blocks: integer(1, 2 ** 28)
    .optional()
    .describe('The same in blocks, and goes before it.'),
  disk_bandwidth_gb_s: positive()
    .default(6.3)
    .describe(
      'From the disks of a backend, in 10^9 bytes per second; what one NVMe drive on PCIe 4.0 x4 reaches.',
    ),
  disk_latency_us: notNegative()
    .default(100)
    .describe(
      'Fixed cost of one load from disk, in µs; the default is an assumption, the order of one read of NAND flash. Measure yours.',
    ),
})

/** Room for LoRA adapters. */
export const lora = table({
  max_loras: integer(1, 65536)
    .optional()
    .describe(
      'Adapters that running requests of a backend, or of each of its ranks, may use at a time; when absent, requests run whatever adapter they name.',
    ),
  rank: integer(1, 4096)
    .default(16)
    .describe('Rank of the adapters, from which their size follows with a model.'),
  bandwidth_gb_s: positive()
    .default(50.4)
    .describe('From host memory to a GPU, in 10^9 bytes per second; what PCIe 5.0 x16 reaches.'),
  load_ms: notNegative()
    .optional()
    .describe(
      'How long an adapter takes to its slot, in ms, instead of its size on one GPU / bandwidth.',
    ),
})

/** Says where memory for KV blocks or adapters makes no sense. */
export function checkMemory(
  values: { readonly lora: z.output<typeof lora>; readonly model?: string | undefined },
  context: z.RefinementCtx,
): void {
  if (values.lora.max_loras === undefined || values.lora.load_ms !== undefined) return
  if (values.model !== undefined) return
  context.addIssue({
    code: 'custom',
    path: ['lora', 'load_ms'],
    message: 'expected a number >= 0 because no model says how large an adapter is, got nothing',
  })
}

/** Whether a backend has memory for what its KV cache evicts. */
export function keepsEvicted({
  cpu_gb,
  cpu_blocks,
  disk_gb,
  disk_blocks,
}: Config['cluster']['kv_offload']): boolean {
  return [cpu_gb, cpu_blocks, disk_gb, disk_blocks].some((size) => size !== undefined)
}

/** Says that nothing can be kept where nothing is cached. */
export function checkOffload(
  isCaching: boolean,
  offload: z.output<typeof kvOffload>,
  path: readonly (string | number)[],
  context: z.RefinementCtx,
): void {
  if (isCaching || !keepsEvicted(offload)) return
  context.addIssue({
    code: 'custom',
    path: [...path, 'kv_offload'],
    message: 'expected no memory for evicted blocks because prefix_caching is false',
  })
}
