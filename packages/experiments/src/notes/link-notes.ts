import { findGpu, ranksSharingExperts } from '@routesim/hardware'
import type { DeploymentConfig } from '../config/deployment-schema.js'
import type { ClusterConfig } from '../config/schema.js'

const GPUS_OF_SERVER = 8

/** Notes on backends whose GPUs exchange over a link that does not reach so many of them. */
export function linkNotes(cluster: ClusterConfig): string[] {
  const notes = (cluster.backends ?? [cluster]).map(noteOn)
  return [...new Set(notes)].filter((note) => note !== undefined)
}

function noteOn(group: DeploymentConfig): string | undefined {
  const { compute_model: latency, tp, ep, moe_tp: moeTp, dp } = group
  if (latency.kind !== 'roofline' || latency.link !== undefined) return undefined
  const { name, link, linkedGpus = GPUS_OF_SERVER } = findGpu(group.gpu ?? group.gpu_type)
  const count = tp * ranksSharingExperts({ tp, ep, moeTp, dp })
  if (count <= linkedGpus) return undefined
  return `${count} GPUs of a backend exchange over ${link}, which joins ${linkedGpus} of ${name}: the link between servers is slower, and compute_model.link can name it`
}
