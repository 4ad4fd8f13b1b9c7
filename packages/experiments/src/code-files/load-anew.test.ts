import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadRouterFile } from '../routers/load-algorithm.js'

const ROUTER = `{ name: 'own', description: label, parameters: {}, create: () => ({ route: () => label }) }`

/** A folder with a router and a helper that it imports, and what the router says that is loaded now. */
function routerIn(kind: { type: string; router: string; helper: string }, before = '') {
  const folder = mkdtempSync(join(tmpdir(), 'routesim-anew-'))
  const put = (name: string, text: string): void => writeFileSync(join(folder, name), text)
  put('package.json', JSON.stringify({ type: kind.type }))
  const isModule = kind.type === 'module' || !kind.router.endsWith('.cjs')
  const importing = isModule
    ? `import { label } from './${kind.helper}'\n${before}`
    : `const { label } = require('./${kind.helper}')\n`
  const router = importing + (isModule ? 'export default ' : 'module.exports.own = ') + ROUTER
  put(kind.router, router)
  const path = join(folder, kind.router)
  return {
    help: (label: string) =>
      put(kind.helper, isModule ? `export const label = '${label}'` : `exports.label = '${label}'`),
    edit: (text: string) => put(kind.router, text),
    router,
    load: async (isAnew: boolean): Promise<string> =>
      (await loadRouterFile(path, kind.router, { isAnew })).description,
  }
}

const KINDS = [
  { type: 'commonjs', router: 'router.ts', helper: 'helper.ts' },
  { type: 'commonjs', router: 'router.mjs', helper: 'helper.mjs' },
  { type: 'module', router: 'router.js', helper: 'helper.js' },
  { type: 'module', router: 'router.ts', helper: 'helper.mjs' },
  { type: 'commonjs', router: 'router.cjs', helper: 'helper.cjs' },
]

test.each(KINDS)('$router of a $type package is loaded anew, and $helper with it', async (kind) => {
  const { help, edit, load, router } = routerIn(kind)
  help('first')
  expect([await load(false), await load(true)]).toEqual(['first', 'first'])
  help('second')
  expect(await load(true)).toBe('second')
  edit(router.replace('description: label', "description: 'edited'"))
  expect(await load(true)).toBe('edited')
  // Who loads it once has what was loaded first.
  expect(await load(false)).toBe('first')
  edit(kind.router.endsWith('.cjs') ? 'exports.own = 5' : 'export default 5')
  await expect(load(true)).rejects.toMatchObject({ code: 'router_file' })
  edit('({')
  await expect(load(true)).rejects.toMatchObject({ code: 'router_file' })
})

test.each([KINDS[0]!, KINDS[1]!])('$router that awaits is loaded anew', async (kind) => {
  const { help, edit, load, router } = routerIn(kind, 'await Promise.resolve()\n')
  help('first')
  expect(await load(true)).toBe('first')
  edit(router.replace('description: label', "description: 'edited'"))
  expect(await load(true)).toBe('edited')
  edit('await 1; export default 5')
  await expect(load(true)).rejects.toMatchObject({ code: 'router_file' })
})

test('a router that is loaded anew shares the packages of the one that loads it', async () => {
  const { edit, load } = routerIn(KINDS[1]!)
  edit(`import { defineRouter } from '@routesim/algorithms'
    export default defineRouter({ name: 'Not a name', create: () => ({}) })`)
  // Its error is one of this package, and so is told as it is.
  await expect(load(true)).rejects.toThrow(/router name: expected lower case letters/)
  edit(`import { RouteSimError } from '@routesim/core'
    const label = RouteSimError.name
    export default ${ROUTER}`)
  expect(await load(true)).toBe('RouteSimError')
})
