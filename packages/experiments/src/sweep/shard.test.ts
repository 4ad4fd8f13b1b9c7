import { expect, test } from 'vitest'
import { parseShard } from './shard.js'

/** What Slurm tells a task of an array from `min` to `max`. */
function slurmTask(id: number, min: number, max: number, step = 1, count = (max - min) / step + 1) {
  return {
    SLURM_ARRAY_TASK_ID: `${id}`,
    SLURM_ARRAY_TASK_MIN: `${min}`,
    SLURM_ARRAY_TASK_MAX: `${max}`,
    SLURM_ARRAY_TASK_STEP: `${step}`,
    SLURM_ARRAY_TASK_COUNT: `${count}`,
  }
}

test('Kubernetes and Slurm tell which shard it is', () => {
  expect(parseShard('auto/8', { JOB_COMPLETION_INDEX: '5' })).toEqual({ index: 5, count: 8 })
  expect(parseShard('auto/4', slurmTask(12, 10, 13))).toEqual({ index: 2, count: 4 })
  expect(parseShard('auto', slurmTask(3, 1, 4))).toEqual({ index: 2, count: 4 })
  expect(parseShard('auto', slurmTask(14, 0, 14, 2))).toEqual({ index: 7, count: 8 })
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

test.each([
  ['auto', '--array=3', slurmTask(3, 3, 3), 'all parts, from 0 or 1 on, got task 3 alone'],
  ['auto', '--array=0', slurmTask(0, 0, 0), 'all parts, from 0 or 1 on, got task 0 alone'],
  ['auto', '--array=5-7', slurmTask(6, 5, 7), 'all parts, from 0 or 1 on, got 3 from 5 to 7'],
  ['auto', '--array=2,5', slurmTask(2, 2, 5, 1, 2), 'all parts, from 0 or 1 on, got 2 from 2 to 5'],
  ['auto', '--array=0,5', slurmTask(5, 0, 5, 1, 2), 'all parts, from 0 or 1 on, got 2 from 0 to 5'],
  ['auto/8', '--array=3', slurmTask(3, 3, 3), 'all 8 parts, got task 3 alone'],
  ['auto/8', '--array=0,5', slurmTask(0, 0, 5, 1, 2), 'all 8 parts, got 2 from 0 to 5'],
])('%s in tasks that are submitted again, %s, is refused', (text, _, environment, message) => {
  expect(() => parseShard(text, environment)).toThrow(`shard: expected a job array of ${message}`)
})
