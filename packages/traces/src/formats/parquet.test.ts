import { RandomStream } from '@routesim/core'
import { expect, test } from 'vitest'
import { parquetLines, parquetOfLines } from './parquet.js'

const ROWS = 40

/** Where the first fields of each page header are, with the sizes; and what follows the last page. */
async function placesOf(file: Uint8Array): Promise<number[]> {
  const { parquetMetadataAsync } = await import('hyparquet')
  const metadata = await parquetMetadataAsync({
    byteLength: file.length,
    slice: async (from, to) => new Uint8Array(file.slice(from, to)).buffer,
  })
  const footer = new DataView(file.buffer).getUint32(file.length - 8, true)
  const places = Array.from({ length: footer + 8 }, (_, i) => file.length - footer - 8 + i)
  for (const { meta_data } of metadata.row_groups[0]!.columns) {
    const { data_page_offset, dictionary_page_offset } = meta_data!
    const from = Number(dictionary_page_offset ?? data_page_offset)
    for (let i = 0; i < 8; i++) places.push(from + i)
  }
  return places
}

test('a file that is damaged where it tells its sizes ends, and never gives more rows', async () => {
  const lines = Array.from({ length: ROWS }, (_, i) =>
    JSON.stringify({ ts: i * 10.5, prompt_tokens: 100 + i, gen_tokens: 5, user: `u${i % 3}` }),
  )
  const whole = await parquetOfLines(lines)
  let refused = 0
  for (const place of await placesOf(whole)) {
    for (const byte of [0, 1, 64, 127, 128, 255]) {
      const damaged = whole.slice()
      damaged[place] = byte
      let rows = 0
      try {
        for await (const _ of parquetLines(damaged, 'x')) rows++
      } catch (error) {
        expect((error as Error).message).toContain('x: expected a whole Parquet file, got')
        refused++
      }
      expect(rows).toBeLessThanOrEqual(ROWS)
    }
  }
  expect(refused).toBeGreaterThan(500)
})

/** A file whose columns are counted in every way: dictionaries, differences, levels, several codecs. */
async function anyFile(codec: 'SNAPPY' | 'UNCOMPRESSED', isDelta: boolean): Promise<Uint8Array> {
  const { parquetWriteBuffer } = await import('hyparquet-writer')
  const rows = (value: (i: number) => unknown) => Array.from({ length: 300 }, (_, i) => value(i))
  const as = (encoding: string) => (isDelta ? { encoding } : {})
  const columnData = [
    { name: 'ts', type: 'DOUBLE', data: rows((i) => i * 10.5), ...as('BYTE_STREAM_SPLIT') },
    {
      name: 'prompt_tokens',
      type: 'INT32',
      data: rows((i) => 100 + (i % 7)),
      ...as('DELTA_BINARY_PACKED'),
    },
    {
      name: 'gen_tokens',
      type: 'INT64',
      data: rows((i) => BigInt(5 + (i % 90))),
      ...as('DELTA_BINARY_PACKED'),
    },
    {
      name: 'user',
      type: 'STRING',
      data: rows((i) => (i % 4 === 0 ? null : `u${i % 50}`)),
      nullable: true,
      ...as('DELTA_BYTE_ARRAY'),
    },
    {
      name: 'tenant',
      type: 'STRING',
      data: rows((i) => `t${i}`),
      ...as('DELTA_LENGTH_BYTE_ARRAY'),
    },
    { name: 'is_chat', type: 'BOOLEAN', data: rows((i) => i % 3 === 0) },
  ]
  return new Uint8Array(parquetWriteBuffer({ columnData: columnData as never, codec }))
}

test('a file that is damaged anywhere ends, in 6,000 cases', async () => {
  const random = new RandomStream(3, 'damage')
  let refused = 0
  for (const [codec, isDelta] of [
    ['UNCOMPRESSED', true],
    ['SNAPPY', false],
    ['UNCOMPRESSED', false],
  ] as const) {
    const whole = await anyFile(codec, isDelta)
    let rows = 0
    for await (const _ of parquetLines(whole, 'x')) rows++
    expect(rows).toBe(300)
    for (let i = 0; i < 2000; i++) {
      const damaged = whole.slice()
      for (let left = 1 + random.integer(2); left > 0; left--) {
        damaged[random.integer(whole.length)] = [0, 1, 127, 128, 255, random.integer(256)][
          random.integer(6)
        ]!
      }
      try {
        for await (const _ of parquetLines(damaged, 'x')) rows++
      } catch (error) {
        expect((error as Error).message).toContain('x: expected a whole Parquet file, got')
        refused++
      }
    }
  }
  expect(refused).toBeGreaterThan(1500)
})
