import { builtinCombinators, builtinRouters, findCombinator } from '@routesim/algorithms'
import { loadRouterFile } from '../routers/load-algorithm.js'
import type { AlgorithmChoice, SingleChoice } from '../run/resolve-algorithms.js'

/** An {@link AlgorithmChoice} as data. */
export type PortableAlgorithm =
  | PortableRouter
  | {
      readonly prefill: PortableRouter
      readonly decode: PortableRouter
      readonly label: string | undefined
    }

/** A single choice as data: a spec, or where the definition is found and how it is set. */
type PortableRouter =
  | string
  | {
      /** Name of a built-in router, or absolute path of a file. */
      readonly builtin: string | undefined
      readonly file: string | undefined
      readonly parameters: Readonly<Record<string, unknown>> | undefined
      readonly label: string | undefined
      /** Names of combinators, the outermost first. */
      readonly around: readonly {
        readonly name: string
        readonly parameters: Readonly<Record<string, unknown>>
      }[]
    }

/** @returns undefined for a definition that lives in this thread only */
export function toPortableAlgorithm(choice: AlgorithmChoice): PortableAlgorithm | undefined {
  if (typeof choice === 'string' || !('prefill' in choice)) return toPortableRouter(choice)
  const prefill = toPortableRouter(choice.prefill)
  const decode = toPortableRouter(choice.decode)
  if (prefill === undefined || decode === undefined) return undefined
  return { prefill, decode, label: choice.label }
}

/** The files of routers that algorithms come from. */
export function routerFiles(algorithms: readonly PortableAlgorithm[]): string[] {
  const routers = algorithms.flatMap((each) =>
    typeof each === 'object' && 'prefill' in each ? [each.prefill, each.decode] : [each],
  )
  return routers.flatMap((each) => (typeof each === 'object' && each.file) || [])
}

/** The same for a single choice. */
export function toPortableRouter(choice: SingleChoice): PortableRouter | undefined {
  if (typeof choice === 'string') return choice
  const configured = 'definition' in choice ? choice : { definition: choice }
  const { definition, parameters, label, file, around = [] } = configured
  const builtin = builtinRouters.includes(definition) ? definition.name : undefined
  if (builtin === undefined && file === undefined) return undefined
  if (!around.every((each) => builtinCombinators.includes(each.definition))) return undefined
  return {
    builtin,
    file,
    parameters,
    label,
    around: around.map((each) => ({ name: each.definition.name, parameters: each.parameters })),
  }
}

/**
 * The choice again, in a worker.
 * @throws RouteSimError `router_file`
 */
export async function fromPortableAlgorithm(portable: PortableAlgorithm): Promise<AlgorithmChoice> {
  if (typeof portable === 'string' || !('prefill' in portable)) return fromPortableRouter(portable)
  const { label } = portable
  const prefill = await fromPortableRouter(portable.prefill)
  const decode = await fromPortableRouter(portable.decode)
  return { prefill, decode, ...(label !== undefined && { label }) }
}

async function fromPortableRouter(portable: PortableRouter): Promise<SingleChoice> {
  if (typeof portable === 'string') return portable
  const { builtin, file, parameters, label, around } = portable
  const definition =
    file === undefined
      ? builtinRouters.find(({ name }) => name === builtin)!
      : await loadRouterFile(file, file)
  return {
    definition,
    ...(parameters && { parameters }),
    ...(label !== undefined && { label }),
    ...(file !== undefined && { file }),
    around: around.map(({ name, parameters: own }) => ({
      definition: findCombinator(name),
      parameters: own,
    })),
  }
}
