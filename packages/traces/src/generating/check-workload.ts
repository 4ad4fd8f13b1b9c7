import { checkArrivals } from './check-arrivals.js'
import { checkDistribution, checkWeights } from './check-distribution.js'
import { above, atLeast, LARGEST, whole } from './check-numbers.js'
import { checkSessions } from './check-sessions.js'
import { invalidOption } from './generator-error.js'
import { groupsOf } from './labels.js'
import {
  type Choice,
  type ClientSpec,
  PREFIX_OWNERS,
  type PrefixLevel,
  type PrefixOwner,
  type ServiceClass,
  type WorkloadSpec,
} from './workload-spec.js'

/** Names and prefixes of which a table is made. */
const MOST_NAMES = 1e7
const MOST_LEVELS = 16

const CHOICE_OF: Readonly<Record<PrefixOwner, 'tenants' | 'users' | 'models' | 'adapters'>> = {
  tenant: 'tenants',
  user: 'users',
  model: 'models',
  adapter: 'adapters',
}

/**
 * Checks a workload. Errors name the part of it: `clients[0].arrivals.rateRps`.
 * @throws RouteSimError `generator_invalid`
 */
export function checkWorkload(spec: WorkloadSpec): void {
  const { seed, durationSec, requests, clients } = spec
  whole('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  if (durationSec !== undefined) above('durationSec', durationSec, 0)
  if (requests !== undefined) whole('requests', requests, 1, LARGEST)
  if (clients.length === 0) throw invalidOption('clients', 'at least one', 'none of them')
  const names = new Set<string>()
  clients.forEach((client, i) => {
    const path = `clients[${i}]`
    const { name } = client
    if (clients.length > 1 && (name === undefined || name === '' || names.has(name))) {
      throw invalidOption(`${path}.name`, 'a name of its own', name)
    }
    names.add(name ?? '')
    checkClient(path, client, spec)
  })
}

function checkClient(path: string, client: ClientSpec, spec: WorkloadSpec): void {
  const { promptTokens, uniqueTokens, outputTokens, arrivals, sessions } = client
  // A config may leave them out.
  for (const key of ['arrivals', 'outputTokens'] as const) {
    if (client[key] === undefined) throw invalidOption(`${path}.${key}`, 'a value', undefined)
  }
  checkArrivals(`${path}.arrivals`, arrivals, spec.durationSec ?? 0)
  if ((promptTokens === undefined) === (uniqueTokens === undefined)) {
    throw invalidOption(
      `${path}.promptTokens`,
      'either promptTokens or uniqueTokens',
      promptTokens === undefined ? 'none of them' : 'both of them',
    )
  }
  if (promptTokens !== undefined) checkDistribution(`${path}.promptTokens`, promptTokens, 1)
  if (uniqueTokens !== undefined) checkDistribution(`${path}.uniqueTokens`, uniqueTokens, 1)
  checkDistribution(`${path}.outputTokens`, outputTokens, 0)
  for (const owner of PREFIX_OWNERS)
    checkChoice(`${path}.${CHOICE_OF[owner]}`, client[CHOICE_OF[owner]])
  checkPrefixes(`${path}.prefixes`, client.prefixes ?? [], client)
  if (sessions !== undefined) checkSessions(`${path}.sessions`, sessions, arrivals)
  if (client.priorities !== undefined)
    checkDistribution(`${path}.priorities`, client.priorities, -LARGEST)
  if (client.classes !== undefined) checkClasses(`${path}.classes`, client.classes)
  checkEnd(path, client, spec)
}

/** Something must say when it is enough. */
function checkEnd(path: string, { arrivals, sessions }: ClientSpec, spec: WorkloadSpec): void {
  if (spec.requests !== undefined || sessions?.maxSessions !== undefined) return
  const { kind, rateRps, stages } = arrivals
  if (kind === 'at_once' || (kind === 'users' && rateRps === undefined)) {
    throw invalidOption(
      'requests',
      `a number of requests for ${path}.arrivals.kind ${kind}`,
      undefined,
    )
  }
  if (spec.durationSec === undefined && stages === undefined) {
    throw invalidOption('durationSec', 'a duration, or a number of requests', undefined)
  }
}

function checkChoice(path: string, choice: Choice | undefined): void {
  if (choice === undefined) return
  const { names, count, weights, zipfExponent, share } = choice
  if ((names === undefined) === (count === undefined)) {
    const found = names === undefined ? 'none of them' : 'both of them'
    throw invalidOption(path, 'either names or count', found)
  }
  if (names?.length === 0) throw invalidOption(`${path}.names`, 'at least one', 'none of them')
  if (new Set(names).size < (names?.length ?? 0)) {
    throw invalidOption(`${path}.names`, 'different names', 'the same twice')
  }
  if (count !== undefined) whole(`${path}.count`, count, 1, MOST_NAMES)
  if (weights !== undefined) checkWeights(`${path}.weights`, weights, names?.length ?? count!)
  if (share !== undefined && !(share > 0 && share <= 1)) {
    throw invalidOption(`${path}.share`, 'a number > 0 and <= 1', share)
  }
  if (zipfExponent === undefined) return
  atLeast(`${path}.zipfExponent`, zipfExponent, 0)
  if (weights !== undefined) {
    throw invalidOption(`${path}.zipfExponent`, 'nothing beside weights', zipfExponent)
  }
}

function checkPrefixes(path: string, levels: readonly PrefixLevel[], client: ClientSpec): void {
  if (levels.length > MOST_LEVELS) {
    throw invalidOption(path, `at most ${MOST_LEVELS} levels`, `${levels.length} of them`)
  }
  levels.forEach(({ count, by, tokens, zipfExponent }, i) => {
    const at = `${path}[${i}]`
    if ((count === undefined) === (by === undefined)) {
      throw invalidOption(
        at,
        'either count or by',
        by === undefined ? 'none of them' : 'both of them',
      )
    }
    checkDistribution(`${at}.tokens`, tokens, 1)
    if (count !== undefined) whole(`${at}.count`, count, 1, MOST_NAMES)
    if (zipfExponent !== undefined) atLeast(`${at}.zipfExponent`, zipfExponent, 0)
    if (by === undefined) return
    if (!PREFIX_OWNERS.includes(by)) throw invalidOption(`${at}.by`, PREFIX_OWNERS.join(', '), by)
    if (client[CHOICE_OF[by]] === undefined) {
      throw invalidOption(`${at}.by`, `a kind of name that requests have (${CHOICE_OF[by]})`, by)
    }
    if (zipfExponent !== undefined) {
      throw invalidOption(`${at}.zipfExponent`, 'nothing', 'it with by')
    }
  })
  const { users, tenants } = client
  if (users !== undefined && groupsOf(users) * (tenants ? groupsOf(tenants) : 1) > MOST_NAMES) {
    throw invalidOption(
      path.replace('prefixes', 'users'),
      `at most ${MOST_NAMES} users in all`,
      'more of them',
    )
  }
}

function checkClasses(path: string, classes: readonly ServiceClass[]): void {
  if (classes.length === 0) throw invalidOption(path, 'at least one', 'none of them')
  const names = new Set<string>()
  classes.forEach(({ name, weight, priority = 0, ttftMs = 0, deadlineMs = 0 }, i) => {
    const at = `${path}[${i}]`
    if (name === '' || names.has(name)) throw invalidOption(`${at}.name`, 'a name of its own', name)
    names.add(name)
    atLeast(`${at}.weight`, weight, 0)
    whole(`${at}.priority`, priority, -LARGEST, LARGEST)
    whole(`${at}.ttftMs`, ttftMs, 0, LARGEST)
    atLeast(`${at}.deadlineMs`, deadlineMs, 0)
  })
  checkWeights(
    path,
    classes.map(({ weight }) => weight),
    classes.length,
  )
}
