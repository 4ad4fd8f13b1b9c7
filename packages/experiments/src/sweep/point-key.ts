import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import type { RequestTable } from '@routesim/core'
import { codeText } from '../code-files/code-text.js'
import type { ConfigFile } from '../config/config-files.js'
import type { Config } from '../config/schema.js'
import { toPortableRouter } from '../parallel/portable-algorithm.js'
import {
  type AlgorithmChoice,
  configured,
  type SingleChoice,
  specAround,
} from '../run/resolve-algorithms.js'

/** What a result depends on, beside the version of RouteSim. */
export interface PointIdentity {
  readonly config: Config
  readonly algorithm: AlgorithmChoice
  /** What its routers see, by all that says it. */
  readonly visibility: object
  /** Undefined for the row of a table, which is the same for all seeds. */
  readonly seed: number | undefined
  /** Hash of the requests when they were read, nothing when the config says how they are generated. */
  readonly requests: string | undefined
  /** What the files hold that the config names. */
  readonly files: readonly ConfigFile[]
  readonly stepper: string
  readonly perRequest: boolean
}

/** Version of RouteSim and of the layout of results: results of another version are not reused. */
export const RESULT_VERSION: string = `${packageVersion()}+2`

/** Keys of a run, and of the row of a table that it is in. */
export interface PointKeys {
  /** Equal for runs with equal results. */
  readonly key: string
  /** Equal for runs that differ in their seed alone: only these have a mean. */
  readonly row: string
}

/** Both keys of a run: hashes of all that it depends on. */
export function pointKeys(identity: PointIdentity): PointKeys {
  return { key: pointKey(identity), row: pointKey({ ...identity, seed: undefined }) }
}

/** Equal for runs with equal results: a hash of all that a result depends on. */
export function pointKey({ config, algorithm, files, ...rest }: PointIdentity): string {
  const { sweep: _, visibility: _seen, simulation, ...matters } = config
  const { name: _name, seed: _seed, ...simulated } = simulation
  const identity = {
    version: RESULT_VERSION,
    config: { ...matters, simulation: simulated },
    algorithm: identityOf(algorithm),
    files: files.map(({ path, hash }) => [path, hash]),
    ...rest,
  }
  return hash(JSON.stringify(sorted(identity)))
}

/** A hash of the requests of a table. */
export function requestsHash(table: RequestTable): string {
  const hashing = createHash('sha256')
  const { prompts, strings } = table
  // In order of their names, so that a table hashes alike however it was made.
  for (const [name, column] of [...columnsOf(table), ...columnsOf(prompts)]) {
    const { buffer, byteOffset, byteLength } = column
    hashing.update(name).update(new Uint8Array(buffer, byteOffset, byteLength))
  }
  for (const text of strings) hashing.update(`${text}\n`)
  return hashing.digest('hex').slice(0, 32)
}

function columnsOf(table: object): [string, ArrayBufferView][] {
  return Object.entries(table)
    .filter((entry): entry is [string, ArrayBufferView] => ArrayBuffer.isView(entry[1]))
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

/** A router of a file is what the file says, with what it imports; one of this process has a name alone. */
function identityOf(choice: AlgorithmChoice): unknown {
  if (typeof choice === 'string' || !('prefill' in choice)) return routerIdentity(choice)
  return { prefill: routerIdentity(choice.prefill), decode: routerIdentity(choice.decode) }
}

function routerIdentity(choice: SingleChoice): unknown {
  const portable = toPortableRouter(choice)
  if (portable === undefined) {
    const { definition, parameters, around = [] } = configured(choice)
    return { name: specAround(definition.name, around), parameters }
  }
  if (typeof portable === 'string') return portable
  const { file, ...named } = portable
  return file === undefined ? named : { ...named, file: hash(codeText(file)) }
}

/** The same value with the keys of every table in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]))
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

function packageVersion(): string {
  const { version } = createRequire(import.meta.url)('@routesim/experiments/package.json') as {
    version: string
  }
  return version
}
