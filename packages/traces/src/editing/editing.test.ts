import { awaitedBy, RandomStream, type RequestTable, RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import type { LoweredRecords } from '../columns/lower-columns.js'
import { promptSharing } from '../stats/prompt-sharing.js'
import { readText, writeText } from '../testing/in-memory.js'
import { editRecords, editTrace } from './edit-trace.js'
import { mergeRecords, mergeTraces, repeatRecords, repeatTrace } from './merge-traces.js'

const read = async () =>
  (
    await readText(
      [
        '{"ts":100,"prompt_tokens":9,"gen_tokens":1,"conversation_id":"c","slo_class":"chat"}',
        '{"ts":200,"prompt_tokens":12,"gen_tokens":1,"conversation_id":"c","think_ms":5}',
        '{"ts":300,"prompt_tokens":20,"gen_tokens":1,"tenant":"t"}',
      ].join('\n'),
    )
  ).table

test('a window begins at 0, a head does not; what is left waits as before', async () => {
  const table = await read()
  const late = editTrace(table, { fromMs: 100, speedup: 2 })
  expect([...late.arrivalMs]).toEqual([0, 50])
  expect([...late.predecessor!]).toEqual([-1, -1])
  const early = editTrace(table, { head: 2 })
  expect([...early.arrivalMs]).toEqual([100, 200])
  expect([...early.predecessor!]).toEqual([-1, 0])
  const ofTenant = editTrace(table, { filter: (row, { tenant }) => tenant[row]! >= 0 })
  expect([...ofTenant.promptTokens]).toEqual([20])
  expect(() => editTrace(table, { fromMs: 1000 }, 'day.jsonl')).toThrow(
    'day.jsonl: expected to keep at least one request of 3, which arrive from 0 to 0.2 s; kept none',
  )
})

test('a window has the request at its beginning, and not the one at its end', async () => {
  const times = [4662.733, 98473.227, 99000]
  const lines = times.map((ts) => JSON.stringify({ ts, prompt_tokens: 9, gen_tokens: 1 }))
  const { table } = await readText(lines.join('\n'))
  // Between the first two are 93,810.494 ms, but not to the last digit.
  expect(4662.733 + 93810.494).toBeGreaterThan(98473.227)
  expect([...editTrace(table, { fromMs: 93810.494, toMs: 200_000 }).arrivalMs]).toEqual([
    0,
    expect.closeTo(99000 - 98473.227, 6),
  ])
  expect(editTrace(table, { toMs: 93810.494 }).size).toBe(1)
})

test('whatever request a window begins with is in it', async () => {
  const random = new RandomStream(1, 'windows')
  for (let i = 0; i < 300; i++) {
    // Of such sizes, that what lies between them is rounded to even often.
    const [firstMs, secondMs] = [4e4 + random.float() * 2e4, 19e4 + random.float() * 6e4]
    const builder = new RequestTableBuilder()
    const times = [firstMs, secondMs, secondMs + 1e3]
    for (const arrivalMs of times) builder.add({ arrivalMs, promptTokens: 1, outputTokens: 1 })
    const table = builder.build()
    expect(editTrace(table, { fromMs: secondMs - firstMs }).size).toBe(2)
  }
})

test('a faster trace has shorter think times, and leaves those it is made of as they were', async () => {
  const table = await read()
  const fast = editTrace(table, { speedup: 4 })
  expect([...fast.arrivalMs]).toEqual([25, 50, 75])
  expect([...fast.thinkMs!]).toEqual([0, 1.25, 0])
  expect([...table.thinkMs!]).toEqual([0, 5, 0])
})

test('merged traces share names, not contents', async () => {
  const merged = mergeTraces([await read(), await read()])
  expect([...merged.arrivalMs]).toEqual([100, 100, 200, 200, 300, 300])
  expect([...merged.predecessor!]).toEqual([-1, -1, 0, 1, -1, -1])
  expect(merged.strings).toEqual(['c', 'chat', 't', 'c (2)'])
  expect([...promptSharing(merged).sharedWith]).toEqual([-1, -1, 0, 1, -1, -1])
})

test('sessions stay apart when what was merged is merged or repeated', async () => {
  const table = await read()
  const merged = mergeTraces([table, table])
  const again = mergeTraces([merged, table, merged])
  expect(turnsOf(again)).toEqual({ c: 2, 'c (2)': 2, 'c (3)': 2, 'c (4)': 2, 'c (2) (3)': 2 })
  const twice = repeatTrace(repeatTrace(table, 2), 2)
  expect(turnsOf(twice)).toEqual({ c: 2, 'c (2)': 2, 'c (3)': 2, 'c (2) (2)': 2 })
})

function turnsOf({ session, strings }: RequestTable): Record<string, number> {
  const turns: Record<string, number> = {}
  for (const id of session) if (id >= 0) turns[strings[id]!] = (turns[strings[id]!] ?? 0) + 1
  return turns
}

test('a repeated trace sends the same prompts again', async () => {
  const twice = repeatTrace(await read(), 2, 50)
  expect([...twice.arrivalMs]).toEqual([100, 200, 300, 350, 450, 550])
  expect([...promptSharing(twice).sharedWith]).toEqual([-1, 0, -1, 0, 1, -1])
  expect([...twice.predecessor!]).toEqual([-1, 0, -1, -1, 3, -1])
})

test('prefixes keep their names, and those of several traces stay apart', async () => {
  const line = (ts: number, prefix_hash?: string): string =>
    JSON.stringify({
      ts,
      prompt_tokens: 90,
      gen_tokens: 1,
      prefix_hash,
      prefix_len: prefix_hash && 50,
    })
  const one = await readText([line(0, 'a'), line(1, 'b'), line(4), line(5, 'b')].join('\n'))
  const other = await readText([line(0), line(2, 'b'), line(3, 'c')].join('\n'))
  const edited = editRecords(one, { filter: (row) => row > 0 })
  expect(prefixesOf(edited)).toEqual(['b', undefined, 'b'])
  expect(await written(edited)).toEqual(['b', undefined, 'b'])
  expect(prefixesOf(repeatRecords(edited, 2))).toEqual(['b', undefined, 'b', 'b', undefined, 'b'])
  const both = mergeRecords([one, other])
  expect(prefixesOf(both)).toEqual(['a', undefined, 'b', 'b (2)', 'c', undefined, 'b'])
  expect(await written(both)).toEqual(prefixesOf(both))
})

const prefixesOf = ({ prefixHashes: { of, names } }: LoweredRecords): (string | undefined)[] =>
  Array.from(of, (id) => names[id])

async function written({ table, prefixHashes }: LoweredRecords): Promise<(string | undefined)[]> {
  const { text } = await writeText(table, 'compact_jsonl', prefixHashes)
  const back = await readText(text)
  expect([...promptSharing(back.table).sharedWith]).toEqual([...promptSharing(table).sharedWith])
  return prefixesOf(back)
}

test('what waits for several waits for those that are left', async () => {
  const line = { prompt_tokens: 9, gen_tokens: 1 }
  const { table } = await readText(
    [
      { ...line, ts: 0, id: 'a', user: 'u' },
      { ...line, ts: 1, id: 'b' },
      { ...line, ts: 2, id: 'c', user: 'u' },
      { ...line, after: ['a', 'b', 'c'], think_ms: 1, user: 'u' },
    ]
      .map((each) => JSON.stringify(each))
      .join('\n'),
  )
  expect(awaitedBy(table, 3)).toEqual([2, 0, 1])
  const some = editTrace(table, { filter: (row, { user }) => user[row]! >= 0 })
  expect(awaitedBy(some, 2)).toEqual([1, 0])
  const one = editTrace(table, { fromMs: 1 })
  expect(awaitedBy(editTrace(one, { filter: (row) => row > 0 }), 1)).toEqual([0])
  expect(awaitedBy(mergeTraces([table, table]), 7)).toEqual([5, 1, 3])
  expect(awaitedBy(repeatTrace(table, 2), 7)).toEqual([6, 4, 5])
})
