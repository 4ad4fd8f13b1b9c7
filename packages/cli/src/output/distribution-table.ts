import { type AlgorithmSummary, metric } from '@routesim/experiments'
import { formatNumber } from './results-table.js'
import { alignedTable, figureColumns } from './table.js'

const STATISTICS = ['mean', 'min', 'p50', 'p75', 'p90', 'p95', 'p99', 'max'] as const
const MOST_WANTED = ['p99', 'p50', 'mean', 'max', 'p90', 'p95', 'p75', 'min']
const LATENCIES = [
  ['TTFT', 'ttft'],
  ['ITL', 'tbt'],
  ['TPOT', 'tpot'],
  ['E2E', 'end_to_end_latency'],
  ['Queue wait', 'queue_wait'],
] as const

/** Every latency of one result with every statistic, in ms, and its other numbers as a list. */
export function distributionTable(
  result: AlgorithmSummary,
  maxWidth: number = Number.POSITIVE_INFINITY,
): string {
  const number = (path: string, scale = 1, digits?: number): string => {
    const { value, ci95 } = metric(result, path)
    if (value === null) return '-'
    const spread = ci95 === null ? '' : ` ±${formatNumber(ci95 * scale, digits)}`
    return formatNumber(value * scale, digits) + spread
  }
  const unlessMissing = (text: string, unit: (text: string) => string): string =>
    text === '-' ? text : unit(text)
  const share = (path: string): string => unlessMissing(number(path, 100, 1), (text) => `${text}%`)
  const dollars = (path: string): string => unlessMissing(number(path, 1, 6), (text) => `$${text}`)
  const latencies = alignedTable(
    [{ title: 'ms', align: 'left' }, ...figureColumns(STATISTICS, MOST_WANTED)],
    LATENCIES.map(([title, path]) => [
      title,
      ...STATISTICS.map((name) => number(`${path}.${name}`)),
    ]),
    maxWidth,
  )
  const facts: [string, string][] = [
    [
      'Requests',
      `${number('completed_requests', 1, 0)} completed, ${number('rejected_requests', 1, 0)} rejected${reasons(result, 'rejected_by_reason')}${losses(result, number)}${warmup(result)}`,
    ],
    [
      'Throughput',
      `${number('requests_per_sec', 1, 2)} req/s, ${number('prompt_tokens_per_sec', 1, 0)} prompt and ${number('gen_tokens_per_sec', 1, 0)} output tokens/s`,
    ],
    [
      'Prefix cache',
      `${share('token_hit_rate')} of prompt tokens, ${share('request_hit_rate')} of requests hit; ${number('evictions', 1, 0)} evictions`,
    ],
    ...objectives(result, share, number),
    ['Load', load(result, number)],
    ...tierFacts(result, number, share),
    ['Preemptions', number('preemptions', 1, 0)],
    [
      'Balance',
      `Jain ${number('jains_fairness_index', 1, 3)}, CV ${number('load_cv', 1, 3)}, queue max/min ${number('max_min_queue_ratio', 1, 2)}`,
    ],
    [
      'GPU time',
      `${number('gpu_seconds_per_request', 1, 4)} s busy per request, ${number('fleet_gpu_seconds_per_request', 1, 4)} s with idle`,
    ],
    [
      'Cost',
      `${dollars('estimated_cost_per_1k_tokens')} per 1K tokens, of which busy ${dollars('busy_cost_per_1k_tokens')}`,
    ],
  ]
  const labels = Math.max(...facts.map(([label]) => label.length))
  const lines = facts.map(([label, text]) => `${label.padEnd(labels)}  ${text}`)
  return [latencies, '', ...lines].join('\n')
}

type Show = (path: string, scale?: number, digits?: number) => string

