import { Readable } from 'node:stream'
import { RandomStream } from '@routesim/core'
import { expect, test } from 'vitest'
import { readColumns } from '../reading/read-columns.js'
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

const COLUMNS = [
  { name: 'ts', type: 'DOUBLE', data: [0, 10, 20, 30] },
  { name: 'prompt_tokens', type: 'INT32', data: [5, 6, 7, 8] },
  { name: 'gen_tokens', type: 'INT32', data: [1, 1, 1, 1] },
]

/** What the writer of the package writes when it is given these parts one after another. */
async function fileOf(
  parts: readonly (typeof COLUMNS | 'no rows')[],
  codec: 'SNAPPY' | 'LZ4_RAW' = 'SNAPPY',
): Promise<Uint8Array> {
  const { ByteWriter, ParquetWriter, schemaFromColumnData } = await import('hyparquet-writer')
  const writer = new ByteWriter()
  const schema = schemaFromColumnData({ columnData: COLUMNS as never })
  const compressors = { LZ4_RAW: (bytes: Uint8Array) => bytes }
  const file = new ParquetWriter({ writer, schema, codec, compressors })
  for (const part of parts) {
    if (part === 'no rows') {
      // As Arrow writes them: columns without a page, of 0 bytes.
      const columns = COLUMNS.map(({ name, type }) => ({
        file_offset: 0n,
        meta_data: {
          ...{ type, path_in_schema: [name], codec, encodings: ['PLAIN'], num_values: 0n },
          ...{ total_uncompressed_size: 0n, total_compressed_size: 0n },
          data_page_offset: BigInt(writer.offset),
        },
      }))
      file.row_groups.push({ columns, total_byte_size: 0n, num_rows: 0n } as never)
    } else file.write({ columnData: part as never })
  }
  file.finish()
  return new Uint8Array(writer.getBuffer())
}

async function linesOf(file: Uint8Array): Promise<string[]> {
  const lines: string[] = []
  for await (const line of parquetLines(file, 'x')) lines.push(line)
  return lines
}

test('groups without rows are passed over, wherever they stand', async () => {
  const half = (from: number) =>
    COLUMNS.map((column) => ({ ...column, data: column.data.slice(from, from + 2) }))
  const filtered = await fileOf(['no rows', half(0), 'no rows', half(2), 'no rows'])
  expect(await linesOf(filtered)).toEqual(await linesOf(await fileOf([COLUMNS])))
  expect(await linesOf(filtered)).toHaveLength(4)
})

test('a file without rows is a trace without requests, as other formats have it', async () => {
  for (const parts of [[], ['no rows' as const]]) {
    const bytes = [await fileOf(parts)]
    await expect(
      readColumns([{ source: 'x', bytes: Readable.from(bytes) }], {
        format: undefined,
        blockTokens: undefined,
        onError: 'fail',
      }),
    ).rejects.toThrow('x: expected at least one request, got none')
  }
})

test('a codec that is not read is said to be that, with those that are', async () => {
  const error = await linesOf(await fileOf([COLUMNS], 'LZ4_RAW')).catch((thrown) => thrown)
  expect(error).toMatchObject({
    message:
      'x: expected a Parquet file of a kind that is read, got unsupported compression codec: LZ4_RAW',
    hint: 'Write it with one of GZIP, BROTLI, ZSTD, SNAPPY, or without compression.',
  })
})

test('names of bytes that are no text stay as different as they are', async () => {
  const { parquetWriteBuffer } = await import('hyparquet-writer')
  const names = [[0xff, 0xfe], [0xff, 0xfd], [0xef, 0xbb, 0xbf, 0x61], [0x61], [0xc3, 0xa9]]
  const data = names.map((bytes) => Uint8Array.from(bytes))
  const pairs = names.map((_, i) => Uint8Array.of(0xff, i))
  const columnData = [
    { name: 'user', data },
    { name: 'text', data },
    { name: 'digest', data: pairs },
  ]
  const schema = [
    { name: 'root', num_children: 3 },
    { name: 'user', type: 'BYTE_ARRAY', repetition_type: 'REQUIRED' },
    { name: 'text', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
    {
      ...{ name: 'digest', type: 'FIXED_LEN_BYTE_ARRAY', type_length: 2 },
      repetition_type: 'REQUIRED',
    },
  ]
  const written = parquetWriteBuffer({ columnData, schema: schema as never })
  const rows = (await linesOf(new Uint8Array(written))).map((line) => JSON.parse(line))
  const texts = ['0xfffe', '0xfffd', '\ufeffa', 'a', 'é']
  expect(rows.map(({ user }) => user)).toEqual(texts)
  expect(rows.map(({ text }) => text)).toEqual(texts)
  expect(rows.map(({ digest }) => digest)).toEqual(names.map((_, i) => `0xff0${i}`))
})
