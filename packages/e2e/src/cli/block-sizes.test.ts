import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { directoryWith } from '../testing/command.js'
import { inProcess } from '../testing/in-process.js'

/** Forty prompts of 611 tokens, which share 448, in blocks of 16. */
const lines = (line: (row: number, hash_ids: number[]) => object): string =>
  Array.from({ length: 40 }, (_, row) =>
    JSON.stringify(
      line(
        row,
        Array.from({ length: 39 }, (_, i) => (i < 28 ? i : 1000 * (row + 1) + i)),
      ),
    ),
  ).join('\n')
const at = directoryWith({
  'compact.jsonl': lines((row, hash_ids) => ({
    ...{ ts: row * 100, prompt_tokens: 611, gen_tokens: 5 },
    ...{ hash_ids, block_size: 16 },
  })),
  'bailian.jsonl': lines((row, hash_ids) => ({
    ...{ chat_id: row, parent_chat_id: -1, timestamp: row / 10 },
    ...{ input_length: 611, output_length: 5, hash_ids },
  })),
  'fleet.toml': '[cluster]\nnum_backends = 1\n',
})
const TRACES = ['compact.jsonl', 'bailian.jsonl']
const HIT_RATE = (448 * 39) / (611 * 40)
const NOTE =
  'note: blocks of 512 tokens leave out 100% of what prompts share; those of the trace have 16'

/** Runs a command that succeeds, and what it says on stderr. */
async function done(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const outcome = await inProcess(args)
  expect(outcome.code, outcome.stderr).toBe(0)
  return outcome
}

/** What a run finds in its cache, of a trace that is given without further options. */
async function hitRateOf(path: string): Promise<number> {
  const { stdout } = await done('run', '-c', at('fleet.toml'), '-t', path, '--format', 'json')
  return JSON.parse(stdout).token_hit_rate
}

test.each(TRACES)('synthesize: the hit rate of %s in blocks of 16 survives', async (name) => {
  expect(await hitRateOf(at(name))).toBeCloseTo(HIT_RATE, 2)
  for (const more of [[], ['--keep-locality'], ['--to', 'compact_jsonl'], ['--to', 'bailian']]) {
    const made = at('made.jsonl')
    const { stderr } = await done('synthesize', '-i', at(name), '-o', made, ...more)
    expect(stderr).not.toContain('tokens leave out')
    expect(await hitRateOf(made)).toBeCloseTo(HIT_RATE, 2)
  }
})

test('what synthesize writes in blocks of a size that was asked for is read by run', async () => {
  const made = at('made-64.jsonl')
  for (const to of ['mooncake', 'bailian']) {
    await done(
      'synthesize',
      '-i',
      at('compact.jsonl'),
      '-o',
      made,
      '--to',
      to,
      '--block-size',
      '64',
    )
    expect(await hitRateOf(made)).toBeCloseTo(HIT_RATE, 2)
  }
  const large = ['-i', at('compact.jsonl'), '-o', made, '--block-size', '512']
  expect((await done('synthesize', ...large)).stderr).toContain(`${NOTE} (--block-size)\n`)
  expect(await hitRateOf(made)).toBe(0)
})

test.each(TRACES)('trace stats and trace fit count %s in blocks of 16', async (name) => {
  const stats = await done('trace', 'stats', at(name), '--format', 'json')
  expect(JSON.parse(stats.stdout)).toMatchObject({ blockTokens: 16, tokenHitRate: HIT_RATE })
  const fit = await done('trace', 'fit', at(name), '-o', at('fitted.toml'))
  expect(fit.stdout).toMatch(/hit rate, of tokens +share +0\.7149 +0\.7/)
})

test.each([
  ['trace stats', '--block-size'],
  ['trace fit', '--block-size'],
  [`bench trace --max-osl 2 -c ${at('fleet.toml')} -o ${at('large')} -t`, '--trace-block-size'],
])('%s tells what is lost in larger blocks', async (command, flag) => {
  const { stderr } = await done(...command.split(' '), at('compact.jsonl'), flag, '512')
  expect(stderr).toContain(`${NOTE} (${flag})\n`)
})

test.each(TRACES)('trace edit and convert keep the blocks of %s', async (name) => {
  const path = at('kept.jsonl')
  for (const to of ['mooncake', 'bailian', 'compact_jsonl', 'agentic']) {
    for (const words of [
      ['trace', 'edit', at(name)],
      ['convert', '-i', at(name)],
    ]) {
      const { stderr } = await done(...words, '-o', path, '--to', to)
      if (to !== 'agentic') expect(stderr).not.toContain('all that prompts share')
      const { stdout } = await done('trace', 'stats', path, '--format', 'json')
      expect(JSON.parse(stdout)).toMatchObject({ blockTokens: 16, tokenHitRate: HIT_RATE })
    }
  }
})

test.each(TRACES)('bench trace: another shape of %s has its hit rate', async (name) => {
  const folder = at('bench')
  const words = ['-c', at('fleet.toml'), '--max-osl', '2', '--speedup-ratio', '20', '-o', folder]
  const { stderr } = await done('bench', 'trace', '-t', at(name), ...words)
  expect(stderr).not.toContain('tokens leave out')
  expect(await hitRateOf(join(folder, 'synthetic_trace.jsonl'))).toBeCloseTo(HIT_RATE, 2)
  const read = readFileSync(join(folder, 'profile_export_aiperf.json'), 'utf8')
  expect(JSON.parse(read).usage_prompt_cache_read_tokens.avg).toBeGreaterThan(400)
})

test('twin: another shape of a trace has its hit rate', async () => {
  const words = ['-c', at('fleet.toml'), '-t', at('compact.jsonl'), '--max-osl', '2']
  const { stdout } = await done('twin', ...words, '--speedup-ratio', '20', '--format', 'json')
  const { figures } = JSON.parse(stdout) as { figures: { metric: string; live: number }[] }
  const cached = figures.find(({ metric }) => metric === 'usage_prompt_cache_read_tokens')
  expect(cached?.live).toBeGreaterThan(400)
})
