// The pages of --report, in a real browser where there is one: charts are drawn, nothing is fetched,
// nothing of a result runs.
import { copyFileSync, readFileSync, statSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM, startBrowser } from '../testing/browser.js'
import { directoryWith, routesim } from '../testing/command.js'

const at = directoryWith({
  'c.toml': `[simulation]
name = "</script><img src=x onerror=alert(1)>"
warmup_requests = 20
[cluster]
num_backends = 8
[trace]
rate = 40
duration_sec = 60
num_prefixes = 4
prefix_len_mean = 500
turns_mean = 3
think_time_mean_sec = 5`,
  'broken.mjs': `export default {
  name: 'broken',
  description: 'Finds no way.',
  parameters: {},
  create: () => ({ route: () => { throw new Error('no <way>') } }),
}`,
  'evil.mjs': `export default {
  name: '</script><script>document.title="owned"</script><img src=x onerror="document.title=1">',
  description: 'Has a name that would run if it could.',
  parameters: {},
  create: () => ({ route: (_, { backends }) => backends[0] }),
}`,
})
const config = ['-c', at('c.toml')]
const algorithms = 'round_robin,least_outstanding,prefix_aware,session_affinity'
const pages = {
  run: ['run', ...config, '-a', 'prefix_aware'],
  compare: ['compare', ...config, '-A', algorithms],
  sweep: [
    'sweep',
    ...config,
    '-a',
    'round_robin,random',
    '--rates',
    '5,10,20,40,80',
    '--duration',
    '20',
  ],
  settings: ['sweep', ...config, '--set', 'cluster.num_backends=4,8,16', '-a', 'random,least_kv'],
  capacity: ['capacity', ...config, '--slo-ttft', '500', '--rate', '200', '--duration', '10'],
  whatif: ['whatif', ...config, '--set', 'cluster.num_backends=4'],
  tune: ['tune', ...config, '-a', 'prefix_aware', '--windows', '2', '--candidates', '4'],
  validate: ['validate', 'published-steps'],
}

/** Charts of a page that has fewer than three. */
const FEW_CHARTS: Readonly<Record<string, number>> = { capacity: 1, whatif: 1, tune: 2 }

beforeAll(async () => {
  for (const [name, args] of Object.entries(pages)) {
    const { code, stderr } = await routesim([...args, '--report', at(`${name}.html`)])
    expect(stderr).toContain(`Wrote ${at(`${name}.html`)}`)
    expect(code).toBe(0)
  }
})

test('a page of four algorithms stays under 1.5 MB, and names no address', () => {
  expect(statSync(at('compare.html')).size).toBeLessThan(1.5e6)
  const page = readFileSync(at('compare.html'), 'utf8')
  const markup = page.replaceAll(/<script.*?<\/script>/gs, '')
  const addresses = /https?:|<[^>]*\s(?:src|href)="(?!#)|@import|url\(/
  expect(addresses.exec(markup)?.[0]).toBeUndefined()
  expect(page.includes("default-src 'none'")).toBe(true)
})

test('a page says how it was made: the command, quoted, and the config', () => {
  const page = readFileSync(at('compare.html'), 'utf8')
  expect(page).toContain(`routesim compare -c ${at('c.toml')} -A ${algorithms}`)
  expect(page).toContain('think_time_mean_sec = 5')
  expect(page).toContain('&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;')
})

/** Titles of the table of results of a page. */
const titlesOf = (page: string): string[] =>
  [...page.matchAll(/<table><thead>(.*?)<\/thead>/g)]
    .map(([, head = '']) => [...head.matchAll(/<th[^>]*>(.*?)<\/th>/g)].map(([, title]) => title!))
    .find((titles) => titles.includes('Jain')) ?? []

test.each(['run', 'compare', 'sweep'] as const)(
  '%s: a page tells who met the targets, where there are any, as the terminal does',
  async (name) => {
    const args = [...pages[name], '--slo-ttft', '200', '--report', at('slo.html')]
    const { stdout } = await routesim(args)
    const page = readFileSync(at('slo.html'), 'utf8')
    expect(stdout).toMatch(name === 'run' ? /goodput/i : /SLO % +Goodput/)
    expect(titlesOf(page).slice(-3)).toEqual(['SLO met', 'Goodput', 'Rejected'])
    const without = readFileSync(at(`${name}.html`), 'utf8')
    expect(titlesOf(without).at(-1)).toBe('Rejected')
    expect(titlesOf(without)).not.toContain('Goodput')
  },
)

test('a page of a sweep names the runs that failed, and why', async () => {
  const args = ['sweep', ...config, '-a', `random,${at('broken.mjs')}`, '--rates', '5,10']
  const page = at('failed.html')
  const { code, stderr } = await routesim([...args, '--duration', '5', '--report', page])
  expect(code).toBe(1)
  expect(stderr).toContain('2 of 4 runs failed')
  const text = readFileSync(page, 'utf8')
  expect(text).toMatch(/<p>Note: 2 of 4 runs failed \(broken\).* The first error: .*no &lt;way&gt;/)
  expect(text).toMatch(/<td>broken<\/td><td class="number">10<\/td>.*no &lt;way&gt;<\/td>/)
  expect(readFileSync(at('sweep.html'), 'utf8')).not.toContain('failed (')
})

