import { defineConfig } from 'tsup'
import { library } from '../../tsup.config.base.js'

export default defineConfig({
  ...library,
  entry: { index: 'src/index.ts', worker: 'src/parallel/worker.ts' },
  // Only the part of it that configs need: whole, its hundred files and fifty languages take a tenth of a
  // second of every command. (It stays a dependency for its types.)
  noExternal: ['zod'],
})
