import { expect, test } from 'vitest'
import { alignedTable, type Column } from './table.js'

const right = (title: string, rank?: number): Column => ({
  ...{ title, align: 'right' },
  ...(rank !== undefined && { rank }),
})
const rows = [
  ['a', '1', '22', '333'],
  ['bb', '4', '5', '6'],
]

test('columns stand under their titles, and all are there without a bound', () => {
  const columns: Column[] = [{ title: '', align: 'left' }, right('x'), right('y'), right('z')]
  expect(alignedTable(columns, rows).split('\n')).toEqual([
    '    x   y    z',
    '--  -  --  ---',
    'a   1  22  333',
    'bb  4   5    6',
  ])
})

test('what does not fit goes by its rank, else from the end, and is named', () => {
  const byPlace = [right('n'), right('x'), right('y'), right('z')]
  expect(alignedTable(byPlace, rows, 14)).toBe(alignedTable(byPlace, rows))
  expect(alignedTable(byPlace, rows, 13).split('\n')).toEqual([
    ' n  x   y',
    '--  -  --',
    ' a  1  22',
    'bb  4   5',
    '(not shown in 13 columns: z; a wider terminal or a pipe shows all)',
  ])
  const byRank = [right('n', 0), right('x', 3), right('y', 2), right('z', 1)]
  expect(alignedTable(byRank, rows, 9)).toMatch(/^ n +z\n[^(]+\(not shown in 9 columns: x, y;/)
})

test('what names a row stays, with one number beside it, however narrow it is', () => {
  const columns = [right('n', 0), right('m', 0), right('y'), right('z')]
  const [titles] = alignedTable(columns, rows, 1).split('\n')
  expect(titles).toBe(' n  m   y')
})
