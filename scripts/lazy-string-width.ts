import type { Options } from 'tsup'

type Plugin = NonNullable<Options['esbuildPlugins']>[number]

const NAMESPACE = 'lazy-string-width'

/**
 * Bundles string-width so that it is set up with the first text that is not plain ASCII: it builds tables of all
 * of Unicode as it is loaded, which takes a fifth of a short command that never asks for them.
 */
export const lazyStringWidth: Plugin = {
  name: NAMESPACE,
  setup(build) {
    build.onResolve({ filter: /^string-width$/ }, ({ namespace, resolveDir }) =>
      namespace === NAMESPACE ? undefined : { path: resolveDir, namespace: NAMESPACE },
    )
    build.onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({
      resolveDir: path,
      contents: `
        export default function stringWidth(text, options) {
          return /^[ -~]*$/.test(text) ? text.length : require('string-width').default(text, options)
        }`,
    }))
  },
}
