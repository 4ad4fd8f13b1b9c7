import { readFile } from 'node:fs/promises'
import { closestName, RouteSimError } from '@routesim/core'
import { parse, TomlError } from 'smol-toml'
import * as z from 'zod'
import { isTable } from './is-table.js'
import { withFilesLocated } from './locate-files.js'
import { type Config, configSchema } from './schema.js'
import { tomlPosition } from './toml-positions.js'
import { whyUnreadable } from './why-unreadable.js'
import { rememberWritten } from './written-values.js'

/**
 * Reads and checks a config file.
 * @throws RouteSimError `config_unreadable` or `config_invalid`, with the line of the fault
 */
export async function loadConfig(path: string): Promise<Config> {
  return parseConfig(await readConfig(path), path)
}

/**
 * The text of a config file.
 * @throws RouteSimError `config_unreadable`
 */
export async function readConfig(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    // Of a name that can not be seen, what it is.
    const shown = path.trim() === '' ? JSON.stringify(path) : path
    const why = whyUnreadable(cause)
    throw new RouteSimError(`${shown}: ${why}`, { code: 'config_unreadable', path, cause })
  }
}

/**
 * Checks a config given as TOML text and fills in every default.
 *
 * @param name - what error messages call the text: the path of its file, to which others may be relative
 * @throws RouteSimError `config_invalid`
 *
 * @example
 * const config = parseConfig('[cluster]\nnum_backends = 4')
 * config.cluster.max_num_seqs // => 256
 */
export function parseConfig(source: string, name = 'config'): Config {
  return checkValues(parseToml(source, name), source, name)
}

/**
 * The tables of a TOML text, unchecked.
 * @throws RouteSimError `config_invalid` when it is not TOML
 */
export function parseToml(source: string, name: string): Record<string, unknown> {
  try {
    return parse(source)
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause
    const [what] = cause.message.replace('Invalid TOML document: ', '').split('\n')
    throw new RouteSimError(`${name}:${cause.line}:${cause.column} not valid TOML: ${what}`, {
      code: 'config_invalid',
      path: name,
      cause,
    })
  }
}

/**
 * Checks the tables of a config and fills in every default.
 *
 * @param source - the text they stand in, to tell where a fault is
 * @param name - as for {@link parseConfig}
 * @param shown - what error messages call it instead
 * @throws RouteSimError `config_invalid`
 */
export function checkValues(
  values: Readonly<Record<string, unknown>>,
  source: string,
  name: string,
  shown = name,
): Config {
  // Compiling a checker for one config takes longer than checking it.
  const checked = configSchema.safeParse(withFilesLocated(values, name), { jitless: true })
  if (checked.success) {
    rememberWritten(checked.data, values, name)
    return checked.data
  }
  // Several checks may fail at one place: one is enough.
  const faults = new Map<string, string>()
  for (const issue of checked.error.issues) {
    for (const fault of describe(asWritten(issue, values), source, shown)) {
      const place = fault.slice(0, fault.indexOf(': '))
      if (!faults.has(place)) faults.set(place, fault)
    }
  }
  throw new RouteSimError([...faults.values()].join('\n'), { code: 'config_invalid', path: shown })
}

/** What is wrong, and where. */
type Fault = z.core.$ZodIssue

/** Of a key that a group of backends takes over, where it stands: in `[cluster]`. */
function asWritten(issue: Fault, { cluster }: Readonly<Record<string, unknown>>): Fault {
  const [section, list, index, key, ...rest] = issue.path
  if (section !== 'cluster' || list !== 'backends' || key === undefined) return issue
  if (!isTable(cluster) || !Object.hasOwn(cluster, key)) return issue
  const group = Reflect.get(Object(cluster['backends']), index!)
  if (!isTable(group) || Object.hasOwn(group, key)) return issue
  const message = `${issue.message} (taken over by cluster.backends.${String(index)})`
  return { ...issue, path: [section, key, ...rest], message }
}

/** One line per fault: `file:line:column path: expected X, got Y`. */
function describe(issue: Fault, source: string, name: string): string[] {
  if (issue.code !== 'unrecognized_keys') {
    return [
      `${placeOf(source, name, issue.path)}${issue.path.map(String).join('.')}: ${issue.message}`,
    ]
  }
  const known = knownKeys(issue.path)
  return issue.keys.map((key) => {
    const path = [...issue.path, key]
    const near = closestName(key, known)
    const mend =
      near === undefined ? `expected one of ${known.join(', ')}` : `did you mean "${near}"?`
    return `${placeOf(source, name, path)}${path.map(String).join('.')}: unknown key; ${mend}`
  })
}

/** Where a config path is written, as messages begin: `bench.toml:9:12 `. */
export function placeOf(source: string, name: string, path: readonly PropertyKey[]): string {
  const position = tomlPosition(source, path)
  return position === undefined ? `${name} ` : `${name}:${position.line}:${position.column} `
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly items?: JsonSchema
  readonly $defs?: Readonly<Record<string, JsonSchema>>
  readonly $ref?: string
  /** What tables hold whose names are the user's own. */
  readonly additionalProperties?: JsonSchema | boolean
}

/** Keys of the table at a path of the schema. */
function knownKeys(path: readonly PropertyKey[]): string[] {
  const whole = z.toJSONSchema(configSchema, { io: 'input' }) as JsonSchema
  const resolved = (schema: JsonSchema): JsonSchema =>
    whole.$defs?.[schema.$ref?.split('/').at(-1) ?? ''] ?? schema
  let schemas: readonly JsonSchema[] = [whole]
  for (const key of path) {
    schemas = alternatives(schemas)
      .flatMap(
        (s) =>
          (typeof key === 'number' ? s.items : (s.properties?.[String(key)] ?? named(s))) ?? [],
      )
      .map(resolved)
  }
  return [
    ...new Set(alternatives(schemas).flatMap((schema) => Object.keys(schema.properties ?? {}))),
  ]
}

function named({ additionalProperties }: JsonSchema): JsonSchema | undefined {
  return typeof additionalProperties === 'object' ? additionalProperties : undefined
}

function alternatives(schemas: readonly JsonSchema[]): JsonSchema[] {
  return schemas.flatMap((schema) => [schema, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])])
}
