import { defineConfig } from 'tsup'
import { lazyStringWidth } from '../../scripts/lazy-string-width.js'
import { library } from '../../tsup.config.base.js'

export default defineConfig({
  ...library,
  entry: ['src/index.ts', 'src/bin.ts'],
  // Loaded file by file it takes longer than the rest of the command's start.
  noExternal: ['yargs'],
  esbuildPlugins: [...(library.esbuildPlugins ?? []), lazyStringWidth],
})