test('a page is written where every run of a sweep failed', async () => {
  const args = ['sweep', ...config, '-a', at('broken.mjs'), '--rates', '5,10', '--duration', '5']
  const page = at('all-failed.html')
  const { code, stderr } = await routesim([...args, '--report', page])
  expect(code).toBe(1)
  expect(stderr).toContain('every run failed')
  expect(readFileSync(page, 'utf8')).toMatch(
    /<p>Note: every run failed\. The first error: .*no &lt;way&gt;/,
  )
})

test('a page that can not be written is told before the work', async () => {
  const { code, stderr } = await routesim([...pages.run, '--report', at('missing/r.html')])
  expect(code).toBe(1)
  expect(stderr).toContain('can not be written')
})

describe.skipIf(CHROMIUM === undefined)('in Chromium (needs chromium)', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await startBrowser()
  })
  afterAll(() => browser.close())

  /** Opens a page; whatever it complains of or asks for is in `troubles`. */
  async function open(
    name: string,
    options: { width?: number; colorScheme?: 'light' | 'dark' } = {},
  ): Promise<{ page: Page; troubles: string[] }> {
    const { width = 1200, colorScheme = 'light' } = options
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme })
    const troubles: string[] = []
    const url = `file://${at(name)}`
    page.on('console', (message) => troubles.push(message.text()))
    page.on('pageerror', (error) => troubles.push(error.message))
    page.on('dialog', (dialog) => troubles.push(dialog.message()))
    page.on('request', (request) => {
      if (request.url() !== url) troubles.push(request.url())
    })
    await page.goto(url)
    await page.waitForFunction('document.querySelectorAll(".chart:not([data-drawn])").length === 0')
    return { page, troubles }
  }

  /** Marks (paths, texts) of every chart: an empty one has hardly any. */
  const marks = (page: Page): Promise<number[]> =>
    page.evaluate<number[]>(
      '[...document.querySelectorAll(".chart")].map((chart) => chart.querySelectorAll("svg path, svg text").length)',
    )

  test.each(Object.keys(pages))('%s: all charts are drawn, nothing complains', async (name) => {
    const { page, troubles } = await open(`${name}.html`)
    const drawn = await marks(page)
    expect(drawn.length).toBeGreaterThanOrEqual(FEW_CHARTS[name] ?? 3)
    for (const count of drawn) expect(count).toBeGreaterThan(12)
    expect(troubles).toEqual([])
    await page.close()
  })

  test('fits a phone, in the dark too', async () => {
    const { page, troubles } = await open('compare.html', { width: 360, colorScheme: 'dark' })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe(
      'rgb(18, 22, 28)',
    )
    const text = page.locator('.chart text').first()
    const dark = await text.getAttribute('fill')
    await page.emulateMedia({ colorScheme: 'light' })
    await expect.poll(() => text.getAttribute('fill')).not.toBe(dark)
    expect(troubles).toEqual([])
    await page.close()
  })

  test('long names stay within their columns and the page', async () => {
    const algorithm = 'sglang_cache_aware:cache_threshold=0.5,balance_abs=32,balance_rel=1.1'
    const copy = `${'a'.repeat(30)}_${'b'.repeat(30)}.toml`
    copyFileSync(at('c.toml'), at(copy))
    const args = ['compare', '-c', at(copy), '-A', `round_robin,${algorithm}`]
    await routesim([...args, '--report', at('long.html')])
    const { page } = await open('long.html')
    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: 900 })
      const beyond = await page.evaluate(
        '[...document.querySelectorAll("h3, p, figcaption, summary")].filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.textContent)',
      )
      expect(beyond, `at ${width} px`).toEqual([])
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
    }
    await page.close()
  })

  test('paper is light, also where the screen is dark', async () => {
    const { page, troubles } = await open('run.html', { colorScheme: 'dark' })
    const pdf = await page.pdf({ format: 'A4' })
    expect(pdf.length).toBeGreaterThan(20_000)
    await page.emulateMedia({ media: 'print' })
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe(
      'rgb(255, 255, 255)',
    )
    expect(troubles).toEqual([])
    await page.close()
  })

  test('each chart has a name, a description and a table for those who do not see it', async () => {
    const { page } = await open('run.html')
    const bare = await page.evaluate(
      '[...document.querySelectorAll("figure")].filter((figure) => !figure.querySelector("[role=img][aria-label]") || !figure.querySelector("td")).length',
    )
    expect(bare).toBe(0)
    await page.close()
  })

  test('a name that is a script is text', async () => {
    const args = ['compare', ...config, '-A', `random,${at('evil.mjs')}`]
    await routesim([...args, '--report', at('evil.html')])
    const { page, troubles } = await open('evil.html')
    expect(await page.title()).toContain('</script><img')
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.locator('td').first().textContent()).toBe('random')
    // What stands under the pointer is made by the chart library, of the same names.
    await page.locator('.chart').first().hover()
    expect(await page.locator('img').count()).toBe(0)
    expect(troubles).toEqual([])
    await page.close()
  })
})
