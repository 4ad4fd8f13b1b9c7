import { UsageError } from '../usage-error.js'

/**
 * Options that would say nothing are refused.
 *
 * @param flags - names without dashes, of options without a default
 * @param beside - what they stand beside
 * @throws UsageError that names the first that was given
 */
export function refuseBeside(args: object, flags: readonly string[], beside: string): void {
  const stray = flags.find((flag) => Reflect.get(args, flag) !== undefined)
  if (stray !== undefined) throw new UsageError(`--${stray}: expected nothing beside ${beside}`)
}
