import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunSummary } from '@routesim/metrics'
import { expect, test } from 'vitest'
import { mergeRecords, mergeResultLogs } from './merge-results.js'
import { type LogContent, ResultLog, type ResultRecord, readResultLog } from './result-log.js'

const newLog = () => join(mkdtempSync(join(tmpdir(), 'routesim-log-')), 'runs.jsonl')

function record(run: number, message = 'ü {"key":1}\n'): ResultRecord {
  return {
    key: `key ${run}`,
    row: 'row',
    version: '1',
    run,
    runs: 3,
    settings: { 'cluster.num_backends': 4 },
    rate: null,
    algorithm: 'random',
    seed: 1,
    status: 'failed',
    error: { code: null, message },
  }
}

test('a log that was cut anywhere in its last line keeps all others, and takes more', async () => {
  const path = newLog()
  const log = new ResultLog(path)
  for (const run of [0, 1]) log.append(record(run))
  log.close()
  const whole = readFileSync(path)
  const lastLine = whole.indexOf(0x0a) + 1
  for (let length = lastLine; length <= whole.length; length++) {
    writeFileSync(path, whole.subarray(0, length))
    const again = new ResultLog(path)
    again.append(record(2))
    again.close()
    const { records, tornLines } = await readResultLog(path)
    // Only its newline may be missing for the last line to count.
    const isWhole = length >= whole.length - 1
    expect(records).toEqual(isWhole ? [0, 1, 2].map((run) => record(run)) : [record(0), record(2)])
    expect(tornLines).toBe(length === lastLine || isWhole ? 0 : 1)
  }
})

test('what is no record is left out and counted', async () => {
  const path = newLog()
  writeFileSync(path, `null\n{"key":"a"\n\n${JSON.stringify(record(1))}\n\0\0\0\n`)
  const { records, tornLines } = await readResultLog(path)
  expect(records).toEqual([record(1)])
  expect(tornLines).toBe(3)
  await expect(readResultLog(`${path}.none`)).rejects.toThrow(/no such file$/)
})

test('a log tells the part that it was begun for; several parts in one file are none', async () => {
  const path = newLog()
  const log = new ResultLog(path)
  log.begin('3/8')
  expect(await readResultLog(path)).toEqual({ records: [], tornLines: 0, shard: '3/8' })
  log.append(record(1))
  expect(await readResultLog(path)).toEqual({ records: [record(1)], tornLines: 0, shard: '3/8' })
  log.begin('4/8')
  log.close()
  expect((await readResultLog(path)).shard).toBeUndefined()
  // Cut amid its first line, it is still a log.
  writeFileSync(path, '{"shard":"3')
  expect(await readResultLog(path)).toMatchObject({ records: [], tornLines: 1 })
})

test('another file named by mistake is refused, and a log of which only torn lines are left is not', async () => {
  const path = newLog()
  for (const other of ['[cluster]\nnum_backends = 4\n', '{"timestamp": 0}\n', 'null\n']) {
    writeFileSync(path, other)
    await expect(readResultLog(path)).rejects.toThrow(/expected a result log/)
  }
  for (const torn of ['', '{"k', '{"key":"a","ver', '\0\0\0\0']) {
    writeFileSync(path, torn)
    const { records, tornLines } = await readResultLog(path)
    expect([records.length, tornLines]).toEqual([0, torn === '' ? 0 : 1])
  }
})

test('merged, every run is there once: a finished one goes before a failed one', () => {
  const finished = { ...record(1), status: 'ok', result: {} } as unknown as ResultRecord
  const logs = [
    { records: [record(2), finished, record(0)], tornLines: 0 },
    { records: [record(0, 'later'), record(1, 'again')], tornLines: 0 },
  ]
  expect(mergeRecords(logs)).toEqual([record(0, 'later'), finished, record(2)])
})

