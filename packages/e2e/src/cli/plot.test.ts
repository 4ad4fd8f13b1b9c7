import { readFileSync } from 'node:fs'
import { inflateSync } from 'node:zlib'
import { beforeAll, expect, test } from 'vitest'
import { directoryWith, routesim } from '../testing/command.js'

const ratios = (ttft: number[]) =>
  JSON.stringify({
    prefix_ratios: [0.1, 0.5, 0.9],
    ttft_values: ttft,
    throughput_values: [9, 8, 7],
  })
const at = directoryWith({
  'c.toml': '[cluster]\nnum_backends = 2\n[trace]\nrate = 10\nduration_sec = 20\nnum_prefixes = 3',
  'kv.json': ratios([300, 200, 100]),
  'rr.json': ratios([300, 290, 280]),
  'evil.json': JSON.stringify({
    algorithm: '<script>alert(1)</script>&"',
    ttft: { p50: 1, p90: 2, p99: 3 },
    per_backend: [],
  }),
  'other.json': '{"some":"thing"}',
  'no.json': 'no',
})
const plot = (...args: string[]) => routesim(['plot', ...args], { env: { LC_ALL: 'C.UTF-8' } })

beforeAll(async () => {
  const shared = ['-c', at('c.toml'), '-A', 'round_robin,random']
  await routesim(['compare', ...shared, '-o', at('plain.json')])
  await routesim(['compare', ...shared, '--detail', '-o', at('detail.json')])
})

test('--detail adds to results and changes none', () => {
  const [plain, detailed] = ['plain.json', 'detail.json'].map(
    (name) => JSON.parse(readFileSync(at(name), 'utf8')) as { detail?: object }[],
  )
  expect(detailed!.map(({ detail: _, ...rest }) => rest)).toEqual(plain)
  expect(detailed!.every(({ detail }) => detail !== undefined)).toBe(true)
})

test('draws an SVG with its names as text, the same bytes each time', async () => {
  const pictures: string[] = []
  for (const name of ['a.svg', 'b.svg']) {
    const { code, stderr } = await plot(at('detail.json'), '-o', at(name))
    expect({ code, stderr }).toEqual({ code: 0, stderr: `Wrote ${at(name)}\n` })
    pictures.push(readFileSync(at(name), 'utf8'))
  }
  expect(pictures[0]).toBe(pictures[1])
  expect(pictures[0]).toMatch(/^<svg /)
  expect(pictures[0]).toContain('>round_robin</text>')
  expect(pictures[0]).toContain('Time to first token')
})

test('a PNG has its text: black pixels where the title is', async () => {
  const { code, stderr } = await plot(at('detail.json'), '-k', 'ttft', '-o', at('t.png'))
  expect(stderr).toBe(`Wrote ${at('t.png')}\n`)
  expect(code).toBe(0)
  const { width, pixel } = pixelsOf(readFileSync(at('t.png')))
  expect(width).toBe(1440)
  let dark = 0
  for (let y = 12; y < 50; y++) {
    for (let x = 20; x < 500; x++) if (pixel(x, y).every((value) => value < 100)) dark++
  }
  expect(dark).toBeGreaterThan(500)
})

test("draws Dynamo's comparison of prefix ratios as two panels, from its files or from ours", async () => {
  await plot(at('kv.json'), at('rr.json'), '-o', at('dynamo.svg'))
  const svg = readFileSync(at('dynamo.svg'), 'utf8')
  for (const text of ['>kv</text>', '>rr</text>', 'Mean TTFT by prefix ratio']) {
    expect(svg).toContain(text)
  }
  expect(svg.match(/<svg /g)).toHaveLength(3)
  const words = [`0.1=${at('plain.json')}`, `0.9=${at('detail.json')}`]
  const { stdout } = await plot(...words)
  expect(stdout).toContain('Output tokens per second by prefix ratio')
  expect(stdout).toContain('a round_robin')
})

