import type { ArrivalsSpec } from './arrivals-spec.js'
import { checkDistribution } from './check-distribution.js'
import { atLeast, LARGEST, whole } from './check-numbers.js'
import { invalidOption } from './generator-error.js'
import { AGENT_CONTEXTS, type AgentsSpec, type SessionsSpec, TURN_TIMES } from './workload-spec.js'

const DEEPEST = 8

/** @throws RouteSimError `generator_invalid` */
export function checkSessions(path: string, spec: SessionsSpec, arrivals: ArrivalsSpec): void {
  const { turns, newTokens, thinkTimeSec, next, maxPromptTokens, maxSessions, agents } = spec
  checkDistribution(`${path}.turns`, turns, 1)
  checkDistribution(`${path}.newTokens`, newTokens, 1)
  if (thinkTimeSec !== undefined) checkDistribution(`${path}.thinkTimeSec`, thinkTimeSec, 0)
  if (next !== undefined && !TURN_TIMES.includes(next)) {
    throw invalidOption(`${path}.next`, TURN_TIMES.join(', '), next)
  }
  whole(`${path}.maxPromptTokens`, maxPromptTokens, 1, LARGEST)
  if (maxSessions !== undefined) {
    whole(`${path}.maxSessions`, maxSessions, 1, Number.MAX_SAFE_INTEGER)
  }
  if (arrivals.kind === 'users') checkUsers(path, spec, arrivals)
  if (agents === undefined) return
  if (next !== undefined && next !== 'after_answer') {
    throw invalidOption(`${path}.next`, 'after_answer for agents', next)
  }
  checkAgents(`${path}.agents`, agents)
}

/** Users wait for their answers, and those at a rate have a schedule of their own. */
function checkUsers(path: string, spec: SessionsSpec, { rateRps }: ArrivalsSpec): void {
  const { thinkTimeSec, next, agents } = spec
  if (next !== undefined && (rateRps !== undefined || next !== 'after_answer')) {
    throw invalidOption(`${path}.next`, 'nothing', `${next} with users`)
  }
  if (rateRps === undefined) return
  if (thinkTimeSec !== undefined) {
    throw invalidOption(`${path}.thinkTimeSec`, 'nothing', 'it with users at a rate')
  }
  if (agents !== undefined) {
    throw invalidOption(`${path}.agents`, 'nothing', 'them with users at a rate')
  }
}

function checkAgents(path: string, spec: AgentsSpec): void {
  const { probability, children, calls, toolTimeSec, newTokens, context, maxDepth } = spec
  atLeast(`${path}.probability`, probability, 0)
  if (probability > 1) throw invalidOption(`${path}.probability`, 'at most 1', probability)
  checkDistribution(`${path}.children`, children, 1)
  checkDistribution(`${path}.calls`, calls, 1)
  checkDistribution(`${path}.toolTimeSec`, toolTimeSec, 0)
  checkDistribution(`${path}.newTokens`, newTokens, 1)
  whole(`${path}.maxDepth`, maxDepth, 1, DEEPEST)
  if (!AGENT_CONTEXTS.includes(context)) {
    throw invalidOption(`${path}.context`, AGENT_CONTEXTS.join(', '), context)
  }
  const { promptTokens, sharedTokens } = spec
  if (context === 'own') {
    if (promptTokens === undefined) {
      throw invalidOption(`${path}.promptTokens`, 'a length for context own', undefined)
    }
    checkDistribution(`${path}.promptTokens`, promptTokens, 1)
    whole(`${path}.sharedTokens`, sharedTokens ?? 0, 0, LARGEST)
  } else if (promptTokens !== undefined || sharedTokens !== undefined) {
    const stray = promptTokens === undefined ? 'sharedTokens' : 'promptTokens'
    throw invalidOption(`${path}.${stray}`, 'nothing', 'it with context parent')
  }
}