test('runs of several sweeps stand in the order of their logs, those of one in the order of the sweep', () => {
  const at = (rate: number, run: number): ResultRecord => ({
    ...record(run),
    key: `${100 - rate}`,
    rate,
  })
  const logOf = (...records: ResultRecord[]) => ({ records, tornLines: 0 })
  const ratesOf = (...logs: LogContent[]) => mergeRecords(logs).map(({ rate }) => rate)
  const [low, high] = [logOf(at(10, 1), at(5, 0)), logOf(at(20, 0), at(40, 1))]
  expect(ratesOf(low, high)).toEqual([5, 10, 20, 40])
  expect(ratesOf(high, low)).toEqual([20, 40, 5, 10])
  expect(ratesOf(logOf(at(20, 2), at(5, 0)), logOf(at(10, 1)))).toEqual([5, 10, 20])
})

function finishedRun(place: Partial<ResultRecord>, ttft = {}): ResultRecord {
  const { error: _, ...run } = record(0) as Extract<ResultRecord, { status: 'failed' }>
  const result = { ttft } as RunSummary
  return { ...run, ...place, status: 'ok', result } as ResultRecord
}

function logOf(...records: object[]): string {
  const path = newLog()
  writeFileSync(path, records.map((each) => `${JSON.stringify(each)}\n`).join(''))
  return path
}

test('seeds of other traffic have no mean with those of this one', async () => {
  const own = logOf(finishedRun({ key: 'a', seed: 1 }), finishedRun({ key: 'b', seed: 2 }))
  const shard = logOf(finishedRun({ key: 'c', seed: 3, row: 'of another config' }))
  await expect(mergeResultLogs([own, shard])).rejects.toMatchObject({
    code: 'log_of_other_runs',
    message: `${shard}: has random, cluster.num_backends 4, seed 3 of another trace, config, router or policy file than ${own}`,
  })
  // Of another version, or at another place, it is told apart.
  const later = finishedRun({ key: 'c', seed: 3, row: 'other', version: '2' })
  const elsewhere = finishedRun({ key: 'd', seed: 3, row: 'other', algorithm: 'lmetric' })
  expect((await mergeResultLogs([own, logOf(later, elsewhere)])).records).toHaveLength(4)
})

test('equal runs with different results are counted', async () => {
  const path = logOf(
    finishedRun({ key: 'a' }, { mean: 1 }),
    finishedRun({ key: 'b', seed: 2 }, { mean: 1 }),
    finishedRun({ key: 'a' }, { mean: 2 }),
  )
  const again = logOf(finishedRun({ key: 'a' }, { mean: 2 }))
  expect(await mergeResultLogs([again])).toMatchObject({ contradictions: 0 })
  const { records, contradictions } = await mergeResultLogs([path, again])
  expect(contradictions).toBe(1)
  const means = records.map((each) => each.status === 'ok' && each.result.ttft.mean)
  expect(means.sort()).toEqual([1, 2])
})

test('a whole line that is no run is told with its place', async () => {
  const run = finishedRun({})
  for (const wrong of [
    { key: 'a', run: 0, status: 'ok' },
    { ...run, result: {} },
    { ...run, status: 'finished' },
    { ...run, settings: undefined },
    { ...record(1), error: null },
  ]) {
    const path = logOf(run, wrong)
    await expect(readResultLog(path)).rejects.toMatchObject({
      code: 'log_unreadable',
      message: `${path}:2: expected a run of a sweep, got one that lacks fields`,
    })
  }
})

test('runs of other traffic are not merged as if they were the same', async () => {
  const finished = (key: string, seed: number, version = '1') => finishedRun({ key, seed, version })
  const [one, more] = [logOf(record(0), finished('a', 1)), logOf(finished('b', 2))]
  const keysOf = async (...paths: string[]): Promise<string[]> =>
    (await mergeResultLogs(paths)).records.map(({ key }) => key)
  expect(await keysOf(one, one, more)).toEqual(['a', 'b'])
  expect(await keysOf(more, one, logOf(record(0)))).toEqual(['b', 'a'])
  // What another version made of a run is replaced by what came later.
  const newer = logOf(finished('d', 1, '2'))
  expect(await keysOf(one, newer)).toEqual(['d'])
  expect(await keysOf(one, newer, one)).toEqual(['a'])
  const other = logOf(finished('c', 1))
  await expect(mergeResultLogs([one, more, other])).rejects.toMatchObject({
    code: 'log_of_other_runs',
    message: `${other}: has random, cluster.num_backends 4, seed 1 of another trace, config, router or policy file than ${one}`,
  })
})
