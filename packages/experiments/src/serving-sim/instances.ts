import { readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { closestName, RouteSimError } from '@routesim/core'
import { deploymentShape } from '../config/deployment-schema.js'
import { checkValues } from '../config/parse-config.js'
import { whyUnreadable } from '../config/why-unreadable.js'
import type { ExperimentsErrorCode } from '../errors.js'

/** A group of `[[cluster.backends]]`, unchecked. */
export type InstanceGroup = Readonly<Record<string, unknown>>

/** What the serving simulator comes with: four of each on A100 with 40 GB. */
const OWN_INSTANCES = { hardware: 'NVIDIA_A100_40G', count: 4 }
const OWN_TP = { prefill: 4, decode: 8 } as const

/** Names that differ by more than their prefix. Its A100 without a size is the one with 40 GB. */
const GPUS: Readonly<Record<string, string>> = {
  A100: 'A100 40GB',
  A100_40G: 'A100 40GB',
  A100_80G: 'A100 80GB',
  // The same figures there: an A100 with fewer links to its neighbours.
  A800: 'A100 80GB',
}

/** Whether it prefills or decodes, the file says. */
const KEYS: readonly string[] = ['hardware', 'tp_size', 'count', ...Object.keys(deploymentShape)]

/**
 * The instances of a JSON config of the serving simulator: a list of objects with `hardware` and `tp_size`,
 * and with any other key of `[[cluster.backends]]`. Equal neighbours make one group.
 *
 * @param path - the file; without, the simulator's own four instances
 * @param defaults - keys of all of them
 * @throws RouteSimError `instances_invalid`, or `config_invalid` with the number of the instance
 */
export async function readInstances(
  path: string | undefined,
  role: 'prefill' | 'decode',
  defaults: InstanceGroup,
): Promise<InstanceGroup[]> {
  const list =
    path === undefined ? [{ ...OWN_INSTANCES, tp_size: OWN_TP[role] }] : await readList(path)
  const groups = list.map((instance, i) => groupOf(instance, `${path ?? role}: instance ${i}`))
  const name = path ?? `${role} instances`
  checkValues({ cluster: { ...defaults, backends: groups } }, '', name)
  return merged(groups.map((group) => ({ ...defaults, ...group, role })))
}

async function readList(path: string): Promise<unknown[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw invalid(path, `${path}: ${whyUnreadable(cause)}`, cause)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw invalid(path, `${path}: expected JSON: ${(cause as Error).message}`, cause)
  }
  if (Array.isArray(value) && value.length > 0) return value
  const found = Array.isArray(value) ? 'an empty list' : typeof value
  throw invalid(path, `${path}: expected a list of instances, got ${found}`)
}

function groupOf(instance: unknown, where: string): InstanceGroup {
  if (typeof instance !== 'object' || instance === null || Array.isArray(instance)) {
    throw invalid(where, `${where}: expected an object, got ${JSON.stringify(instance)}`)
  }
  const { hardware, tp_size: tp, ...rest } = instance as Readonly<Record<string, unknown>>
  for (const key of Object.keys(rest)) {
    if (KEYS.includes(key)) continue
    const near = closestName(key, KEYS)
    const mend =
      near === undefined ? `expected one of ${KEYS.join(', ')}` : `did you mean "${near}"?`
    throw invalid(where, `${where}: ${key}: unknown key; ${mend}`)
  }
  if (typeof hardware !== 'string') {
    throw invalid(
      where,
      `${where}: hardware: expected the name of a GPU, got ${JSON.stringify(hardware)}`,
    )
  }
  return { gpu_type: gpuOf(hardware), ...(tp !== undefined && { tp }), ...rest }
}

function gpuOf(hardware: string): string {
  const name = hardware.replace(/^nvidia_/i, '')
  return GPUS[name] ?? name.replaceAll('_', ' ')
}

function merged(groups: readonly InstanceGroup[]): InstanceGroup[] {
  const result: InstanceGroup[] = []
  for (const { count = 1, ...group } of groups) {
    const before = result.at(-1)
    const { count: counted = 0, ...same } = before ?? {}
    if (before === undefined || !isDeepStrictEqual(same, group)) result.push({ ...group, count })
    else result[result.length - 1] = { ...group, count: Number(counted) + Number(count) }
  }
  return result
}

function invalid(
  path: string,
  message: string,
  cause?: unknown,
): RouteSimError<ExperimentsErrorCode> {
  return new RouteSimError(message, {
    code: 'instances_invalid',
    path,
    hint: 'Write a list such as [{"hardware": "NVIDIA_A100_40G", "tp_size": 4}].',
    ...(cause !== undefined && { cause }),
  })
}
