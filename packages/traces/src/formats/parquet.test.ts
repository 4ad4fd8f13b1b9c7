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
