import * as z from 'zod'
import { LARGEST_INTEGER, SMALLEST_NUMBER } from './fields.js'
import { configSchema } from './schema.js'

/** One key of the config file, as reference pages and editors show it. */
export interface ConfigKey {
  /**
   * Dotted path, such as `cluster.num_backends`. Keys of tables that stand in several places are under the
   * name of the table, which is the type of the keys that have one: `distribution.mean`.
   */
  readonly path: string
  /** What is accepted, in words, such as `integer from 1 to 4096`. */
  readonly type: string
  /** The value of an absent key; undefined when it is required, or optional without a value. */
  readonly default: string | number | boolean | undefined
  readonly isRequired: boolean
  /** Of tables that come in several kinds: the `kind` that has this key. */
  readonly kind?: string
  readonly description: string
}

/**
 * Every key of the config file in the order of the schema, which is where all of this is said.
 *
 * @example
 * configReference().find(({ path }) => path === 'cluster.num_backends')?.type // => 'integer from 1 to 4096'
 */
export function configReference(): ConfigKey[] {
  return schemaReference(configSchema)
}

/** The same of any schema of a config file. */
export function schemaReference(config: z.ZodType): ConfigKey[] {
  const schema = z.toJSONSchema(config, { io: 'input' }) as JsonSchema
  return [...keysOf(schema, ''), ...keysOf({ properties: schema.$defs ?? {} }, '')]
}

/** The part of JSON Schema that the config's has. */
interface JsonSchema {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly const?: string
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: JsonSchema | false
  readonly oneOf?: readonly JsonSchema[]
  readonly items?: JsonSchema
  /** Tables that stand in several places, by name; and where one of them stands. */
  readonly $defs?: Readonly<Record<string, JsonSchema>>
  readonly $ref?: string
}

function keysOf(table: JsonSchema, prefix: string, kind?: string): ConfigKey[] {
  return Object.entries(table.properties ?? {}).flatMap(([name, schema]) => {
    const path = `${prefix}${name}`
    if (schema.oneOf !== undefined) {
      return schema.oneOf.flatMap((each) =>
        keysOf(each, `${path}.`, each.properties?.['kind']?.const),
      )
    }
    if (schema.properties !== undefined) return keysOf(schema, `${path}.`)
    const { default: value, description = '' } = schema
    const key: ConfigKey = {
      path,
      type: typeOf(schema),
      default: typeof value === 'object' ? undefined : (value as ConfigKey['default']),
      isRequired: table.required?.includes(name) ?? false,
      description,
    }
    return [
      kind === undefined ? key : { ...key, kind },
      ...keysOfItems(schema, table, path),
      ...keysOfNamed(schema, path),
    ]
  })
}

/** Keys of the tables of a list, but those they share with the table that has the list. */
function keysOfItems({ items }: JsonSchema, table: JsonSchema, path: string): ConfigKey[] {
  if (items === undefined) return []
  const own = Object.entries(items.properties ?? {}).filter(
    ([name, { description }]) => table.properties?.[name]?.description !== description,
  )
  return keysOf({ ...items, properties: Object.fromEntries(own) }, `${path}[].`)
}

/** Keys of tables that have names of the user's own. */
function keysOfNamed({ additionalProperties }: JsonSchema, path: string): ConfigKey[] {
  if (typeof additionalProperties !== 'object') return []
  return keysOf(additionalProperties, `${path}.NAME.`)
}

function typeOf({ type, const: only, enum: words, ...schema }: JsonSchema): string {
  const { $ref } = schema
  if ($ref !== undefined) return nameOf($ref)
  if (only !== undefined) return JSON.stringify(only)
  if (words !== undefined) return words.map((word) => JSON.stringify(word)).join(', ')
  if (type === 'boolean') return 'true or false'
  if (type === 'array' && schema.items?.properties === undefined) {
    return `list of ${schema.items?.type ?? 'value'}s`
  }
  if (type === 'object' || type === 'array') return 'tables'
  return `${type ?? 'any value'}${rangeOf(schema)}`
}

/** Bounds that say something: numbers that no float64 or int32 could do without are left out. */
function rangeOf({ minimum, maximum = LARGEST_INTEGER }: JsonSchema): string {
  if (minimum === undefined) return ''
  const isBounded = maximum < LARGEST_INTEGER
  if (minimum === SMALLEST_NUMBER) return isBounded ? ` > 0 and <= ${maximum}` : ' > 0'
  return isBounded ? ` from ${minimum} to ${maximum}` : ` >= ${minimum}`
}

/** What a table that stands in several places is called. */
function nameOf(ref: string): string {
  return ref.slice(ref.lastIndexOf('/') + 1)
}
