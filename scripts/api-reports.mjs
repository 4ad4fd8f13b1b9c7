// Writes packages/NAME/etc/NAME.api.md, the reviewable list of everything a package exports, from its
// built declarations. With --check, writes nothing and fails when a committed report differs.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor'

const root = fileURLToPath(new URL('..', import.meta.url))
const isCheck = process.argv.includes('--check')
const read = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '')
const quiet = { logLevel: 'none' }
const reported = { logLevel: 'none', addToApiReportFile: true }

/** The one configuration of all packages: reports only, of everything that is exported. */
const config = (folder, name, reportFolder) => ({
  projectFolder: folder,
  mainEntryPointFilePath: join(folder, 'dist/index.d.ts'),
  compiler: {
    overrideTsconfig: {
      compilerOptions: {
        target: 'ES2022',
        lib: ['ES2023'],
        module: 'NodeNext',
        moduleResolution: 'NodeNext',
        strict: true,
        skipLibCheck: true,
        types: ['node'],
      },
      files: ['dist/index.d.ts'],
    },
  },
  apiReport: {
    enabled: true,
    reportFileName: `${name}.api.md`,
    reportFolder,
    reportTempFolder: reportFolder,
  },
  docModel: { enabled: false },
  dtsRollup: { enabled: false },
  tsdocMetadata: { enabled: false },
  newlineKind: 'lf',
  messages: {
    compilerMessageReporting: { default: { logLevel: 'error' } },
    extractorMessageReporting: { default: quiet, 'ae-forgotten-export': reported },
    tsdocMessageReporting: { default: quiet },
  },
})

const names = readdirSync(join(root, 'packages')).filter(
  (name) => !JSON.parse(read(join(root, 'packages', name, 'package.json'))).private,
)
const temporary = mkdtempSync(join(tmpdir(), 'routesim-api-'))
for (const name of names) {
  const folder = join(root, 'packages', name)
  const etc = join(folder, 'etc')
  const reportFolder = isCheck ? temporary : etc
  mkdirSync(reportFolder, { recursive: true })
  const extractorConfig = ExtractorConfig.prepare({
    configObject: config(folder, name, reportFolder),
    configObjectFullPath: undefined,
    packageJsonFullPath: join(folder, 'package.json'),
  })
  const { errorCount } = Extractor.invoke(extractorConfig, {
    localBuild: true,
    messageCallback: (message) => {
      if (message.category === 'console') message.handled = true
    },
  })
  if (errorCount > 0) process.exitCode = 1
  const report = read(join(reportFolder, `${name}.api.md`))
  for (const [, it] of report.matchAll(/^\/\/ @public \(undocumented\)\n(.+)/gm)) {
    console.error(`@routesim/${name}: expected a doc comment on: ${it}`)
    process.exitCode = 1
  }
  if (isCheck && report !== read(join(etc, `${name}.api.md`))) {
    console.error(
      `packages/${name}/etc/${name}.api.md is out of date: run node scripts/dev.mjs api`,
    )
    process.exitCode = 1
  }
}
rmSync(temporary, { recursive: true })
