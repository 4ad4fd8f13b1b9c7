import { expect, test } from 'vitest'
import { flatCsv } from './flat-csv.js'

test('what only some objects have is a column too, where it stands in them', () => {
  const csv = flatCsv([
    { id: 1, backends: [{ hits: 3 }], last: 'a' },
    { id: 2, why: { full: 7 }, backends: [{ hits: 4 }, { hits: 5 }], last: 'b' },
    { id: 3 },
  ])
  expect(csv.split('\r\n')).toEqual([
    'id,why.full,backends.0.hits,backends.1.hits,last',
    '1,,3,,a',
    '2,7,4,5,b',
    '3,,,,',
  ])
  expect(flatCsv([])).toBe('')
})