/** How targets were met, if there are any, and how tenants fared. */
function objectives(
  { slo, tenants }: AlgorithmSummary,
  share: (path: string) => string,
  number: Show,
): [string, string][] {
  const lines: [string, string][] = []
  if (slo !== undefined) {
    const parts = (['ttft', 'tpot', 'e2e'] as const)
      .map((name) => [name.toUpperCase(), share(`slo.${name}_attainment`)])
      .filter(([, text]) => text !== '-')
      .map(([name, text]) => `${name} ${text}`)
    const isAsked = share('slo.attainment') !== '-'
    lines.push([
      'SLO',
      !isAsked
        ? 'no request has a target'
        : `${share('slo.attainment')} of requests meet all (${parts.join(', ')}); goodput ${number('slo.goodput_requests_per_sec', 1, 2)} req/s, ${number('slo.goodput_gen_tokens_per_sec', 1, 0)} output tokens/s`,
    ])
    for (const name of isAsked ? Object.keys(slo.per_class) : []) {
      lines.push([`  ${name}`, `${share(`slo.per_class.${name}.attainment`)} meet all`])
    }
  }
  if (tenants !== undefined) {
    lines.push([
      'Tenants',
      `${number('tenants.count', 1, 0)}; Jain of tokens per weight ${number('tenants.service_jain', 1, 3)}, of the share served ${number('tenants.satisfaction_jain', 1, 3)}, of mean TTFT ${number('tenants.ttft_jain', 1, 3)}`,
    ])
  }
  return lines
}

function load({ saturation }: AlgorithmSummary, number: Show): string {
  const evidence = [
    `${number('saturation.offered_per_sec', 1, 2)} req/s came and ${number('saturation.completed_per_sec', 1, 2)} were served meanwhile`,
    `at most ${number('saturation.peak_waiting', 1, 0)} waited`,
    `drained in ${number('saturation.drain_ms', 0.001, 1)} s`,
  ]
  return `${saturation.verdict}: ${evidence.join(', ')}`
}

/** What came from tiers below the KV cache, and adapters that were loaded, where there are such things. */
function tierFacts(
  result: AlgorithmSummary,
  number: (path: string, scale?: number, digits?: number) => string,
  share: (path: string) => string,
): [string, string][] {
  const facts = Object.keys(result.kv_tiers ?? {}).map((tier): [string, string] => {
    const at = `kv_tiers.${tier}`
    return [
      `KV in ${tier}`,
      `${number(`${at}.loaded_tokens`, 1, 0)} tokens in ${number(`${at}.loads`, 1, 0)} loads, link ${share(`${at}.link_busy_fraction`)} busy; ${number(`${at}.used_blocks`, 1, 0)} of ${number(`${at}.total_blocks`, 1, 0)} blocks used`,
    ]
  })
  if (result.adapter_loads !== undefined)
    facts.push(['Adapters', `${number('adapter_loads', 1, 0)} loads`])
  return facts
}

function warmup(result: AlgorithmSummary): string {
  const { value } = metric(result, 'warmup_requests')
  return value === null || value === 0 ? '' : `; ${formatNumber(value, 0)} before them as warm-up`
}

/** Requests that were lost or called off, and those sent again, where there are any. */
function losses(result: AlgorithmSummary, number: Show): string {
  const counted = (
    [
      ['failed_requests', `failed${reasons(result, 'failed_by_reason')}`],
      ['timed_out_requests', 'timed out'],
      ['unsent_requests', 'never sent (a turn before them was not completed)'],
      ['retries', 'retries'],
    ] as const
  ).filter(([path]) => (metric(result, path).value ?? 0) > 0)
  return counted.map(([path, words]) => `, ${number(path, 1, 0)} ${words}`).join('')
}

function reasons(
  result: AlgorithmSummary,
  counts: 'rejected_by_reason' | 'failed_by_reason',
): string {
  const names = Object.keys(result[counts])
  if (names.length === 0) return ''
  const parts = names.map((name) => {
    const { value } = metric(result, `${counts}.${name}`)
    return `${name} ${formatNumber(value ?? 0, 0)}`
  })
  return ` (${parts.join(', ')})`
}
