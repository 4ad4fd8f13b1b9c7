import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Set for the whole process: each project of the tests comes here, and paths of sockets must stay short. */
const MARK = 'ROUTESIM_TESTS_FOLDER'

/** What tests and the commands they start write to the system's temporary folder goes with the last of them. */
export default function setup(): (() => void) | undefined {
  if (process.env[MARK] !== undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'routesim-'))
  Object.assign(process.env, { [MARK]: folder, TMPDIR: folder })
  return () => rmSync(folder, { recursive: true, force: true })
}