test('charts of a shell fit it, and have letters without colours', async () => {
  const { stdout } = await plot(at('detail.json'), '-k', 'ttft')
  const lines = stdout.split('\n')
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80)
  expect(lines.slice(1, 3)).toEqual(['a round_robin', 'b random'])
  expect(stdout).not.toContain(String.fromCharCode(27))
  const ascii = await routesim(['plot', at('detail.json')], { env: { LC_ALL: 'C', LANG: 'C' } })
  expect([...ascii.stdout].every((character) => character < '\u007f')).toBe(true)
})

test('--perfetto writes a timeline of every request and step', async () => {
  const run = ['run', '-c', at('c.toml'), '--format', 'json']
  const { stdout, stderr } = await routesim([...run, '--perfetto', at('trace.json')])
  expect(stderr).toContain(`Wrote ${at('trace.json')}`)
  const { completed_requests, total_requests } = JSON.parse(stdout) as Record<string, number>
  const { traceEvents } = JSON.parse(readFileSync(at('trace.json'), 'utf8')) as {
    traceEvents: { ph: string; name: string; cat?: string; dur?: number }[]
  }
  const prefills = traceEvents.filter(({ ph, name }) => ph === 'b' && name === 'prefill')
  expect(prefills.length).toBe(completed_requests)
  expect(completed_requests).toBe(total_requests)
  const steps = traceEvents.filter(({ cat }) => cat === 'step')
  expect(steps.length).toBeGreaterThan(100)
  for (const { dur } of steps) expect(dur).toBeGreaterThan(0)
  const refused = await routesim([...run, '--seeds', '2', '--perfetto', at('x.json')])
  expect(refused.code).toBe(2)
})

test('names are escaped', async () => {
  await plot(at('evil.json'), '-o', at('evil.svg'))
  const svg = readFileSync(at('evil.svg'), 'utf8')
  expect(svg).not.toContain('<script')
  expect(svg).toContain('&lt;script&gt;')
})

test.each([
  [['no.json'], 'no.json: expected a JSON file'],
  [
    ['other.json'],
    'other: expected results of run, compare, sweep or validate as JSON, got an object with some',
  ],
  [['plain.json', '-k', 'timeline'], 'nothing to draw as "timeline" in these results'],
  [['plain.json', '-k', 'pareto'], 'It takes results of sweep.'],
])('%j is refused with a reason', async ([file, ...rest], message) => {
  const { code, stderr } = await plot(at(file!), ...rest)
  expect(code).toBe(1)
  expect(stderr).toContain(message)
})

test('a picture of an unknown kind is wrong usage', async () => {
  const { code, stderr } = await plot(at('plain.json'), '-o', at('x.gif'))
  expect(code).toBe(2)
  expect(stderr).toContain('expected a name that ends in .svg, .png or .html')
})

/** Decodes a PNG of 8 bits and 3 or 4 channels. */
function pixelsOf(png: Buffer): { width: number; pixel: (x: number, y: number) => number[] } {
  const parts: Buffer[] = []
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') {
      parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)))
    }
  }
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)]
  const channels = png[25] === 6 ? 4 : 3
  const raw = inflateSync(Buffer.concat(parts))
  const stride = width * channels
  const out = Buffer.alloc(stride * height)
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)]!
    for (let i = 0; i < stride; i++) {
      const left = i < channels ? 0 : out[y * stride + i - channels]!
      const up = y === 0 ? 0 : out[(y - 1) * stride + i]!
      const corner = i < channels || y === 0 ? 0 : out[(y - 1) * stride + i - channels]!
      const predicted = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter]!
      out[y * stride + i] = raw[y * (stride + 1) + 1 + i]! + predicted
    }
  }
  const pixel = (x: number, y: number): number[] => [
    ...out.subarray(y * stride + x * channels, y * stride + x * channels + 3),
  ]
  return { width, pixel }
}

function paeth(left: number, up: number, corner: number): number {
  const [a, b, c] = [
    Math.abs(up - corner),
    Math.abs(left - corner),
    Math.abs(left + up - 2 * corner),
  ]
  return a <= b && a <= c ? left : b <= c ? up : corner
}
