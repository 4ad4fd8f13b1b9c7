import type { RouteSimError } from '@routesim/core'
import { UsageError } from './usage-error.js'
import { dashed, kebab } from './usage-messages.js'

/** What the parser made of a command line: values by the names of options, those with defaults among them. */
export type ParsedValues = Readonly<Record<string, unknown>>

/** What options are called that libraries call otherwise. */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  algorithms: ['algorithm'],
  blockTokens: ['block-size', 'trace-block-size'],
  durationSec: ['duration'],
  fromMs: ['time-window'],
  perRequest: ['no-per-request'],
  ranges: ['range'],
  sampling: ['sample'],
  // Both set values of the config.
  set: ['gpus'],
  toMs: ['time-window'],
}

/** Options that name files: what is wrong then is the file. */
const OF_FILES = ['config', 'trace', 'input', 'output', 'log', 'file', 'files', 'data']

/** Options that hold names of routers. */
const OF_ROUTERS = ['algorithm', 'algorithms', 'to', 'prefill_global', 'decode_global']
/** Codes that say no option, and the options that hold what they are about. A config may hold it too. */
const HELD_BY: Readonly<Record<string, readonly string[]>> = {
  router_unknown: OF_ROUTERS,
  router_spec_invalid: [...OF_ROUTERS, 'visibility', 'gpus'],
  parameter_unknown: OF_ROUTERS,
  parameter_invalid: OF_ROUTERS,
  policy_unknown: ['prefill_local', 'decode_local'],
  gpu_unknown: ['gpus'],
  set_unknown: ['sets'],
  // Of `trace pull`: after -t, it is a file that is not there.
  trace_unknown: ['name'],
}

/**
 * What a library complains about as a fault of the command line; undefined when it is about a file, data or the
 * run. That is what exit codes go by: an error is wrong usage when what it names in `path` is an option that has a
 * value, or a config key that was set, or when its code is of names that only such options hold.
 */
export function usageFault(
  { code, path = '', message, hint }: RouteSimError,
  values: ParsedValues,
): UsageError | undefined {
  const flag = [path, ...(FLAGS[path] ?? [])].map(kebab).find((name) => values[name] !== undefined)
  const isOption = path !== '' && flag !== undefined && !OF_FILES.includes(flag)
  const isHeld = HELD_BY[code]?.some((name) => values[name] !== undefined) === true
  if (!isOption && !isHeld && !isSet(path, values['set'])) return undefined
  const text = isOption ? inFlags(message, path, flag) : message
  return new UsageError(hint === undefined ? text : `${text}\n${hint}`)
}

/**
 * A message of a library about one of its options, with the option as it is typed.
 * @param flag - without its dashes
 */
export function inFlags(message: string, path: string, flag: string): string {
  return message.startsWith(path) ? `${dashed(flag)}${message.slice(path.length)}` : message
}

/** Whether a `--set` sets a key of the config, or one in a table of it. */
function isSet(path: string, set: unknown): boolean {
  if (path === '' || typeof set !== 'string') return false
  return set.split(';').some((piece) => `${piece.split('=')[0]!.trim()}.`.startsWith(`${path}.`))
}
