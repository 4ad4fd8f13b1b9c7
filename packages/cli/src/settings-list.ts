import type { Axis, Setting, Settings } from '@routesim/experiments'
import { splitOutside } from './split-outside.js'
import { UsageError } from './usage-error.js'

const RANGE = /^(-?[\d.eE+-]+?)\.\.(-?[\d.eE+-]+)(?:\/(\d+))?(?::(log|linear))?$/

/**
 * The axes of `--set`: `path=4,8,16`, `path=0.1..0.9`, or `path=16..512/6:log` with steps and scale;
 * several are joined with `;`. A value with commas of its own stands in double quotes or in brackets.
 * @throws UsageError
 */
export function parseAxes(text: string, option = '--set'): Record<string, Axis> {
  const axes: Record<string, Axis> = {}
  for (const [path, values] of assignments(text, option)) {
    axes[path] = parseAxis(path, values, option)
  }
  return axes
}

/**
 * The values of a `--set` that changes keys: `path=9`; several are joined with `;`.
 * @throws UsageError
 */
export function parseSettings(text: string): Settings {
  const pairs = assignments(text, '--set').map(([path, value]) => {
    if (splitOutside(value, ',').length === 1 && !RANGE.test(value))
      return [path, parseValue(value)] as const
    throw new UsageError(`--set ${path}: expected one value, got "${value}"`)
  })
  return Object.fromEntries(pairs)
}

function assignments(text: string, option: string): [string, string][] {
  const found = new Map<string, string>()
  for (const piece of splitOutside(text, ';')) {
    const [, path, values] = /^\s*([\w.-]+)\s*=\s*(.+?)\s*$/.exec(piece) ?? []
    if (path === undefined || values === undefined) {
      throw new UsageError(
        option === '--set'
          ? `--set: expected a config path and values, such as cluster.num_backends=4,8,16, got "${piece}"`
          : `${option}: expected a name and values, such as weight=0.1..10:log, got "${piece}"`,
      )
    }
    const before = found.get(path)
    if (before !== undefined) {
      throw new UsageError(`${option} ${path}: expected it once, got "${before}" and "${values}"`)
    }
    found.set(path, values)
  }
  return [...found]
}

function parseAxis(path: string, text: string, option: string): Axis {
  const found = RANGE.exec(text)
  if (found === null) {
    const values = splitOutside(text, ',').map(parseValue)
    const twice = values.find((value, i) => values.indexOf(value) !== i)
    if (twice === undefined) return values
    throw new UsageError(`${option} ${path}: expected values that differ, got ${twice} twice`)
  }
  const [, from, to, steps, scale] = found
  const ends = { from: Number(from), to: Number(to) }
  if (Number.isNaN(ends.from) || Number.isNaN(ends.to)) {
    throw new UsageError(`${option} ${path}: expected a range such as 16..512, got "${text}"`)
  }
  // Ends without a fraction are counts: so are the values between them.
  const integer = Number.isInteger(ends.from) && Number.isInteger(ends.to)
  return {
    ...ends,
    integer,
    ...(steps !== undefined && { steps: Number(steps) }),
    ...(scale !== undefined && { scale: scale as 'log' | 'linear' }),
  }
}

function parseValue(text: string): Setting {
  if (text === 'true' || text === 'false') return text === 'true'
  const quoted = /^"([^"]*)"$/.exec(text)?.[1]
  if (quoted !== undefined) return quoted
  const number = Number(text)
  return text === '' || Number.isNaN(number) ? text : number
}
