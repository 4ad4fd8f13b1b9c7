import { describeValue } from '../errors/describe-value.js'
import { traceError } from '../errors/trace-error.js'
import type { WorkloadSpec } from './workload-spec.js'

/** An option that the generator can not work with. `got` with a space in it is a phrase. */
export function invalidOption(path: string, expected: string, got: unknown, hint?: string): Error {
  const isPhrase = typeof got === 'string' && got.includes(' ')
  return traceError(
    'generator_invalid',
    `${path}: expected ${expected}, got ${isPhrase ? got : describeValue(got)}`,
    { path, ...(hint === undefined ? {} : { hint }) },
  )
}

/** Too little time for a request. */
export function noRequests({ durationSec }: WorkloadSpec): Error {
  const within = durationSec === undefined ? '' : ` in ${durationSec} s`
  return traceError(
    'generator_invalid',
    `durationSec: expected time for at least one request, got none${within}`,
    { path: 'durationSec', hint: 'Raise the rate or the duration, or try another seed.' },
  )
}
