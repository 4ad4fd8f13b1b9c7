import type { WorkloadSpec } from '@routesim/traces'
import { stringify } from 'smol-toml'
import { snakeCase } from './workload-schema.js'

/**
 * A workload as the `[workload]` section of a config, which describes the same traffic when it is read
 * back; the seed is the config's own affair.
 *
 * @example
 * await appendFile('scenario.toml', workloadToml(spec))
 */
export function workloadToml({ seed: _, clients, ...bounds }: WorkloadSpec): string {
  const [first] = clients
  const { name, ...only } = first ?? {}
  // A name of its own is worth a client, as its streams go by it only among several.
  const isAlone = clients.length === 1 && name === undefined
  const section = { ...bounds, ...(isAlone ? only : { clients }) }
  return `${stringify({ workload: inSnakeCase(section) })}\n`
}

function inSnakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inSnakeCase)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, each]) => each !== undefined)
  return Object.fromEntries(entries.map(([key, each]) => [snakeCase(key), inSnakeCase(each)]))
}
