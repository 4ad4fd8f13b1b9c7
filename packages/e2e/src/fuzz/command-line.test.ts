import { RandomStream } from '@routesim/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { directoryWith } from '../testing/command.js'
import { inProcess } from '../testing/in-process.js'

const at = directoryWith({
  'c.toml':
    '[cluster]\nnum_backends = 2\nkv_cache_blocks = 512\n[trace]\nrate = 10\nduration_sec = 2\ngen_tokens_mean = 5',
  'bad.toml': '[cluster]\nnum_backends = 0',
  't.jsonl':
    '{"ts":0,"prompt_tokens":5,"gen_tokens":5}\n{"ts":9,"prompt_tokens":50,"gen_tokens":5}\n',
  'bad.jsonl': '{"ts":0,"prompt_tokens":"5","gen_tokens":5}\n',
  'r.js': 'export default 3',
})

const home = process.cwd()
// Some of the mutated lines write files with odd names.
beforeAll(() => process.chdir(at('.')))
afterAll(() => process.chdir(home))

const LINES = [
  `run -c ${at('c.toml')} -t ${at('t.jsonl')} -a least_kv --format json`,
  `run --config=${at('c.toml')} --seed 3 -o ${at('r.csv')}`,
  `compare -c ${at('c.toml')} -A round_robin,prefix_aware:cache_weight=0.5,ties=first --seeds 2`,
  `compare -c ${at('c.toml')} -A random,power_of_two --format md --on-error skip --trace-format otel`,
  `sweep -c ${at('c.toml')} --rates 5,10 --duration 2 -a random --format csv`,
  `capacity -c ${at('c.toml')} --slo-ttft 500 -a random --duration 2 --precision 0.5 --format csv`,
  `whatif -c ${at('c.toml')} --set cluster.num_backends=3 --to least_kv --seeds 2 --format md`,
  `gen-trace --rate 10 --duration 2 --generator bursty --num-prefixes 2 --seed 4 -o ${at('g.jsonl')}`,
  `convert -i ${at('t.jsonl')} -f compact_jsonl --to mooncake --block-size 16 -o ${at('m.jsonl')}`,
  'list-algorithms --format json',
]
const WORDS = [
  '-c',
  '-t',
  '-a',
  '-A',
  '-o',
  '-h',
  '-V',
  '-x',
  '--',
  '---',
  '-',
  '--seed',
  '--seeds',
  '--rates',
  '--debug',
  '--format',
  '--help',
  '--help=no',
  '--version',
  '--no-debug',
  '--a.b',
  '--__proto__',
  '--constructor=1',
  '--$0',
  '--_',
  'run',
  'compare',
  'demoo',
  'help',
  '0',
  '-1',
  '1e9',
  '1e400',
  'NaN',
  '0x10',
  ',',
  ':',
  '=',
  'a:b=c',
  '"',
  "'",
  '\u0000',
  'é',
  '\n',
  '*',
  '..',
  at('bad.toml'),
  at('bad.jsonl'),
  at('r.js'),
  at('.'),
  at('none/x'),
  'table',
  'otel',
]

test('900 mutated command lines end in a result or in an error that says what is wrong', async () => {
  const random = new RandomStream(5, 'command-line-fuzz')
  const codes = [0, 0, 0]
  for (let i = 0; i < 900; i++) {
    const args = LINES[i % LINES.length]!.split(' ')
    for (let n = random.integer(3); n >= 0; n--) mutate(args, random)
    // Standard input is that of the test, and the demo takes a while.
    if (args.includes('demo') || args.join(' ').match(/(-t|-i|--trace|--input)[ =]-( |$)/)) continue
    const { code, stdout, stderr } = await inProcess(args)
    const line = args.join(' ')
    expect([0, 1, 2], line).toContain(code)
    codes[code!]!++
    expect(stderr, line).not.toMatch(/unexpected error|undefined|\[object/)
    if (!args.some((arg) => arg.startsWith('--debug'))) expect(stderr, line).not.toMatch(/^ +at /m)
    if (code !== 0) {
      expect(stderr, line).toMatch(/error: \S/)
      expect(stdout, line).toBe('')
    }
  }
  expect(Math.min(...codes)).toBeGreaterThan(10)
})

function mutate(args: string[], random: RandomStream): void {
  const at = random.integer(args.length)
  const word = WORDS[random.integer(WORDS.length)]!
  switch (random.integer(6)) {
    case 0:
      args.splice(at, 1)
      break
    case 1:
      args.splice(at, 0, word)
      break
    case 2:
      args.splice(at, 0, args[at] ?? word)
      break
    case 3:
      args[at] = (args[at] ?? '').slice(0, random.integer(8))
      break
    case 4:
      args.push(word)
      break
    default:
      args[at] = word
  }
  if (args.length === 0) args.push(word)
}
