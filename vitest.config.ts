import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// Sources, not builds: `npm test` needs no build first, and can not test a stale one.
export default defineConfig({
  ssr: { resolve: { conditions: ['@routesim/source', 'node', 'import', 'module', 'default'] } },
  test: {
    // Machines are shared and slow at times, and no test asserts a duration: these end what hangs.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 60_000 } },
    // One more than cores: tests of running servers spend most of their time waiting.
    maxWorkers: availableParallelism() + 1,
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
        test: { name: 'e2e', include: ['packages/e2e/src/**/*.test.ts'] },
      },
    ],
  },
})
