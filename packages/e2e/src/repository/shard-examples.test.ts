import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
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

test('the tasks of the Slurm array make the sweep together', async () => {
  const { cwd, path } = copyOf('slurm-sweep')
  const script = readFileSync(join(cwd, 'sweep.sbatch'), 'utf8')
  expect(script).toMatch(/^#SBATCH --array=0-7$/m)
  // As sbatch --array=1-3: counted from 1.
  for (const task of ['1', '2', '3', '3']) {
    const env = {
      PATH: path,
      SLURM_SUBMIT_DIR: cwd,
      SLURM_CPUS_PER_TASK: '1',
      SLURM_ARRAY_TASK_ID: task,
      SLURM_ARRAY_TASK_MIN: '1',
      SLURM_ARRAY_TASK_COUNT: '3',
    }
    const { code, stderr } = await command('bash', ['sweep.sbatch'], { cwd, env })
    expect(code, stderr).toBe(0)
  }
  await expectWhole(cwd, join(cwd, 'results'), 3)
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
