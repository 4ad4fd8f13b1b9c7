import type { Gpu } from './gpu.js'

const GB = 1e9
const TB = 1e12
const TERA = 1e12

/** Price of the original RouteSim, kept so that its configurations cost the same. */
const ORIGINAL_PRICE = 'RouteSim (InfraWhisperer, commit 65e0004), built-in price'

/**
 * The GPUs RouteSim knows. Data sheets print operations per second with sparsity where the hardware
 * has it; the figures here are without, half of those.
 */
export const GPUS: readonly Gpu[] = [
  {
    name: 'H100 SXM',
    aliases: ['H100', 'H100 SXM5', 'H100 SXM 80GB', 'H100 SXM80'],
    memoryBytes: 80 * GB,
    memoryBandwidthBytesPerSec: 3.35 * TB,
    denseFlops: { fp16: 989.5 * TERA, fp8: 1979 * TERA, int8: 1979 * TERA },
    pricePerHourUsd: 3.5,
    source: { specification: 'NVIDIA H100 Tensor Core GPU data sheet', price: ORIGINAL_PRICE },
  },
  {
    name: 'H100 PCIe',
    aliases: ['H100 PCIe 80GB'],
    memoryBytes: 80 * GB,
    memoryBandwidthBytesPerSec: 2 * TB,
    denseFlops: { fp16: 756.5 * TERA, fp8: 1513 * TERA, int8: 1513 * TERA },
    pricePerHourUsd: 2.8,
    source: {
      specification: 'NVIDIA H100 PCIe product brief and data sheet',
      price: 'RunPod Secure Cloud, May 2026: 2.79',
    },
  },
  {
    name: 'H200',
    aliases: ['H200 SXM', 'H200 141GB'],
    memoryBytes: 141 * GB,
    memoryBandwidthBytesPerSec: 4.8 * TB,
    denseFlops: { fp16: 989.5 * TERA, fp8: 1979 * TERA, int8: 1979 * TERA },
    pricePerHourUsd: 4,
    source: {
      specification: 'NVIDIA H200 Tensor Core GPU data sheet',
      price: 'specialised GPU clouds, May 2026: 3.50 to 4.50 (mercatus-ai.com)',
    },
  },
  {
    name: 'B200',
    aliases: ['B200 SXM', 'B200 180GB', 'HGX B200'],
    memoryBytes: 180 * GB,
    memoryBandwidthBytesPerSec: 7.7 * TB,
    denseFlops: { fp16: 2250 * TERA, fp8: 4500 * TERA, int8: 4500 * TERA },
    pricePerHourUsd: 5,
    source: {
      specification: 'NVIDIA Blackwell data sheet, column HGX B200',
      price: 'Lambda, 8x instance, 39.92 / 8 (SkyPilot catalogue v8, commit 95eaf48)',
    },
  },
  {
    name: 'A100 40GB',
    aliases: ['A100 SXM 40GB', 'A100 SXM4 40GB', 'A100 SXM40'],
    memoryBytes: 40 * GB,
    memoryBandwidthBytesPerSec: 1.555 * TB,
    denseFlops: { fp16: 312 * TERA, int8: 624 * TERA },
    pricePerHourUsd: 1.3,
    source: {
      specification: 'NVIDIA A100 Tensor Core GPU data sheet',
      price: 'Lambda, 8x instance, 10.32 / 8 (SkyPilot catalogue v8, commit 95eaf48)',
    },
  },
  {
    name: 'A100 80GB',
    aliases: ['A100', 'A100 SXM', 'A100 SXM 80GB', 'A100 SXM4 80GB', 'A100 SXM80'],
    memoryBytes: 80 * GB,
    memoryBandwidthBytesPerSec: 2.039 * TB,
    denseFlops: { fp16: 312 * TERA, int8: 624 * TERA },
    pricePerHourUsd: 2,
    source: {
      specification: 'NVIDIA A100 Tensor Core GPU data sheet, column SXM',
      price: ORIGINAL_PRICE,
    },
  },
  {
    name: 'L40S',
    aliases: ['L40S 48GB'],
    memoryBytes: 48 * GB,
    memoryBandwidthBytesPerSec: 864 * GB,
    denseFlops: { fp16: 362 * TERA, fp8: 733 * TERA, int8: 733 * TERA },
    pricePerHourUsd: 1,
    source: { specification: 'NVIDIA L40S data sheet', price: ORIGINAL_PRICE },
  },
  {
    name: 'L4',
    aliases: ['L4 24GB'],
    memoryBytes: 24 * GB,
    memoryBandwidthBytesPerSec: 300 * GB,
    denseFlops: { fp16: 121 * TERA, fp8: 242.5 * TERA, int8: 242.5 * TERA },
    pricePerHourUsd: 0.7,
    source: {
      specification: 'NVIDIA L4 Tensor Core GPU data sheet',
      price: 'RunPod serverless, 2026: 0.00019 per second',
    },
  },
  {
    name: 'A10G',
    aliases: ['A10G 24GB'],
    memoryBytes: 24 * GB,
    memoryBandwidthBytesPerSec: 600 * GB,
    denseFlops: { fp16: 70 * TERA, int8: 140 * TERA },
    pricePerHourUsd: 1,
    source: {
      specification: 'NVIDIA A10G data sheet',
      price: 'AWS g5.xlarge, us-east-1, June 2026: 1.006',
    },
  },
  {
    name: 'RTX 4090',
    aliases: ['4090', 'GeForce RTX 4090'],
    memoryBytes: 24 * GB,
    memoryBandwidthBytesPerSec: 1.008 * TB,
    // With FP32 accumulation, as serving engines run; FP16 accumulation doubles FP16 and FP8.
    denseFlops: { fp16: 165.2 * TERA, fp8: 330.3 * TERA, int8: 660.6 * TERA },
    pricePerHourUsd: 0.6,
    source: {
      specification: 'NVIDIA Ada GPU Architecture whitepaper v2, appendix A',
      price: 'RunPod, March 2026: 0.60 (deploybase.ai)',
    },
  },
]
