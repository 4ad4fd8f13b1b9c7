import type { RequestUsage, RequestView } from '@routesim/core'

/**
 * A request to test a router with: the first one, of 100 prompt tokens that nobody shares, with `maxTokens` 100 and
 * without session, user, tenant, model and adapter, but for what is given.
 */
export function testRequest(fields: Partial<RequestView> = {}): RequestView {
  return {
    id: 0,
    arrivalMs: 0,
    promptTokens: 100,
    maxTokens: 100,
    prefixTokens: 0,
    session: undefined,
    user: undefined,
    tenant: undefined,
    model: undefined,
    adapter: undefined,
    priority: 0,
    ttftSloMs: undefined,
    attempt: 0,
    promptPath: (out) => out.clear(),
    promptHead: () => -1,
    ...fields,
  }
}

/** What became of a request, for `onFinished`: it got 10 tokens within a second, but for what is given. */
export function testUsage(fields: Partial<RequestUsage> = {}): RequestUsage {
  return {
    completed: true,
    promptTokens: 100,
    cachedTokens: 0,
    outputTokens: 10,
    ttftMs: 500,
    e2eMs: 1000,
    ...fields,
  }
}

/**
 * A request whose prompt has content, for routers with an index of prompts. As in a simulation, the id of a run of
 * tokens stands for the run and for all that is before it: prompts that have an id in common have all ids up to it in
 * common, so that the same run after another beginning has another id.
 *
 * @param ids - of the runs, from the beginning
 * @param fields - other fields of the request
 * @param runTokens - tokens of each run
 *
 * @example
 * const path = new PromptPath()
 * testPrompt([7, 8]).promptPath(path)
 * path.length // => 2
 * testPrompt([7, 8]).promptTokens // => 32
 */
export function testPrompt(
  ids: readonly number[],
  fields: Partial<RequestView> = {},
  runTokens = 16,
): RequestView {
  const request = testRequest({ promptTokens: ids.length * runTokens, ...fields })
  return {
    ...request,
    promptPath(out) {
      out.clear()
      for (const [i, id] of ids.entries()) out.push(id, (i + 1) * runTokens)
    },
    promptHead(tokens) {
      return ids[Math.ceil(Math.min(tokens, request.promptTokens) / runTokens) - 1] ?? -1
    },
  }
}
