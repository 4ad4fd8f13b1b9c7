import { expect, test } from 'vitest'
import { resultJson } from './result-json.js'

test('is the JSON of before without details, and the same data with them', () => {
  const results = [{ algorithm: 'a', ttft: { p50: 1 } }]
  expect(resultJson(results)).toBe(JSON.stringify(results, undefined, 2))
  const detailed = [
    { ...results[0], detail: { curves: [1, 2, null] } },
    { algorithm: '"\\u00000"' },
  ]
  expect(JSON.parse(resultJson(detailed))).toEqual(detailed)
  expect(resultJson(detailed)).toContain('"detail": {"curves":[1,2,null]}')
})
