import { expect, test } from 'vitest'
import { findGpu } from './find-gpu.js'
import { smClocksPerSec } from './sm-clocks.js'

test.each([
  ['V100', 80, 1.53],
  ['T4', 40, 1.59],
  ['A100 80GB', 108, 1.41],
  ['L40S', 142, 2.52],
  ['H100 SXM', 132, 1.83],
  ['H100 PCIe', 114, 1.62],
  ['B200', 148, 1.85],
  ['RTX PRO 6000', 188, 2.617],
  ['MI300X', 304, 2.1],
])('%s: %d processors at %d GHz', (name, processors, ghz) => {
  expect(smClocksPerSec(findGpu(name)) / (processors * ghz * 1e9)).toBeCloseTo(1, 1)
})
