import type { RequestTable } from '@routesim/core'
import { lostSharingNote } from '@routesim/traces'

/** Tells on stderr when blocks of a size are too large for what prompts share; `flag` sets the size. */
export function printLostSharing(
  table: RequestTable,
  blockTokens: number | undefined,
  flag = '--block-size',
): void {
  const note = lostSharingNote(table, blockTokens)
  if (note !== undefined) console.error(`note: ${note} (${flag})`)
}
