import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT, routesim } from '../testing/command.js'

const TRACE = join(ROOT, '../shared/traces/mooncake/conversation_trace.jsonl.gz')
const isMissing = !existsSync(TRACE)

test.skipIf(isMissing)(
  `the published Mooncake trace: nothing is lost, prefix_overlap reuses most${isMissing ? ' (skipped: ../shared has no traces)' : ''}`,
  async () => {
    const algorithms = 'round_robin,least_outstanding,prefix_overlap,session_affinity'
    const args = ['compare', '-c', join(ROOT, 'configs/mooncake.toml'), '-t', TRACE]
    const { code, stdout } = await routesim([...args, '-A', algorithms, '--format', 'json'])
    expect(code).toBe(0)
    const results = JSON.parse(stdout) as {
      algorithm: string
      completed_requests: number
      rejected_requests: number
      warmup_requests: number
      unfinished_requests: number
      token_hit_rate: number
    }[]
    expect(results.map(({ algorithm }) => algorithm).join()).toBe(algorithms)
    for (const result of results) {
      const { completed_requests, rejected_requests, warmup_requests } = result
      expect(completed_requests + rejected_requests + warmup_requests).toBe(12_031)
      expect(result.unfinished_requests).toBe(0)
    }
    const [best] = results.toSorted((a, b) => b.token_hit_rate - a.token_hit_rate)
    expect(best!.algorithm).toBe('prefix_overlap')
  },
)
