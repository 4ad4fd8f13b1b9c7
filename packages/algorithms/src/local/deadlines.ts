import type { WaitingRequest } from '@routesim/core'
import type { NumberParameter } from '../definition/router-parameters.js'

/** When a request that asks for no time to first token is due: for all policies with deadlines. */
export const sloParameters: {
  readonly slo_ms: NumberParameter
  readonly slo_ms_per_prompt_token: NumberParameter
} = {
  slo_ms: {
    default: 10_000,
    min: 0,
    description: 'Time to first token of requests that ask for none, in ms.',
  },
  slo_ms_per_prompt_token: {
    default: 0,
    min: 0,
    description: 'Added to it for each prompt token, in ms.',
  },
}

/** When the first token of a request is due, in ms. */
export function deadlineOf(
  { arrivalMs, promptTokens, ttftSloMs }: WaitingRequest,
  slo: { readonly slo_ms: number; readonly slo_ms_per_prompt_token: number },
): number {
  return arrivalMs + (ttftSloMs ?? slo.slo_ms + slo.slo_ms_per_prompt_token * promptTokens)
}
