import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A router in a file of its own, as `-a ./router.mjs` names it. @param body - an expression that makes it */
export function algorithmFile(body: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'routesim-live-')), 'router.mjs')
  writeFileSync(
    path,
    `export default { name: 'own', description: 'Own.', parameters: {}, create: () => (${body}) }\n`,
  )
  return path
}
