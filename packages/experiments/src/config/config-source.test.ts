import { expect, test } from 'vitest'
import { buildFleet } from '../cluster/build-cluster.js'
import { configSource } from './config-source.js'
import { parseConfig } from './parse-config.js'
import type { Config } from './schema.js'

const text = (gpu: string) => `
[cluster]
num_backends = 2
model = "llama-3.1-70b"
gpu_type = "${gpu}"
tp = 4
`
const parsed = (gpu: string): Config => parseConfig(text(gpu))

test('a key that is set on a checked config counts as one that was written', async () => {
  const source = await configSource(parsed('H100Sxm'))
  const other = source.with({ 'cluster.gpu_type': 'A100Sxm80' })
  expect(other).toEqual(parsed('A100Sxm80'))
  expect(other.cluster.kv_cache_blocks).not.toBe(source.config.cluster.kv_cache_blocks)
})

test('so does one that differs in a copy: what follows from it is filled in anew', async () => {
  const config = parsed('H100Sxm')
  const copy = { ...config, cluster: { ...config.cluster, gpu_type: 'A100Sxm80' } }
  expect((await configSource(copy)).config).toEqual(parsed('A100Sxm80'))
  expect((await configSource(config)).config).toEqual(config)
  // What is said in the copy itself does not follow from anything.
  const small = { ...copy, cluster: { ...copy.cluster, kv_cache_blocks: 500 } }
  expect((await configSource(small)).config.cluster.kv_cache_blocks).toBe(500)
})

test('nor is a change in place lost, which the types do not allow', async () => {
  const config = parsed('H100Sxm')
  Object.assign(config.cluster, { gpu_type: 'A100Sxm80' })
  expect((await configSource(config)).config).toEqual(parsed('A100Sxm80'))
})

test('a group of backends may differ in a copy', async () => {
  const groups = (blocks: string) =>
    parseConfig(`
[cluster]
model = "llama-3.1-8b"
[[cluster.backends]]
count = 1
gpu_type = "${blocks}"
[[cluster.backends]]
count = 2
gpu_type = "H100Sxm"
`)
  const config = groups('H100Sxm')
  const [first, second] = config.cluster.backends!
  const backends = [{ ...first!, gpu_type: 'L40S' }, second!]
  const copy = { ...config, cluster: { ...config.cluster, backends } }
  const { config: made } = await configSource(copy)
  expect(made).toEqual(groups('L40S'))
  const blocks = buildFleet(made).cluster.backends.map(({ kv }) => kv.blocks)
  expect(blocks[0]).toBeLessThan(blocks[1]!)
})

test('what a copy says is checked', async () => {
  const config = parsed('H100Sxm')
  const copy = { ...config, cluster: { ...config.cluster, num_backends: 2.5 } }
  await expect(configSource(copy)).rejects.toThrow(
    'config cluster.num_backends: expected an integer >= 1, got 2.5',
  )
})

test('a config that came as JSON is taken as if all of it were written', async () => {
  const config = parsed('H100Sxm')
  const source = await configSource(JSON.parse(JSON.stringify(config)) as Config)
  expect(source.isWritten).toBe(false)
  const other = source.with({ 'cluster.gpu_type': 'A100Sxm80' })
  expect(other.cluster.kv_cache_blocks).toBe(config.cluster.kv_cache_blocks)
})
