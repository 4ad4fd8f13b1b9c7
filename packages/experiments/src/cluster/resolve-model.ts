import { readFileSync, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { RouteSimError } from '@routesim/core'
import {
  findModel,
  type HardwareErrorCode,
  type Model,
  modelFromHuggingFaceConfig,
} from '@routesim/hardware'
import { whyUnreadable } from '../config/why-unreadable.js'
import type { ExperimentsErrorCode } from '../errors.js'

/** Whether a model is given by the path of its `config.json` and not by name. */
export function isModelFile(name: string): boolean {
  return name.endsWith('.json')
}

/** Whether the catalogue has a model of a name. */
export function isModelName(name: string): boolean {
  try {
    findModel(name)
    return true
  } catch {
    return false
  }
}

/**
 * The model of a name in the catalogue, or of a Hugging Face `config.json` at a path.
 * @throws RouteSimError `model_unknown`, `model_unreadable` or `model_config_invalid`
 */
export function resolveModel(name: string): Model {
  if (!isModelFile(name)) return namedModel(name)
  const { mtimeMs = 0, size = 0 } = statSync(name, { throwIfNoEntry: false }) ?? {}
  const known = filed.get(name)
  if (known?.mtimeMs === mtimeMs && known.size === size) return known.model
  const model = modelOfFile(name)
  filed.set(name, { mtimeMs, size, model })
  return model
}

/** What files held when they were read last: a run asks for its model many times. */
const filed = new Map<
  string,
  { readonly mtimeMs: number; readonly size: number; readonly model: Model }
>()

function modelOfFile(name: string): Model {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(name, 'utf8'))
  } catch (cause) {
    throw new RouteSimError<ExperimentsErrorCode>(`${name}: ${whyUnreadable(cause)}`, {
      code: 'model_unreadable',
      path: name,
      hint: 'Give the config.json of a model on Hugging Face, or a name that `routesim list-models` prints.',
      cause,
    })
  }
  const folder = basename(dirname(name))
  return modelFromHuggingFaceConfig(json, folder === '' || folder === '.' ? name : folder)
}

function namedModel(name: string): Model {
  try {
    return findModel(name)
  } catch (cause) {
    if (statSync(name, { throwIfNoEntry: false })?.isDirectory()) {
      throw new RouteSimError<ExperimentsErrorCode>(
        `${name}: expected a folder with a config.json, got one without`,
        { code: 'model_unreadable', path: name },
      )
    }
    throw new RouteSimError<HardwareErrorCode>(
      `${(cause as Error).message}, or the path of any model's config.json`,
      { code: 'model_unknown', cause },
    )
  }
}
