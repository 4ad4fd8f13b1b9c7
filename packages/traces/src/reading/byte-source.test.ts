import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readBytes } from './byte-source.js'

const FDS = '/proc/self/fd'

function isOpen(path: string): boolean {
  return readdirSync(FDS).some((fd) => {
    try {
      return readlinkSync(join(FDS, fd)) === path
    } catch {
      return false
    }
  })
}

// Only Linux tells which files a process has open.
test.skipIf(!existsSync(FDS))(
  'a file is closed when its reader stops within the first chunk',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'routesim-bytes-'))
    const path = join(folder, 'trace.jsonl')
    writeFileSync(path, '{}\n'.repeat(10))
    for await (const chunk of readBytes({ path }, {})) {
      expect(chunk.length).toBeGreaterThan(0)
      expect(isOpen(path)).toBe(true)
      break
    }
    expect(isOpen(path)).toBe(false)
    rmSync(folder, { recursive: true })
  },
)
