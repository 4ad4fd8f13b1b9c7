import { expect, test } from 'vitest'
import { parseShard } from './shard.js'

test('Kubernetes and Slurm tell which shard it is', () => {
  expect(parseShard('auto/8', { JOB_COMPLETION_INDEX: '5' })).toEqual({ index: 5, count: 8 })
  const slurm = {
    SLURM_ARRAY_TASK_ID: '12',
    SLURM_ARRAY_TASK_MIN: '10',
    SLURM_ARRAY_TASK_COUNT: '4',
  }
  expect(parseShard('auto', slurm)).toEqual({ index: 2, count: 4 })
  expect(parseShard('0/1', {})).toEqual({ index: 0, count: 1 })
})

test.each([
  ['4/4', 'shard: expected 0/4 to 3/4, got 4/4'],
  ['1/0', 'shard: expected 1 to 1000000 shards, got 0'],
  ['x', 'shard: expected i/n such as 0/8, or auto/8, got "x"'],
  ['2', 'shard: expected the number of shards too, as in 2/8, got "2"'],
  ['auto/3', 'shard: expected JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID in the environment'],
])('%s is refused', (text, message) => {
  expect(() => parseShard(text, {})).toThrow(message)
})
