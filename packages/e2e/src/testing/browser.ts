import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Chromium of this machine (Debian: `apt-get install chromium`, or set `CHROMIUM`). */
export const CHROMIUM: string | undefined = [process.env['CHROMIUM'] ?? '', ...PATHS].find(
  (path) => path !== '' && existsSync(path),
)

/** Starts the browser without a window. */
export function startBrowser(): Promise<Browser> {
  // Containers have no privileges for the sandbox, and the pages are our own.
  return chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox'] })
}
