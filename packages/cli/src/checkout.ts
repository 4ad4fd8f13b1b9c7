import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The clone of the repository that a command runs from. */
export interface Checkout {
  /** Its folder. */
  readonly root: string
  /** What installs there, as in `pnpm@10.0.0`. */
  readonly packageManager: string
}

/** The clone that this command runs from; undefined when it was installed. */
export function checkout(): Checkout | undefined {
  // From `packages/cli/src` as from `packages/cli/dist`; where packages are installed it is `node_modules`.
  const root = fileURLToPath(new URL('../../../', import.meta.url))
  if (!existsSync(join(root, 'pnpm-workspace.yaml'))) return undefined
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    packageManager: string
  }
  return { root, packageManager }
}

/** What a command line begins with: in a clone there is no `routesim`. */
export function commandPrefix(): string {
  return checkout() === undefined ? 'routesim' : 'npm run -s routesim --'
}
