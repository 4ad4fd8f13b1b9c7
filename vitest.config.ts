import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const conditions = ['node', 'import', 'module', 'default']
// Sources, not builds, which may be stale.
const sources = { ssr: { resolve: { conditions: ['@routesim/source', ...conditions] } } }
// `npm test` has just built: tests across packages then take what users get, which runs faster too.
const builds = { ssr: { resolve: { conditions } } }

export default defineConfig({
  ...sources,
  test: {
    // Machines are shared and slow at times, and no test asserts a duration: these end what hangs.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 60_000 } },
    // Two more than cores: tests of running servers spend most of their time waiting.
    maxWorkers: availableParallelism() + 2,
    // Each file in a process of its own spends more on loading than on testing.
    isolate: false,
    // Commands that tests start speak to nobody outside; reading certificates takes most of the start of Node.
    env: { NODE_EXTRA_CA_CERTS: '' },
    globalSetup: ['scripts/temporary-files.ts'],
    setupFiles: ['scripts/fail-on-console.ts', 'scripts/long-arrays.ts'],
    projects: [
      { extends: true, test: { name: 'unit', include: ['packages/!(e2e)/src/**/*.test.ts'] } },
      {
        extends: true,
        ...(process.env['ROUTESIM_TEST_BUILDS'] && builds),
        test: { name: 'e2e', include: ['packages/e2e/src/**/*.test.ts'] },
      },
    ],
  },
})
