import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { directoryWith, routesim } from '../testing/command.js'
import { inProcess } from '../testing/in-process.js'

const CLUSTER = '[cluster]\nnum_backends = 2\n'
const TRAFFIC = '[trace]\nrate = 10\nduration_sec = 4\n'
const at = directoryWith({
  'good.toml': CLUSTER + TRAFFIC,
  'no-trace.toml': CLUSTER,
  'gpu.toml': `${CLUSTER}gpu_type = "H1000"\n${TRAFFIC}`,
  'key.toml': `${CLUSTER}max_batch_tokenz = 5\n${TRAFFIC}`,
  'block.toml': `${CLUSTER}kv_block_size = 0\n${TRAFFIC}`,
  'table.toml': `${CLUSTER}[algorithms.prefix_awar]\nties = "first"\n${TRAFFIC}`,
  'parameter.toml': `${CLUSTER}[algorithms.prefix_aware]\ncache_wieght = 1\n${TRAFFIC}`,
  'huge.toml': `${CLUSTER}[trace]\nrate = 1e9\nduration_sec = 1000`,
  'free.toml': `${CLUSTER}[cluster.compute_model]\nkind = "affine"\nbase_ms = 0\nprefill_ms_per_token = 0\ndecode_ms_per_request = 0\n${TRAFFIC}`,
  'generator.toml': `${CLUSTER}${TRAFFIC}cv = 2\n`,
  'warmup.toml': `[simulation]\nwarmup_requests = 5000\n${CLUSTER}${TRAFFIC}`,
  'named.toml': `${CLUSTER}${TRAFFIC}[compare]\nalgorithms = ["bogus"]\n`,
  'empty.jsonl': '',
  'comments.jsonl': '# nothing\n\n',
  'two.jsonl':
    '{"ts":0,"prompt_tokens":5,"gen_tokens":5}\n{"ts":1,"prompt_tokens":5,"gen_tokens":5}\n',
  'bad.jsonl':
    '{"ts":0,"prompt_tokens":5,"gen_tokens":5}\n{"ts":1,"prompt_tokens":-5,"gen_tokens":5}\n',
  'cut.gz': gzipSync('{"ts":0,"prompt_tokens":5,"gen_tokens":5}\n'.repeat(50)).subarray(0, 40),
  'noise.gz': Uint8Array.of(0x1f, 0x8b, 7, 7, 7, 7),
})
const good = `-c ${at('good.toml')}`
const run = (config: string): string => `run -c ${at(config)}`

