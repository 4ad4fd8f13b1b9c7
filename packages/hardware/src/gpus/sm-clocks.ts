import type { Gpu, GpuArchitecture } from './gpu.js'

/**
 * 16-bit tensor operations of one processor in one clock, without sparsity: NVIDIA's architecture
 * whitepapers (GA100 of Ampere; Ada and consumer Blackwell at the rate with 16-bit accumulation) and
 * AMD's of CDNA 3.
 */
const FP16_FLOPS_PER_SM_CLOCK: Readonly<Record<GpuArchitecture, number>> = {
  volta: 1024,
  turing: 1024,
  ampere: 2048,
  ada: 1024,
  hopper: 4096,
  blackwell: 8192,
  'blackwell-rtx': 1024,
  cdna3: 2048,
}

/**
 * Clocks per second of all processors together, from the peak of the tensor cores. Too few for GPUs whose
 * tensor cores are cut down, such as the H20.
 */
export function smClocksPerSec({ denseFlops, architecture }: Gpu): number {
  return denseFlops.fp16 / FP16_FLOPS_PER_SM_CLOCK[architecture]
}
