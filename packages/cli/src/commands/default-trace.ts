import { existsSync } from 'node:fs'
import { UsageError } from '../usage-error.js'

/**
 * A trace that is read by default, as other tools do, is seldom there.
 *
 * @param option - what names another, without its dashes
 * @param mend - what else helps
 * @throws UsageError
 */
export function checkDefaultTrace(
  option: string,
  path: string,
  byDefault: string,
  mend = '',
): void {
  if (path !== byDefault || existsSync(path)) return
  throw new UsageError(
    `--${option}: expected a trace, got none, and there is no ${byDefault} here${mend}`,
  )
}
