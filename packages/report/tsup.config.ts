import { cpSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { build, defineConfig } from 'tsup'
import { library } from '../../tsup.config.base.js'

const production = { 'process.env.NODE_ENV': '"production"' }

/** What runs in the page of a report, with the chart library in it. */
async function buildClient(): Promise<void> {
  await build({
    config: false,
    entry: { client: 'src/client/client.ts' },
    format: ['iife'],
    platform: 'browser',
    target: 'es2020',
    minify: true,
    dts: false,
    silent: true,
    noExternal: [/.*/],
    define: production,
    outExtension: () => ({ js: '.js' }),
  })
}

/**
 * The font of pictures, and the licences of what is bundled, since it is not installed with us. In no file or folder
 * called a licence: pnpm would take it for ours and leave ours out.
 */
function copyAssets(): void {
  const here = createRequire(import.meta.url)
  const echarts = join(dirname(here.resolve('echarts')), '..')
  const zrender = join(dirname(createRequire(join(echarts, 'index.js')).resolve('zrender')), '..')
  const font = dirname(here.resolve('dejavu-fonts-ttf/package.json'))
  mkdirSync('dist/fonts', { recursive: true })
  mkdirSync('dist/notices', { recursive: true })
  cpSync(join(font, 'ttf/DejaVuSans.ttf'), 'dist/fonts/DejaVuSans.ttf')
  cpSync(join(font, 'LICENSE'), 'dist/notices/dejavu-fonts.txt')
  cpSync(join(echarts, 'LICENSE'), 'dist/notices/echarts.txt')
  cpSync(join(echarts, 'NOTICE'), 'dist/notices/echarts-notice.txt')
  cpSync(join(zrender, 'LICENSE'), 'dist/notices/zrender.txt')
}

export default defineConfig({
  ...library,
  define: production,
  onSuccess: async () => {
    copyAssets()
    await buildClient()
  },
})
