import type { BackendSpec } from '../../engine/simulation-options.js'
import { RouteSimError } from '../../errors/routesim-error.js'
import { shown } from '../../errors/shown.js'
import { thrownBy } from '../../errors/thrown-by.js'
import { RandomStream } from '../../kernel/random-stream.js'
import type {
  LocalPolicies,
  LocalPolicy,
  LocalPolicyFactory,
  RankedPolicy,
} from './local-policy.js'
import type { WaitingCursor } from './waiting-cursor.js'

/** @throws RouteSimError `policy_failed` when one can not be made */
export function localPoliciesOf(specs: readonly BackendSpec[], seed: number): LocalPolicies {
  return specs.map(({ scheduling }, backend) =>
    scheduling === undefined
      ? undefined
      : makePolicy(scheduling, new RandomStream(seed, `local policy ${backend}`)),
  )
}

/**
 * What a factory makes for one scheduler; policies come from users' files too, where no compiler has looked.
 * @throws RouteSimError `policy_failed` when it throws, or makes no policy
 */
function makePolicy(factory: LocalPolicyFactory, random: RandomStream): LocalPolicy {
  const { name } = factory
  const policy = calling(name, 'create()', () => factory.create(random))
  const { rank, arrange } = (policy ?? {}) as {
    readonly rank?: unknown
    readonly arrange?: unknown
  }
  if (typeof (arrange ?? rank) === 'function') return policy
  throw failed(name, 'create(): expected an object with a function rank or arrange, got neither')
}

/**
 * The rank that a policy gives to a request.
 * @throws RouteSimError `policy_failed` when it throws, or gives no number
 */
export function rankBy(policy: RankedPolicy, cursor: WaitingCursor, request: number): number {
  let rank: unknown
  try {
    rank = policy.rank(cursor.at(request))
  } catch (cause) {
    throw thrownBy(owner(policy.name), `rank() of request ${request}`, cause)
  }
  if (typeof rank === 'number' && !Number.isNaN(rank)) return rank
  throw failed(policy.name, `rank() of request ${request}: expected a number, got ${shown(rank)}`)
}

/** Calls a function of a policy. @throws RouteSimError `policy_failed` when it throws */
export function calling<T>(name: string, place: string, call: () => T): T {
  try {
    return call()
  } catch (cause) {
    throw thrownBy(owner(name), place, cause)
  }
}

function failed(name: string, message: string): RouteSimError {
  return new RouteSimError(`local policy "${name}": ${message}`, { code: 'policy_failed' })
}

function owner(name: string): Parameters<typeof thrownBy>[0] {
  return { kind: 'local policy', name }
}