test.each([
  // The command line itself: exit code 2.
  ['', 2, 'a command is missing'],
  ['bogus', 2, 'unknown command "bogus"; expected one of run, compare,'],
  [`comprae ${good}`, 2, 'unknown command "comprae"; did you mean "compare"?'],
  ['run', 2, '--config is required'],
  ['run --confg x.toml', 2, 'unknown option --confg; did you mean --config?'],
  ['results show --format x', 2, 'unknown option --format'],
  ['run -c', 2, '-c: expected a value, got none'],
  [`run ${good} --algoritm x`, 2, 'unknown option --algoritm; did you mean --algorithm?'],
  [`run ${good} --algo x`, 2, 'unknown option --algo; did you mean --algorithm?'],
  [`compare ${good} --slo 9`, 2, 'did you mean --slo-ttft or --slo-tpot or --slo-e2e?'],
  [`run ${good} -x`, 2, 'unknown option -x'],
  [`run ${good} --config.x y`, 2, 'unknown option --config.x; did you mean --config?'],
  [`run ${good} extra`, 2, 'unexpected argument "extra"'],
  [`run ${good} --seed=`, 2, '--seed: expected a value, got an empty one'],
  [`run ${good} --seed abc`, 2, '--seed: expected a number, got "abc"'],
  [`run ${good} -j abc`, 2, '-j: expected a number, got "abc"'],
  ['results', 2, '<action> is required\n<logs..> is required'],
  ['results merge', 2, 'error: <logs..> is required'],
  ['new router', 2, '<name> is required'],
  ['trace stats', 2, '<file> is required'],
  [`run ${good} -o ${at('good.toml')}`, 2, 'good.toml is what is read; name another file'],
  [`run ${good} --decisions ${at('good.toml')}`, 2, 'good.toml is what is read'],
  [`run ${good} -o x.html --report ./x.html`, 2, '--output and --report: expected two files'],
  [`run ${good} -o ${at('none/x.json')}`, 1, 'none'],
  [`run ${good} --seed -1`, 2, '--seed: expected an integer >= 0, got -1'],
  [`run ${good} --seeds 1000000000`, 2, '--seeds: expected an integer from 1 to 10000, got'],
  [`run ${good} --format jso`, 2, '--format: expected one of table, json, csv, md, got "jso"; did'],
  [`compare ${good} -A ,`, 2, '--algorithms: expected at least one name, got ","'],
  [`sweep ${good}`, 1, 'expected something to go through'],
  [`sweep ${good} --rates 5,0`, 2, '--rates: expected numbers > 0 such as 50,100,200, got "0"'],
  [`sweep ${good} --rates 5,x`, 2, '--rates: expected numbers > 0 such as 50,100,200, got "x"'],
  [`sweep ${good} --rates 5 --duration 0`, 2, '--duration: expected a number > 0, got 0'],
  [`sweep ${good} --rates 5 -a ,`, 2, '--algorithms: expected at least one name, got ","'],
  ['gen-trace', 2, '--output is required'],
  ['gen-trace -o - --rate 1e9', 2, '--duration: expected time for at most 100000000 requests, got'],
  ['gen-trace -o - --rate -5', 2, '--rate: expected a number > 0, got -5'],
  ['gen-trace -o - --generator poison', 2, 'got "poison"; did you mean "poisson"?'],
  ['convert -i x', 2, '--output is required'],
  [
    `convert -i ${at('bad.jsonl')} -o - --block-size 0`,
    2,
    '--block-size: expected an integer >= 1',
  ],
  // So are names and values that only the libraries know.
  [`run ${good} -a prefix_aware(`, 2, 'router "prefix_aware(": expected name(router)'],
  [`run ${good} --visibility nope`, 2, '--visibility "nope": expected a profile of exact,'],
  [
    `run ${good} --visibility llm-d:foo`,
    2,
    '--visibility "llm-d:foo": expected parameter=value, got "foo"',
  ],
  [`run ${good} --visibility :x`, 2, '--visibility ":x": expected the name of a profile, got none'],
  [`run ${good} --visibility llm-d:foo=1`, 2, '--visibility "llm-d:foo=1": expected a key of'],
  [`run ${good} --rate 5`, 2, '--rate: expected nothing without other arrivals, got 5'],
  [`run ${good} --arrivals at_once`, 2, '--arrivals: expected requests that are read'],
  [`sweep ${good} --set foo=1`, 2, '--set foo: unknown key; expected one of simulation, cluster,'],
  [`sweep ${good} --set cluster.num_backend=1,2`, 2, '--set cluster.num_backend: unknown key; did'],
  [`sweep ${good} --set cluster.num_backends=0,-1`, 2, '--set cluster.num_backends: expected an'],
  [
    `sweep ${good} --set cluster.num_backends=1..4`,
    2,
    '--set cluster.num_backends: expected steps',
  ],
  [`sweep ${good} --set algorithms.prefix_aware.tie=first,random`, 2, 'Did you mean "ties"?'],
  [`sweep ${good} --rates 1 --shard 5/2`, 2, '--shard: expected 0/2 to 1/2, got 5/2'],
  [`sweep ${good} --rates 1 --queue nonsense`, 2, '--queue: expected an address such as redis://'],
  [`sweep ${good} --rates 1 --sample random`, 2, '--sample: expected points beside random, got'],
  [`sweep ${good} --rates 1 --points 3`, 2, '--points: expected none for a grid, got 3'],
  ['worker --queue nonsense', 2, '--queue: expected an address such as redis://localhost:6379'],
  [`run ${good} -- foo`, 2, 'unexpected argument "foo" after --'],
  [`-- run ${good}`, 2, 'unexpected argument "run" after --'],
  [`run ${good} --detail=maybe`, 2, '--detail: expected no value, true or false, got "maybe"'],
  [
    `compare ${good} -A random,,round_robin`,
    2,
    '--algorithms: expected a name between commas, got',
  ],
  [`run ${good} -a random,round_robin`, 2, '--algorithm: expected one algorithm, got random and'],
  [
    `tune ${good} -a random,preble`,
    2,
    '--algorithm: expected one algorithm, got random and preble',
  ],
  [
    `tune ${good} -a random+preble`,
    2,
    '--algorithm: expected one algorithm, got random and preble',
  ],
  [`tune ${good} -a preble --only a,,b`, 2, '--only: expected a name between commas, got "a,,b"'],
  [`sweep ${good} --rates 2,2`, 2, '--rates: expected rates that differ, got 2 twice'],
  [`sweep ${good} --set cluster.num_backends=2,4,2`, 2, 'expected values that differ, got 2 twice'],
  [
    `sweep ${good} --set cluster.num_backends=4 --set cluster.num_backends=8`,
    2,
    '--set cluster.num_backends: expected it once, got "4" and "8"',
  ],
  [
    `whatif ${good} --set cluster.num_backends=4;cluster.num_backends=4`,
    2,
    '--set cluster.num_backends: expected it once, got "4" and "4"',
  ],
  [`tune ${good} -a preble --range a=1,2 --range a=2,3`, 2, '--range a: expected it once, got'],
  [`tune ${good} -a preble --range a=1,2;a=2,3`, 2, '--range a: expected it once, got "1,2" and'],
  ['trace pull nope', 2, 'nope: expected one of mooncake:conversation,'],
  // Bounds are told to who goes beyond them.
  [
    `run ${good} --seed 1e30`,
    2,
    '--seed: expected an integer from 0 to 9007199254730991, got 1e+30',
  ],
  [
    `run ${good} --rate 1e12`,
    2,
    '--rate: expected a number > 0 and <= 1000000000, got 1000000000000',
  ],
  [`sweep ${good} --rates 1e12`, 2, '--rates: expected numbers > 0 and <= 1000000000 such as 50,'],
  [
    `sweep ${good} --rates 1 --duration 1e12`,
    2,
    '--duration: expected a number > 0 and <= 1000000',
  ],
  ['gen-trace -o - --seed 1e30', 2, '--seed: expected an integer from 0 to 9007199254730991, got'],
  [
    `trace stats ${at('two.jsonl')} --block-size 1e12`,
    2,
    'expected an integer from 1 to 2147483647',
  ],
  [
    `synthesize -i ${at('two.jsonl')} -o - --min-osl 9 --max-osl 5`,
    2,
    'at most --max-osl, 5, got 9',
  ],
  // A name that promises another format than is written.
  [`run ${good} -o x.pdf`, 2, '--output: expected a name that ends in .json, .csv or .md, got'],
  [`run ${good} --report x.pdf`, 2, '--report: expected a name that ends in .html or .htm, got'],
  [`run ${good} --samples x.md --sample-interval 1`, 2, '--samples: expected a name that ends in'],
  [`explain ${good} -o x.json`, 2, '--output: expected a name that ends in .txt, got "x.json"'],
  ['gen-trace -o x.csv', 2, 'Or say --format azure, csv, burstgpt or blis.'],
  [`convert -i ${at('bad.jsonl')} -o x.csv`, 2, 'Or say --to azure, csv, burstgpt or blis.'],
  [`synthesize -i ${at('bad.jsonl')} -o x.csv`, 2, '--output: expected a name that ends in .jsonl'],
  [`trace edit ${at('two.jsonl')} -o x.csv`, 2, '--output: expected a name that ends in .jsonl'],
  [`trace fit ${at('two.jsonl')} -o x.csv`, 2, '--output: expected a name that ends in .toml, got'],
  ['results merge a.jsonl -o x.csv', 2, '--output: expected a name that ends in .jsonl, .ndjson'],
  // What it names: exit code 1.
  [run('none.toml'), 1, 'none.toml: no such file'],
  [`run -c ${at('.')}`, 1, ': expected a file, got a directory'],
  [run('no-trace.toml'), 1, 'trace: expected a trace file or a generator, got none'],
  [run('gpu.toml'), 1, 'cluster.gpu_type: unknown GPU "H1000": did you mean "H100 SXM"?'],
  [
    run('key.toml'),
    1,
    ':3:1 cluster.max_batch_tokenz: unknown key; did you mean "max_batch_tokens"?',
  ],
  [run('block.toml'), 1, ':3:1 cluster.kv_block_size: expected an integer >= 1, got 0'],
  [run('table.toml'), 1, 'algorithms.prefix_awar: unknown algorithm; did you mean "prefix_aware"?'],
  [run('parameter.toml'), 1, 'algorithms.prefix_aware.cache_wieght: unknown parameter'],
  [`${run('parameter.toml')} -a prefix_aware:ties=first`, 1, 'cache_wieght: unknown parameter'],
  [`compare -c ${at('named.toml')}`, 1, 'unknown router "bogus"'],
  [
    run('huge.toml'),
    1,
    'trace.duration_sec: expected time for at most 100000000 requests, got time',
  ],
  [
    run('free.toml'),
    1,
    'cluster.compute_model.prefill_ms_per_token: expected a number > 0 because base_ms',
  ],
  [run('generator.toml'), 1, 'trace.cv: expected nothing, as it belongs to the generator gamma'],
  [run('warmup.toml'), 1, 'warm-up leaves nothing to measure'],
  [`run ${good} -a round_robbin`, 2, 'Did you mean "round_robin"?'],
  [`run ${good} -a prefix_aware:cache_wieght=1`, 2, 'Did you mean "cache_weight"?'],
  [`compare ${good} -A round_robin,bogus`, 2, 'unknown router "bogus"'],
  [
    `compare ${good} -A random,random`,
    2,
    '--algorithms: expected names that differ, got random twice',
  ],
  [`sweep ${good} --rates 5 -a bogus`, 2, 'unknown router "bogus"'],
  [`run ${good} -t ${at('none.jsonl')}`, 1, 'none.jsonl: no such file'],
  [`run ${good} -t ${at('.')}`, 1, 'bad.jsonl:2: prompt_tokens: expected an integer >= 1, got -5'],
  [`run ${good} -t ${at('empty.jsonl')}`, 1, 'expected at least one request, got none'],
  [`run ${good} -t ${at('comments.jsonl')}`, 1, 'expected at least one request, got none'],
  [
    `run ${good} -t ${at('bad.jsonl')}`,
    1,
    'bad.jsonl:2: prompt_tokens: expected an integer >= 1, got -5',
  ],
  [`run ${good} -t ${at('cut.gz')}`, 1, 'cut.gz: expected a whole gzip file, got: unexpected end'],
  [`run ${good} -t ${at('noise.gz')}`, 1, 'noise.gz: expected a whole gzip file, got'],
  [`run ${good} -o ${at('none/x.json')}`, 1, 'x.json: can not be written'],
  [`run ${good} -o ${at('.')}`, 1, 'expected a file, got a directory'],
  [
    `gen-trace --duration 1 -o ${at('none/x.jsonl')}`,
    1,
    'none/x.jsonl: can not be written: there is no',
  ],
  [`sweep ${good} --rates 5 --log ${at('.')}`, 1, '(JSON lines), got a directory\nName a file,'],
  [`sweep ${good} --rates 5 --log ${at('none/l')}`, 1, 'none/l: there is no folder'],
  [`convert -i ${at('none.jsonl')} -o -`, 1, 'none.jsonl: no such file'],
  [`plot ${at('none.json')}`, 1, 'none.json: no such file'],
])('routesim %s', async (line, code, complaint) => {
  const outcome = await inProcess(line.split(' ').filter(Boolean))
  expect(outcome.stderr).toContain(complaint)
  expect(outcome.stderr).not.toMatch(/^ +at |undefined|\[object|unexpected error/m)
  expect(outcome.stderr.trim().split('\n').length).toBeLessThanOrEqual(3)
  expect(outcome.stdout).toBe('')
  expect(outcome.code).toBe(code)
})

test('--debug shows where an error came from', async () => {
  const { code, stderr } = await routesim(['run', '--debug', '-c', 'none.toml'])
  expect(code).toBe(1)
  expect(stderr).toMatch(/^ +at .*readConfig/m)
})

test('messages and exit codes are those of the process, in any language of the system', async () => {
  const env = { LC_ALL: 'de_DE.UTF-8', LANG: 'de_DE.UTF-8' }
  const [usage, failure, empty] = await Promise.all([
    routesim(['run'], { env }),
    routesim(['run', '-c', 'none.toml'], { env }),
    routesim(['run', '-c', at('good.toml'), '-t', '-'], { env }),
  ])
  const stdout = ''
  const stderr = 'error: --config is required\nSee routesim run --help\n'
  expect(usage).toEqual({ code: 2, stdout, stderr })
  expect(failure).toEqual({ code: 1, stdout, stderr: 'error: none.toml: no such file\n' })
  expect(empty).toMatchObject({ code: 1, stdout })
  expect(empty.stderr).toBe('error: <stdin>: expected at least one request, got none\n')
})
