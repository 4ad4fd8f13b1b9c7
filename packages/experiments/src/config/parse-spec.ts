import { parseRouterSpec, type RouterSpec } from '@routesim/algorithms'
import { RouteSimError } from '@routesim/core'
import type { ExperimentsErrorCode } from '../errors.js'

/** What is written like a router and is none. */
export interface SpecKind {
  /** The option that it stands in. */
  readonly path: 'visibility' | 'gpus'
  /** What the word before the colon names. */
  readonly named: string
  readonly code: ExperimentsErrorCode
}

/**
 * Reads `name:key=value,...` of something that is no router.
 * @throws RouteSimError of the kind's code
 */
export function parseSpec(spec: string, { path, named, code }: SpecKind): RouterSpec {
  try {
    return parseRouterSpec(spec)
  } catch (cause) {
    const { message } = cause as RouteSimError
    throw new RouteSimError<ExperimentsErrorCode>(
      message.replace(/^router/, path).replace('name of a router', `name of a ${named}`),
      { code, path, hint: `Write it as ${named} or ${named}:key=value,key=value.`, cause },
    )
  }
}
