import type { BackendFacts, DecisionRecord } from '@routesim/core'

/** A decision as JSON has it: snake_case, and null for what is infinite or was never measured. */
export function decisionJson(record: DecisionRecord, algorithm: string): Record<string, unknown> {
  const { request, attempt, turn, atMs, router, action, backend, decode, reason } = record
  const isSent = action !== 'hold' && action !== 'reject'
  return {
    algorithm,
    request,
    attempt,
    turn,
    at_ms: atMs,
    router,
    action,
    ...(isSent && { backend, ...(decode >= 0 && { decode_backend: decode }) }),
    ...(reason !== undefined && { reason }),
    ...(record.isRelease && { released: true }),
    stages: record.traces.map((trace) => ({
      ...(trace.stage !== '' && { stage: trace.stage }),
      ...(trace.branch !== undefined && { branch: trace.branch }),
      ...(trace.best !== undefined && {
        best: trace.best,
        drawn: trace.isDrawn,
        tied: trace.tied,
      }),
      candidates: trace.candidates.map(({ backend: id, score, terms, believedTokens }) => ({
        backend: id,
        ...(score !== undefined && { score }),
        terms,
        ...(believedTokens !== undefined && { own_index_tokens: believedTokens }),
      })),
    })),
    backends: record.backends.map(({ backend: id, believed, actual }) => ({
      backend: id,
      believed: { ...factsJson(believed), metrics_age_ms: believed.metricsAgeMs },
      actual: factsJson(actual),
    })),
  }
}

function factsJson(facts: BackendFacts): Record<string, number | boolean> {
  return {
    available: facts.available,
    waiting: facts.waiting,
    running: facts.running,
    outstanding: facts.outstanding,
    pending_prompt_tokens: facts.pendingPromptTokens,
    kv_usage: facts.kvUsage,
    cached_tokens: facts.cachedTokens,
  }
}
