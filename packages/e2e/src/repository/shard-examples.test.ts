import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, join } from 'node:path'
import { expect, test } from 'vitest'
import { BIN, command, directoryWith, ROOT, routesim } from '../testing/command.js'

/** A copy of an example, with a `routesim` and an `npx` that are the built command. */
function copyOf(example: string): { readonly cwd: string; readonly path: string } {
  const cwd = directoryWith({})('.')
  cpSync(join(ROOT, 'examples', example), cwd, { recursive: true })
  const bin = join(cwd, 'bin')
  mkdirSync(bin)
  const run = `exec "${process.execPath}" "${BIN}"`
  writeFileSync(join(bin, 'routesim'), `#!/bin/sh\n${run} "$@"\n`)
  writeFileSync(join(bin, 'npx'), `#!/bin/sh\nshift 2\n${run} "$@"\n`)
  for (const name of ['routesim', 'npx']) chmodSync(join(bin, name), 0o755)
  return { cwd, path: `${bin}${delimiter}${process.env['PATH']}` }
}

/** The runs of all parts, as merged, beside those of one process. */
async function expectWhole(cwd: string, folder: string, parts: number): Promise<void> {
  const logs = readdirSync(folder).map((name) => join(folder, name))
  expect(logs).toHaveLength(parts)
  const whole = join(cwd, 'whole.jsonl')
  expect((await routesim(['sweep', '-c', 'sweep.toml', '--log', whole], { cwd })).code).toBe(0)
  for (const [name, given] of [['merged', logs] as const, ['once', [whole]] as const]) {
    const words = ['results', 'merge', ...given, '-o', join(cwd, `${name}.jsonl`)]
    expect((await routesim(words)).code).toBe(0)
  }
  const merged = readFileSync(join(cwd, 'merged.jsonl'), 'utf8')
  expect(merged).toBe(readFileSync(join(cwd, 'once.jsonl'), 'utf8'))
  expect(merged.trim().split('\n')).toHaveLength(24)
}

test('the tasks of the Slurm array make the sweep together, also when some are submitted again', async () => {
  const { cwd, path } = copyOf('slurm-sweep')
  const script = readFileSync(join(cwd, 'sweep.sbatch'), 'utf8')
  const [, last] = /^#SBATCH --array=0-(\d+)$/m.exec(script) ?? []
  const parts = Number(last) + 1
  expect(script).toContain(`--shard "\${SLURM_ARRAY_TASK_ID}/${parts}"`)
  const run = async (task: number, min: number, max: number, count: number): Promise<void> => {
    const env = {
      PATH: path,
      SLURM_SUBMIT_DIR: cwd,
      SLURM_CPUS_PER_TASK: '1',
      SLURM_ARRAY_TASK_ID: `${task}`,
      SLURM_ARRAY_TASK_MIN: `${min}`,
      SLURM_ARRAY_TASK_MAX: `${max}`,
      SLURM_ARRAY_TASK_COUNT: `${count}`,
    }
    const { code, stderr } = await command('bash', ['sweep.sbatch'], { cwd, env })
    expect(code, stderr).toBe(0)
  }
  const logOf = (task: number): string => join(cwd, 'results', `part-${task}.jsonl`)
  for (let task = 0; task < parts; task++) await run(task, 0, parts - 1, parts)
  // Two fail, one before it has begun, and are repeated: sbatch --array=2,5.
  const logs = [2, 5].map((task) => readFileSync(logOf(task), 'utf8'))
  writeFileSync(logOf(2), logs[0]!.split('\n').slice(0, 2).join('\n'))
  rmSync(logOf(5))
  for (const task of [2, 5]) await run(task, 2, 5, 2)
  const runsIn = (text: string): number[] =>
    text.split('\n').flatMap((line) => (line.includes('"run":') ? [JSON.parse(line).run] : []))
  for (const [i, task] of [2, 5].entries())
    expect(runsIn(readFileSync(logOf(task), 'utf8'))).toEqual(runsIn(logs[i]!))
  await expectWhole(cwd, join(cwd, 'results'), parts)
})

test('the pods of the Kubernetes Job make the sweep together', async () => {
  const { cwd, path } = copyOf('kubernetes-sweep')
  const job = readFileSync(join(cwd, 'job.yaml'), 'utf8')
  const [, completions] = /^ {2}completions: (\d+)$/m.exec(job) ?? []
  const [, shards] = /--shard auto\/(\d+)/.exec(job) ?? []
  expect(job).toMatch(/^ {2}completionMode: Indexed$/m)
  expect(shards).toBe(completions)
  const [, indented] = /^ {12}- \|\n((?: {14}.*\n)+)/m.exec(job) ?? []
  const results = join(cwd, 'results')
  mkdirSync(results)
  const script = indented!.replace(/^ {14}/gm, '').replaceAll('/results', results)
  for (let index = 0; index < Number(completions); index++) {
    const env = { PATH: path, JOB_COMPLETION_INDEX: String(index) }
    const { code, stderr } = await command('sh', ['-c', script], { cwd, env })
    expect(code, stderr).toBe(0)
  }
  await expectWhole(cwd, results, Number(completions))
})
