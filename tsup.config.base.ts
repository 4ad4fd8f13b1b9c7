import type { Options } from 'tsup'

/** One build for every package: ESM for Node 20; declarations come from tsc, which is faster. */
export const library: Options = {
  entry: ['src/index.ts'],
  format: ['esm'],
  dts: false,
  sourcemap: true,
  clean: true,
  target: 'node20',
  platform: 'node',
  esbuildOptions: (options) => {
    // Inlines constants. A bundle turns top-level ones into variables, which V8 reads and checks anew
    // at every use: the engine takes twice as long then.
    options.minifySyntax = true
  },
}
