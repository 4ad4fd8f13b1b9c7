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
}
