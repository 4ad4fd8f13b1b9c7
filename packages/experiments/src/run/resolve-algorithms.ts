import {
  builtinCombinators,
  builtinRouters,
  type ConfiguredCombinator,
  findRouter,
  parseRouterSpec,
  pdPair,
  perModel,
  type RouterDefinition,
  type RouterObservation,
  unwrapSpec,
  wrapRouter,
} from '@routesim/algorithms'
import { closestName, RouteSimError, type RoutingAlgorithm, type Visibility } from '@routesim/core'
import { isMixed } from '../cluster/build-cluster.js'
import type { Config } from '../config/schema.js'
import type { ExperimentsErrorCode } from '../errors.js'
import { blamingConfig } from './blame-config.js'
import { pairSpec } from './pair-spec.js'

/** A definition with parameters of its own, as made from `-a ./my-router.ts:alpha=2`. */
export interface ConfiguredRouter {
  readonly definition: RouterDefinition
  /** Values by name, checked against the definition; those of the config and the defaults fill the rest. */
  readonly parameters?: Readonly<Record<string, unknown>>
  /** What results call it; the definition's name by default. */
  readonly label?: string
  /** Absolute path of the file that exports the definition: with it, worker threads can load it too. */
  readonly file?: string
  /** Combinators around it, the outermost first. */
  readonly around?: readonly ConfiguredCombinator[]
}

/**
 * One routing algorithm: the name of a built-in one, perhaps with parameters
 * (`prefix_aware:cache_weight=0.9`) or in a combinator (`gate(prefix_aware)`), or a definition made with
 * `defineRouter`. A string may be a pair, `prefix_aware+least_kv`.
 */
export type SingleChoice = string | RouterDefinition | ConfiguredRouter

/** Two algorithms for a disaggregated cluster: one chooses where to prefill, the other where to decode. */
export interface RouterPair {
  readonly prefill: SingleChoice
  readonly decode: SingleChoice
  /** What results call it; the labels of both, joined by `+`, by default. */
  readonly label?: string
}

/** A routing algorithm, or on a disaggregated cluster a pair of them. */
export type AlgorithmChoice = SingleChoice | RouterPair

/** A name for results, what its routers see, and fresh ones for every run. */
export interface ResolvedAlgorithm {
  /** What it was made from. */
  readonly choice: AlgorithmChoice
  readonly label: string
  readonly visibility: Visibility
  /** Whether its routers want to hear of KV events. */
  readonly hearsKvEvents: boolean
  /** One of its routers, or the only one. */
  create(): RoutingAlgorithm
}

/**
 * Finds and checks algorithms, so that a mistake shows before anything runs. Parameters of the choice
 * go before those of the config, and those before the defaults; a preset leaves the config's out. On a disaggregated cluster each
 * algorithm chooses twice, a prefill and a decode backend, unless it chooses both at once. Where backends serve
 * different models, each model has routers of its own. With several visibilities there is one of each
 * algorithm for each of them, next to each other, and labels say which.
 *
 * @throws RouteSimError when an algorithm or a parameter is unknown
 */
export function resolveAlgorithms(
  choices: readonly AlgorithmChoice[],
  config: Config,
  visibilities: readonly Visibility[],
): ResolvedAlgorithm[] {
  const routers = choices.map(partsOf)
  checkTables(
    config.algorithms,
    routers.flatMap(({ parts }) => parts),
  )
  checkLabels(routers.map(({ label }) => label))
  return routers.flatMap(({ parts, label }, i) => {
    const create = creatorOf(parts, label, config)
    const { onKvEvents } = blamingConfig(parts.flatMap(chosenIn), create)
    return visibilities.map((visibility) => ({
      choice: choices[i]!,
      label: visibilities.length === 1 ? label : `${label} (${visibility.name})`,
      visibility,
      hearsKvEvents: onKvEvents !== undefined,
      create,
    }))
  })
}

/** What makes a router, and what puts its combinators around it. */
export interface RouterMaker {
  /** What it looks at to decide, and what its combinators do, as far as they say. */
  readonly observes: readonly RouterObservation[]
  create(): RoutingAlgorithm
  wrap(inner: RoutingAlgorithm): RoutingAlgorithm
}

/**
 * One algorithm with the parameters of its choice, before those of a config, as in {@link resolveAlgorithms}; what
 * its routers stand among is left to the caller.
 *
 * @throws RouteSimError when it or a parameter is unknown
 */
export function routerMaker(choice: SingleChoice, tables: Config['algorithms']): RouterMaker {
  const part = configured(choice)
  checkTables(tables, [part])
  const maker = setUp(part, tables)
  blamingConfig(chosenIn(part), () => maker.wrap(maker.create()))
  return maker
}

/** A mistake in a table shows also when its algorithm does not take part. */
function checkTables(tables: Config['algorithms'], chosen: readonly ConfiguredRouter[]): void {
  const definitions = chosen.map(({ definition }) => definition)
  const known = new Set(
    [...builtinRouters, ...builtinCombinators, ...definitions].map(({ name }) => name),
  )
  for (const name of Object.keys(tables)) {
    if (!known.has(name)) throw unknownTable(name, known)
  }
  for (const definition of builtinRouters) {
    blamingConfig([], () => definition.create(tables[definition.name]))
  }
}

/** An algorithm and the combinators around it, each with the parameters that were chosen with it. */
function chosenIn({ definition, parameters, around = [] }: ConfiguredRouter) {
  return [{ definition, parameters }, ...around]
}

