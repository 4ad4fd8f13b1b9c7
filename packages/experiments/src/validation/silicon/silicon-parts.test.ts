import { describe, expect, test } from 'vitest'
import type { CsvRow } from '../data/csv-rows.js'
import type { DataFolder } from '../data/data-folder.js'
import { isOwnBenchmark, partsOf } from './silicon-parts.js'
import { siliconSet } from './silicon-set.js'

const served = {
  silicon_data_source: 'db-dump/2026-04-27; config_id=733',
  backend: 'sglang',
  model_path: 'deepseek-ai/DeepSeek-R1-0528',
  system: 'b300_sxm',
  gemm_quant_mode: 'fp8',
  isl: '1024',
  osl: '128',
  concurrency: '4',
  silicon_ttft_ms: '100',
  silicon_tpot_ms: '10',
}

/** Degrees as the file has them: tensor parallel, data-parallel attention, sharded experts, groups of experts. */
function degrees(
  columns: string,
  [tp, attending, sharded, groups]: readonly [string, string, string, string],
): CsvRow {
  return {
    [`${columns}tp_size`]: tp,
    [`${columns}pp_size`]: '1.0',
    [`${columns}attention_dp_size`]: attending,
    [`${columns}moe_tp_size`]: sharded,
    [`${columns}moe_ep_size`]: groups,
  }
}

describe('how the workers of a row are spread', () => {
  test.each([
    ['tensor parallel', ['8.0', '1.0', '8.0', '1.0'], { tp: 8, dp: 1, ep: 1, moeTp: 8 }],
    ['experts dealt out', ['8.0', '', '1.0', '8.0'], { tp: 8, dp: 1, ep: 8, moeTp: 1 }],
    ['in groups of two', ['8.0', '1.0', '2.0', '4.0'], { tp: 8, dp: 1, ep: 4, moeTp: 2 }],
    ['degrees multiplied', ['64.0', '1.0', '8.0', '8.0'], { tp: 8, dp: 1, ep: 8, moeTp: 1 }],
    ['degrees of 4', ['16.0', '1.0', '4.0', '4.0'], { tp: 4, dp: 1, ep: 4, moeTp: 1 }],
    ['attention multiplied', ['1.0', '64.0', '8.0', '8.0'], { tp: 1, dp: 8, ep: 8, moeTp: 1 }],
    ['attention said twice', ['4.0', '4.0', '1.0', '16.0'], { tp: 1, dp: 4, ep: 4, moeTp: 1 }],
    ['ranks, experts sharded', ['1.0', '8.0', '8.0', '1.0'], { tp: 1, dp: 8, ep: 1, moeTp: 8 }],
    ['ranks, groups of two', ['1.0', '8.0', '2.0', '4.0'], { tp: 1, dp: 8, ep: 4, moeTp: 2 }],
    ['groups of no whole GPUs', ['8.0', '1.0', '1.0', '3.0'], { tp: 8, dp: 1, ep: 1, moeTp: 8 }],
    ['degrees of 0', ['8.0', '', '0.0', '0.0'], { tp: 8, dp: 1, ep: 1, moeTp: 8 }],
  ] as const)('%s: %j', (_, given, spread) => {
    expect(partsOf({ ...served, ...degrees('', given) }, '')).toMatchObject(spread)
  })

  test('those for prompts and those for answers have columns of their own, never multiplied', () => {
    const row = {
      ...served,
      ...degrees('prefill_', ['8.0', '1.0', '8.0', '1.0']),
      ...degrees('decode_', ['1.0', '16.0', '4.0', '4.0']),
    }
    expect(partsOf(row, 'prefill_')).toMatchObject({ tp: 8, dp: 1, ep: 1, moeTp: 8 })
    expect(partsOf(row, 'decode_')).toMatchObject({ tp: 1, dp: 16, ep: 4, moeTp: 4 })
  })

  test('own measurements multiply nothing', () => {
    const own = { ...served, silicon_data_source: 'source_file=/Users/a.csv' }
    const parts = partsOf({ ...own, ...degrees('', ['4.0', '', '2.0', '2.0']) }, '')
    expect(parts).toMatchObject({ tp: 4, dp: 1, ep: 2, moeTp: 2 })
  })

  test('a model whose experts do not go into the groups has them sharded by all', () => {
    const degreesOf3 = degrees('', ['1.0', '6.0', '2.0', '3.0'])
    const parts = partsOf({ ...served, ...degreesOf3 }, '')
    expect(parts).toMatchObject({ tp: 1, dp: 6, ep: 1, moeTp: 6 })
  })

  test('a model without experts has none to spread', () => {
    const dense = { ...served, model_path: 'Qwen3-32B', ...degrees('', ['2.0', '', '1.0', '1.0']) }
    const parts = partsOf(dense, '')
    expect(parts).toMatchObject({ model: 'Qwen3-32B', tp: 2, dp: 1 })
    expect(parts).not.toHaveProperty('moeTp')
  })
})

