import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What tests and the commands they start write to the system's temporary folder goes with the last of them. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'routesim-tests-'))
  process.env.TMPDIR = folder
  return () => rmSync(folder, { recursive: true, force: true })
}
