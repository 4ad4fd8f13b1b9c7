import { expect, test } from 'vitest'
import { checkEnding, orList } from './check-ending.js'
import { checkTraceEnding } from './check-trace-ending.js'

test('an ending that promises another format is refused; one that promises nothing is not', () => {
  const page = (path: string) => () => checkEnding('report', path, ['.html', '.htm'])
  expect(page('x.pdf')).toThrow('--report: expected a name that ends in .html or .htm, got "x.pdf"')
  expect(page('x.html.gz')).toThrow('got "x.html.gz"')
  for (const path of ['x.HTML', 'x.htm', 'x', 'x.tmp', 'a.csv/x']) expect(page(path)).not.toThrow()
})

test('traces may be packed, and the message says which formats have the ending', () => {
  expect(() => checkTraceEnding('x.csv.gz', 'mooncake', '--to')).toThrow(
    '--output: expected a name that ends in .jsonl, .ndjson or .json, got "x.csv.gz"\nOr say --to azure, csv, burstgpt or blis.',
  )
  expect(() => checkTraceEnding('x.parquet', 'azure', '--format')).toThrow(
    'ends in .csv, got "x.parquet"\nOr say --format parquet.',
  )
  expect(() => checkTraceEnding('x.pdf', 'otel', '--to')).toThrow(/got "x.pdf"$/)
  expect(() => checkTraceEnding('x.csv.zst', 'azure', '--to')).not.toThrow()
  expect(() => checkTraceEnding('-', 'azure', '--to')).not.toThrow()
})

test('lists of words', () => {
  expect([['a'], ['a', 'b'], ['a', 'b', 'c']].map(orList)).toEqual(['a', 'a or b', 'a, b or c'])
})
