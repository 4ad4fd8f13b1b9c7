import type { Options } from 'tsup'
import { inlineConstants } from './scripts/inline-constants.js'

/** One build for every package: ESM for Node 20; declarations come from tsc, which is faster. */
export const library: Options = {
  entry: ['src/index.ts'],
  format: ['esm'],
  dts: false,
  sourcemap: true,
  clean: true,
  target: 'node20',
  platform: 'node',
  esbuildPlugins: [inlineConstants],
  esbuildOptions: (options) => {
    // Inlines constants in their file; `inlineConstants` does it from file to file.
    options.minifySyntax = true
  },
}
