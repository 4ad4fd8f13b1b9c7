import { parseConfig } from '@routesim/experiments'
import { commandPrefix } from '../checkout.js'
import type { CommandBody } from '../command-body.js'
import { showComparison } from './compare.js'

/** A small chat service: conversations that grow, four system prompts, eight GPUs. */
const DEMO = `
[simulation]
name = "demo"
warmup_requests = 200

[cluster]
num_backends = 8
kv_cache_blocks = 8192

[trace]
generator = "poisson"
rate = 12
duration_sec = 240
prompt_tokens_mean = 2000
prompt_tokens_std = 1000
gen_tokens_mean = 200
gen_tokens_std = 100
num_prefixes = 4
prefix_len_mean = 1000
turns_mean = 5
think_time_mean_sec = 15
`

/** `routesim demo`: the main job without any file. */
export const demoCommand: CommandBody<object> = {
  handler: async () => {
    process.stdout.write('Which router is best for a chat service whose conversations grow?\n\n')
    await showComparison(
      { config: parseConfig(DEMO, 'demo') },
      { format: undefined, output: undefined },
    )
    const routesim = commandPrefix()
    process.stdout.write(
      [
        '',
        'Next:',
        `  ${routesim} compare -c config.toml -t your-trace.jsonl   your own traffic`,
        `  ${routesim} compare -c config.toml -A round_robin,./my-router.ts   your own router`,
        `  ${routesim} --help`,
        '',
      ].join('\n'),
    )
  },
}
