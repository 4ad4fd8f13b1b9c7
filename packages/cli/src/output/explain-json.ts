import type { ExplainedRequest } from '@routesim/experiments'
import { decisionJson } from './decision-json.js'

/** A request and its decisions as JSON has them: snake_case, and null for what never came. */
export function explainJson(request: ExplainedRequest, algorithm: string): object {
  const { outcome, reason, session } = request
  return {
    request: request.request,
    arrival_ms: request.arrivalMs,
    sent_ms: request.sentMs,
    prompt_tokens: request.promptTokens,
    output_tokens: request.outputTokens,
    ...(session !== undefined && { session }),
    outcome,
    ...(reason !== undefined && { reason }),
    cached_tokens: request.cachedTokens,
    ttft_ms: request.ttftMs,
    e2e_ms: request.e2eMs,
    decisions: request.decisions.map(({ record, alternatives, alternativeCount }) => ({
      ...decisionJson(record, algorithm),
      alternatives_in_all: alternativeCount,
      alternatives: alternatives.map((each) => ({
        backend: each.backend,
        decode_backend: each.decode,
        chosen: each.isChosen,
        outcome: each.outcome,
        ttft_ms: each.ttftMs,
        e2e_ms: each.e2eMs,
      })),
    })),
  }
}
