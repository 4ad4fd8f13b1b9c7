import { readFile } from 'node:fs/promises'
import { RouteSimError } from '@routesim/core'
import { besideConfig } from '../config/locate-files.js'
import { whyUnreadable } from '../config/why-unreadable.js'
import type { ExperimentsErrorCode } from '../errors.js'
import { mapDistributions } from './to-workload.js'
import type { WorkloadSection } from './workload-schema.js'

interface Numbers {
  readonly values: readonly number[]
  readonly weights?: readonly number[]
}

/**
 * A section in which files of numbers have been replaced by what they hold.
 * @throws RouteSimError `numbers_invalid` with file and line
 */
export async function withNumbersRead(
  section: WorkloadSection,
  configPath: string | undefined,
): Promise<WorkloadSection> {
  const files = new Map<string, Numbers>()
  const paths: string[] = []
  mapDistributions(section, (distribution) => {
    paths.push(distribution['path'] as string)
    return distribution
  })
  for (const path of paths) {
    if (!files.has(path)) files.set(path, await readNumbers(besideConfig(path, configPath)))
  }
  return mapDistributions(section, ({ path, ...rest }) => ({
    ...rest,
    ...files.get(path as string)!,
  }))
}

async function readNumbers(path: string): Promise<Numbers> {
  let source: string
  try {
    source = await readFile(path, 'utf8')
  } catch (cause) {
    throw invalid(path, whyUnreadable(cause))
  }
  const text = source.replace(/^\uFEFF/, '').trim()
  const numbers = /^[[{]/.test(text) ? ofJson(path, text) : ofLines(path, text)
  if (numbers.values.length === 0) throw invalid(path, 'expected at least one number, got none')
  return numbers
}

function ofJson(path: string, text: string): Numbers {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw invalid(path, `not valid JSON: ${(cause as Error).message}`)
  }
  if (Array.isArray(json))
    return { values: json.map((each, i) => numberOf(`${path}: [${i}]`, each)) }
  const entries = Object.entries(json as object)
  return {
    values: entries.map(([key]) => numberOf(`${path}: ${key}`, key)),
    weights: entries.map(([key, weight]) => numberOf(`${path}: ${key}`, weight)),
  }
}

function ofLines(path: string, text: string): Numbers {
  const values: number[] = []
  const weights: number[] = []
  text.split(/\r?\n/).forEach((line, i) => {
    if (line.trim() === '' || line.startsWith('#')) return
    const at = `${path}:${i + 1}`
    const [value, weight, ...rest] = line.split(',')
    if (rest.length > 0) throw invalid(at, `expected a number, or number,weight, got "${line}"`)
    values.push(numberOf(at, value))
    if (weight !== undefined) weights.push(numberOf(at, weight))
    if (weights.length !== 0 && weights.length !== values.length) {
      throw invalid(at, 'expected a weight on every line or on none')
    }
  })
  return weights.length === 0 ? { values } : { values, weights }
}

function numberOf(at: string, value: unknown): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof number === 'number' && Number.isFinite(number) && number >= 0) return number
  throw invalid(at, `expected a number >= 0, got ${JSON.stringify(value)}`)
}

function invalid(at: string, what: string): RouteSimError<ExperimentsErrorCode> {
  return new RouteSimError(`${at}: ${what}`, { code: 'numbers_invalid', path: at })
}
