import type { Distribution, RunSummary } from '@routesim/metrics'

/** Columns of the serving simulator's `results.csv`, and those that say what it leaves out. */
export function resultRow(
  flags: Readonly<Record<string, string | number>>,
  lambda: number,
  source: Readonly<Record<string, string | number>>,
  result: RunSummary,
): Record<string, string | number | null> {
  const { prefill_global, prefill_local, decode_global, decode_local } = flags
  const { slo } = result
  return {
    uuid: [prefill_global, prefill_local, decode_global, decode_local, lambda].join('-'),
    ...flags,
    request_count: result.total_requests,
    lambda_arrival: lambda,
    ...source,
    seed: result.seed,
    ...inSeconds('ttft', result.ttft),
    slo_attainment_pct: percent(slo?.ttft_attainment),
    total_requests: result.total_requests,
    ...inSeconds('tpot', result.tpot),
    tpot_slo_attainment_pct: percent(slo?.tpot_attainment),
    joint_slo_attainment_pct: percent(slo?.attainment),
    goodput_requests_per_sec: slo?.goodput_requests_per_sec ?? null,
    completed_requests: result.completed_requests,
    rejected_requests: result.rejected_requests,
    failed_requests: result.failed_requests,
  }
}

function inSeconds(name: string, distribution: Distribution): Record<string, number | null> {
  const names = ['p25', 'p50', 'p75', 'p90', 'p95', 'p99', 'mean', 'std'] as const
  return Object.fromEntries(
    names.map((key) => {
      const ms = distribution[key]
      return [`${name}_${key}`, ms === null ? null : ms / 1000]
    }),
  )
}

function percent(share: number | null | undefined): number | null {
  return share === null || share === undefined ? null : share * 100
}
