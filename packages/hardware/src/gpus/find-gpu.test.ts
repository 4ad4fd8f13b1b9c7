import { describe, expect, test } from 'vitest'
import { findLink } from '../links/find-link.js'
import { findGpu } from './find-gpu.js'
import { GPUS } from './gpu-catalogue.js'

describe('findGpu', () => {
  test.each([
    ...['H100Sxm', 'H100', 'h100', 'h100_sxm', 'H100-SXM', ' H100 SXM5'].map((name) => [
      name,
      'H100 SXM',
    ]),
    ...['A100Sxm80', 'A100', 'a100', 'a100-80gb'].map((name) => [name, 'A100 80GB']),
    ...['L40s', 'l40s', 'L40S'].map((name) => [name, 'L40S']),
    ['a100_40gb', 'A100 40GB'],
    ['rtx4090', 'RTX 4090'],
    ['gb300', 'GB300'],
    ...['mi355x', 'MI355X', 'AMD Instinct MI355X'].map((name) => [name, 'MI355X']),
    ...['rtx-5090', 'RTX5090', 'NVIDIA GeForce RTX 5090'].map((name) => [name, 'RTX 5090']),
    ...['NVIDIA H200 NVL', 'h200_nvl'].map((name) => [name, 'H200 NVL']),
    ...['gh200', 'NVIDIA GH200 480GB'].map((name) => [name, 'GH200 96GB']),
    ['NVIDIA GH200 144G HBM3e', 'GH200 144GB'],
    ['NVIDIA A800-SXM4-80GB', 'A800'],
    ['nvidia-l20', 'L20'],
    ['NVIDIA H100 80GB HBM3', 'H100 SXM'],
    ['AMD MI300X', 'MI300X'],
    ...['A100 PCIe', 'NVIDIA A100 80GB PCIe'].map((name) => [name, 'A100 PCIe 80GB']),
    ['NVIDIA A100-PCIE-40GB', 'A100 PCIe 40GB'],
  ])('%s is the %s', (name, canonical) => {
    expect(findGpu(name).name).toBe(canonical)
  })

  test('an unknown name gets the nearest one and the list', () => {
    expect(() => findGpu('H1000')).toThrow(
      expect.objectContaining({
        code: 'gpu_unknown',
        message:
          'unknown GPU "H1000": did you mean "H100 SXM"? Known: H100 SXM, H100 PCIe, H200, B200, A100 40GB, A100 80GB, L40S, L4, A10G, RTX 4090, H100 NVL, H20, GB200, B300, GB300, RTX PRO 6000, A10, T4, V100, MI300X, MI325X, RTX A6000, A40, L40, RTX 6000 Ada, RTX 3090, MI350X, MI355X, GH200 96GB, GH200 144GB, H200 NVL, H800, A800, L20, A30, RTX 5090, A100 PCIe 80GB, A100 PCIe 40GB',
      }),
    )
    expect(() => findGpu('abacus')).toThrow(/^unknown GPU "abacus"\. Known: H100 SXM, /)
  })
})

test.each(['MI250X', 'A16', 'V100 16GB', 'A100 PCIe 20GB'])(
  'no other GPU is taken for a slip of %s',
  (name) => {
    expect(() => findGpu(name)).toThrow(new RegExp(`^unknown GPU "${name}"\\. Known: `))
  },
)

describe('the catalogue', () => {
  test('keeps the prices of the original', () => {
    const prices = ['H100', 'A100', 'L40S'].map((name) => findGpu(name).pricePerHourUsd)
    expect(prices).toEqual([3.5, 2, 1])
  })

  test('gives each name to one GPU only', () => {
    for (const gpu of GPUS) {
      for (const name of [gpu.name, ...gpu.aliases]) expect(findGpu(name)).toBe(gpu)
    }
  })

  test.each(GPUS.map((gpu) => [gpu.name, gpu] as const))('%s has figures of its time', (_, gpu) => {
    // From 37 (H20, cut down for export) to 419 (L40S); anything far off has a wrong unit or counts sparsity.
    const operationsPerByte = gpu.denseFlops.fp16 / gpu.memoryBandwidthBytesPerSec
    expect(operationsPerByte).toBeGreaterThan(30)
    expect(operationsPerByte).toBeLessThan(500)
    expect(gpu.memoryBytes % 1e9).toBe(0)
    // The driver counts binary units and keeps some for error correction.
    expect(gpu.driverMemoryBytes / gpu.memoryBytes).toBeGreaterThan(0.97)
    expect(gpu.driverMemoryBytes / gpu.memoryBytes).toBeLessThan(1.08)
    expect(findLink(gpu.link).name).toBe(gpu.link)
    for (const faster of [gpu.denseFlops.fp8, gpu.denseFlops.int8]) {
      if (faster !== undefined) expect(faster / gpu.denseFlops.fp16).toBeGreaterThan(1.9)
    }
  })
})
