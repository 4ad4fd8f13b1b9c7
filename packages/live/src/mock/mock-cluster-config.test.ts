import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { mockClusterConfig } from './mock-cluster-config.js'

const folder = mkdtempSync(join(tmpdir(), 'routesim-mock-'))
afterAll(() => rmSync(folder, { recursive: true }))

const file = join(folder, 'c.toml')
writeFileSync(file, '[cluster]\nnum_backends = 2\nmodel = "llama-3.1-8b"\ngpu_type = "L40S"\n')

test('flags go before a config file, and what follows from them is that of the flags', async () => {
  const { cluster: plain } = await mockClusterConfig({ config: file })
  const { cluster } = await mockClusterConfig({ config: file, numWorkers: 3, blockSize: 64 })
  expect(cluster).toMatchObject({ num_backends: 3, kv_block_size: 64 })
  // The same memory in blocks four times as large.
  const tokens = plain.kv_cache_blocks * plain.kv_block_size
  expect(cluster.kv_cache_blocks * 64).toBeGreaterThan(tokens - 64)
  expect(cluster.kv_cache_blocks * 64).toBeLessThanOrEqual(tokens)
})

test('flags make pools of the workers of a config file', async () => {
  const flags = { config: file, numPrefillWorkers: 1, numDecodeWorkers: 3 }
  const { cluster } = await mockClusterConfig(flags)
  const disaggregated = { enabled: true, prefill_backends: 1, decode_backends: 3 }
  expect(cluster).toMatchObject({ num_backends: 4, disaggregated, model: 'llama-3.1-8b' })
})

test('the length of a model is that of its flag, with a config file and without', async () => {
  for (const config of [file, undefined]) {
    const { cluster } = await mockClusterConfig({ config, maxModelLen: 4096 })
    expect(cluster.max_model_len).toBe(4096)
    expect((await mockClusterConfig({ config })).cluster.max_model_len).toBeUndefined()
  }
})

test('flags are checked', async () => {
  await expect(mockClusterConfig({ config: file, numWorkers: 0 })).rejects.toThrow(
    'cluster.num_backends: expected an integer >= 1, got 0',
  )
})
