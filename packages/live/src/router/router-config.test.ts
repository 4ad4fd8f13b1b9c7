import { expect, test } from 'vitest'
import { FIXED_KEYS, routerConfigReference } from './router-config.js'

test('every key of the config says what it means, and those that stay fixed are among them', () => {
  const keys = routerConfigReference()
  expect(keys.filter(({ description }) => !description.endsWith('.'))).toEqual([])
  const names = keys.map(({ path }) => path)
  expect(names).toEqual(expect.arrayContaining([...FIXED_KEYS, 'workers[].api_key_file']))
  expect(keys.find(({ path }) => path === 'max_attempts')).toMatchObject({ default: 3 })
})
