import { expect, test } from 'vitest'
import { routerProject } from './router-project.js'

test('an installed command asks for packages of its own version', () => {
  const files = routerProject({
    name: 'warm_first',
    versionOf: () => '^1.2.3',
    install: 'npm install',
  })
  const { dependencies, devDependencies } = JSON.parse(files['package.json']!)
  expect(dependencies).toEqual({ '@routesim/algorithms': '^1.2.3', '@routesim/core': '^1.2.3' })
  expect(devDependencies).toMatchObject({
    '@routesim/cli': '^1.2.3',
    '@routesim/experiments': '^1.2.3',
  })
  expect(files['README.md']).toContain('`npm install`, then')
  expect(files['src/warm-first.ts']).toContain("name: 'warm_first'")
})