/** What makes fresh routers: on a disaggregated cluster one for each pool. */
function creatorOf(parts: Parts['parts'], label: string, config: Config): () => RoutingAlgorithm {
  const { enabled: isSplit, decode_decision: decodeAt } = config.cluster.disaggregated
  const [first, second] = parts.map((part) => setUp(part, config.algorithms))
  const { create, wrap } = first!
  type Making = (model?: string) => RoutingAlgorithm
  const ofEachModel = isMixed(config.cluster) ? perModel : (one: Making) => one()
  // Requests that name no model decode on the one that prefills them, of which each has turns of its own.
  const decoding = (one: Making, model: string | undefined): RoutingAlgorithm =>
    model === undefined ? ofEachModel(one) : one()
  if (second === undefined) {
    const whole: Making = (model) => {
      const router = create()
      const isAlone = !isSplit || choosesBoth(router)
      return isAlone ? router : pdPair(router, decoding(create, model), { decodeAt })
    }
    return () => wrap(ofEachModel(whole))
  }
  if (isSplit) {
    const pair: Making = (model) =>
      pdPair(
        wrap(create()),
        decoding(() => second.wrap(second.create()), model),
        { decodeAt },
      )
    return () => ofEachModel(pair)
  }
  throw new RouteSimError<ExperimentsErrorCode>(
    `algorithms: expected a disaggregated cluster for the pair ${label}, got one pool`,
    { code: 'options_conflict', path: 'algorithms' },
  )
}

/** Whether a router says itself where a request is prefilled and where it is decoded. */
export function choosesBoth({ disaggregates, routeDecode }: RoutingAlgorithm): boolean {
  return disaggregates === true || routeDecode !== undefined
}

function setUp(
  { definition, parameters, around = [] }: ConfiguredRouter,
  tables: Config['algorithms'],
): RouterMaker {
  const merged = withTable(definition.name, parameters, tables)
  const combinators = around.map((each) => ({
    ...each,
    parameters: withTable(each.definition.name, each.parameters, tables),
  }))
  const all = [definition, ...around.map((each) => each.definition)]
  return {
    observes: [...new Set(all.flatMap(({ manifest }) => manifest.observes ?? []))],
    create: () => definition.create(merged),
    wrap: (inner: RoutingAlgorithm) => wrapRouter(inner, combinators),
  }
}

/** What results call an algorithm. */
export function labelOfChoice(choice: AlgorithmChoice): string {
  return partsOf(choice).label
}

interface Parts {
  /** One router, or that which prefills and that which decodes. */
  readonly parts: readonly ConfiguredRouter[]
  readonly label: string
}

function partsOf(choice: AlgorithmChoice): Parts {
  const pair =
    typeof choice === 'string' ? pairSpec(choice) : 'prefill' in choice ? choice : undefined
  const parts = (pair ? [pair.prefill, pair.decode] : [choice as SingleChoice]).map(configured)
  const own = parts
    .map(({ definition, label, around = [] }) => label ?? specAround(definition.name, around))
    .join('+')
  return { parts, label: pair?.label ?? own }
}

/** A preset is what it says it is, whatever the config sets for others. */
function withTable(
  name: string,
  parameters: Readonly<Record<string, unknown>> | undefined,
  tables: Config['algorithms'],
): Readonly<Record<string, unknown>> {
  const fromConfig = parameters?.['preset'] === undefined && tables[name]
  return { ...fromConfig, ...parameters }
}

/** A choice as a definition, with its parameters and its name in results. */
export function configured(choice: SingleChoice): ConfiguredRouter {
  if (typeof choice !== 'string') return 'definition' in choice ? choice : { definition: choice }
  const { router, around } = unwrapSpec(choice)
  const { name, parameters } = parseRouterSpec(router)
  const definition = findRouter(name)
  const label = specAround(labelOf(definition.name, parameters), around)
  return { definition, parameters, label, around }
}

/** A router in its combinators, as it is written. */
export function specAround(router: string, around: readonly ConfiguredCombinator[]): string {
  return around.reduceRight(
    (inner, outer) => labelOf(`${outer.definition.name}(${inner})`, outer.parameters),
    router,
  )
}

function labelOf(name: string, parameters: Readonly<Record<string, unknown>>): string {
  const { preset, ...others } = parameters
  const own = Object.entries(others).map(([key, value]) => `${key}=${value}`)
  const named = preset === undefined ? name : `${name}@${preset}`
  return [named, ...(own.length > 0 ? [own.join()] : [])].join(':')
}

/** @throws RouteSimError `algorithms_ambiguous` */
export function checkLabels(labels: readonly string[]): void {
  const twice = labels.find((label, i) => labels.indexOf(label) !== i)
  if (twice === undefined) return
  throw new RouteSimError<ExperimentsErrorCode>(
    `algorithms: expected names that differ, got ${twice} twice`,
    {
      code: 'algorithms_ambiguous',
      path: 'algorithms',
      hint: 'Leave one out, give it other parameters, or, in code, a label: { definition, label }.',
    },
  )
}

function unknownTable(name: string, known: ReadonlySet<string>): RouteSimError {
  const near = closestName(name, known)
  const mend = near === undefined ? `known are ${[...known].join(', ')}` : `did you mean "${near}"?`
  return new RouteSimError<ExperimentsErrorCode>(`algorithms.${name}: unknown algorithm; ${mend}`, {
    code: 'config_invalid',
    path: `algorithms.${name}`,
  })
}
