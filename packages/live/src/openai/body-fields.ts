import { ApiError } from './api-error.js'

/** An object of a body, its members still to be looked at. */
export type Fields = Readonly<Record<string, unknown>>

/** What is wrong with a field of a body. */
export function invalid(param: string, what: string): ApiError {
  return new ApiError(400, `${param}: ${what}`, 'invalid_request_error', param)
}

/** Kind and size of a value, never what it says. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'number') return String(value)
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

export function isString(value: unknown): value is string {
  return typeof value === 'string'
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