test.each([
  ['h100_sxm', 'H100 SXM'],
  ['b300_sxm', 'B300'],
  ['gb200', 'GB200'],
  ['gb300', 'GB300'],
])('the system %s has the GPU %s', (system, gpu) => {
  const row = { ...served, model_path: 'Qwen3-32B', system, ...degrees('', ['4.0', '', '', '']) }
  expect(partsOf(row, '')).toMatchObject({ gpu })
})

test.each([
  [{ concurrency: '' }, 'lengths or concurrency missing'],
  [{ pp_size: '2.0' }, 'a pipeline whose micro-batches are not published'],
  [{ gemm_quant_mode: 'int4' }, 'weights in int4'],
  [{ model_path: 'a/b' }, /^unknown model "b"/],
  [{ tp_size: '1.0' }, /^DeepSeek-V3 in fp8 on 1 x B300: expected room for KV blocks/],
])('%j is not predicted, and why', (cells, reason) => {
  const row = { ...served, ...degrees('', ['8.0', '1.0', '8.0', '1.0']), ...cells }
  expect(partsOf(row, '')).toEqual(
    typeof reason === 'string' ? reason : expect.stringMatching(reason),
  )
})

test('own measurements are told from those of the benchmark by their source', () => {
  expect(isOwnBenchmark({ silicon_data_source: 'source_file=/Users/a.csv' })).toBe(true)
  expect(isOwnBenchmark({ silicon_data_source: 'source_file=2026/a.csv' })).toBe(false)
  expect(isOwnBenchmark(served)).toBe(false)
})

describe('workers for prompts and answers apart', () => {
  const apart = {
    ...served,
    ...degrees('prefill_', ['8.0', '1.0', '8.0', '1.0']),
    ...degrees('decode_', ['1.0', '8.0', '8.0', '1.0']),
  }

  function predict(row: CsvRow): ReturnType<typeof siliconSet.predict> {
    const data: Pick<DataFolder, 'rows'> = {
      rows: (_, file) => (file === 'silicon_disagg.csv' ? [row] : []),
    }
    return siliconSet.predict(data as DataFolder, { seeds: 1 })
  }

  test('are not predicted without their numbers, whatever else is missing', () => {
    for (const cells of [{}, { model_path: 'a/b' }, { prefill_pp_size: '2.0' }]) {
      const numbers = { prefill_num_workers: '2.0', decode_num_workers: '' }
      const reasons = predict({ ...apart, ...numbers, ...cells }).map((row) =>
        'reason' in row ? row.reason : undefined,
      )
      expect(reasons).toEqual(['number of workers missing', 'number of workers missing'])
    }
  })

  test('are predicted with them', () => {
    const rows = predict({ ...apart, prefill_num_workers: '2.0', decode_num_workers: '1.0' })
    expect(rows.map((row) => row.policy)).toEqual(['2 x tp8 + 1 x dp8', '2 x tp8 + 1 x dp8'])
    expect(rows.map((row) => row.metric)).toEqual(['silicon_tpot_ms', 'silicon_ttft_ms'])
    for (const row of rows) expect(row).toHaveProperty('predicted')
  })
})
