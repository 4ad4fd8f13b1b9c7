import { RouteSimError } from '@routesim/core'
import type { HardwareErrorCode } from '../errors/hardware-error-code.js'

/** Typed reading of a config, with errors that name the field. */
export class Fields {
  readonly name: string
  private readonly values: Readonly<Record<string, unknown>>

  constructor(name: string, values: Readonly<Record<string, unknown>>) {
    this.name = name
    this.values = values
  }

  /** The first of several fields that is there; 0 and null count as absent. */
  optionalCount(...keys: readonly string[]): number | undefined {
    for (const key of keys) {
      const value = this.values[key]
      if (value === undefined || value === null || value === 0) continue
      if (typeof value === 'number' && Number.isInteger(value) && value > 0) return value
      throw invalid(this.name, `${key}: expected an integer >= 1, got ${JSON.stringify(value)}`)
    }
    return undefined
  }

  count(...keys: readonly string[]): number {
    const value = this.optionalCount(...keys)
    if (value !== undefined) return value
    throw invalid(this.name, `missing field ${keys[0]}: expected an integer >= 1`)
  }

  optionalText(key: string): string | undefined {
    const value = this.values[key]
    return typeof value === 'string' ? value : undefined
  }

  text(key: string): string {
    const value = this.values[key]
    if (typeof value === 'string') return value
    throw invalid(this.name, `missing field ${key}: expected a string`)
  }

  flag(key: string): boolean | undefined {
    const value = this.values[key]
    return typeof value === 'boolean' ? value : undefined
  }

  words(key: string): readonly unknown[] | undefined {
    const value = this.values[key]
    return Array.isArray(value) ? value : undefined
  }

  table(key: string): Readonly<Record<string, unknown>> | undefined {
    const value = this.values[key]
    return isTable(value) ? value : undefined
  }
}

/** Whether a JSON value is an object. */
export function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What a file is refused with. */
export function invalid(name: string, what: string): RouteSimError<HardwareErrorCode> {
  return new RouteSimError(`${name}: ${what}`, {
    code: 'model_config_invalid',
    path: name,
    hint: 'The file is the config.json beside the weights of a model on Hugging Face.',
  })
}
