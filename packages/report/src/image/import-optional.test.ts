import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { importOptional } from './import-optional.js'

const folder = mkdtempSync(join(tmpdir(), 'routesim-optional-'))
const own = join(folder, 'node_modules', 'some-optional')
mkdirSync(own, { recursive: true })
writeFileSync(join(own, 'package.json'), '{ "name": "some-optional", "main": "main.cjs" }')
writeFileSync(join(own, 'main.cjs'), 'exports.where = "the working directory"')

const missing = new Error('Cannot find package')
const fails = (): Promise<never> => Promise.reject(missing)

test('what is beside this package goes first', async () => {
  const load = async () => ({ where: 'beside' })
  expect(await importOptional(load, 'some-optional', folder)).toEqual({ where: 'beside' })
})

test('else it is that of the working directory', async () => {
  expect(await importOptional(fails, 'some-optional', folder)).toMatchObject({
    where: 'the working directory',
  })
})

test('what is in neither place is missing', async () => {
  await expect(importOptional(fails, 'some-other', folder)).rejects.toBe(missing)
})
