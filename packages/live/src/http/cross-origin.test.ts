import { afterEach, expect, test } from 'vitest'
import { checkRouterConfig } from '../router/router-config.js'
import { LiveFleet } from '../testing/live-fleet.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

const PAGE = 'https://app.example.com'

/** What a browser does before it sends a request with a key and JSON. */
const asked = (url: string, origin = PAGE) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    },
  })
const sent = (url: string, origin: string, key = '') =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { origin, authorization: `Bearer ${key}` },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'x' }], stream: true }),
  })
const originIn = ({ headers }: Response) => headers.get('access-control-allow-origin')

test('any page may send requests by default, with a key where one is asked for, and read what is said', async () => {
  const router = await fleet.router([await fleet.workers(1)], {}, { apiKey: 'secret' })
  const preflight = await asked(router.url)
  expect(preflight.status).toBe(204)
  expect(Object.fromEntries(preflight.headers)).toMatchObject({
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': 'authorization,content-type',
  })
  expect(preflight.headers.has('access-control-allow-credentials')).toBe(false)
  const answer = await sent(router.url, PAGE, 'secret')
  expect([answer.status, originIn(answer), answer.headers.get('x-routesim-worker')]).toEqual([
    200,
    '*',
    '0',
  ])
  expect(await answer.text()).toContain('[DONE]')
  const refused = await sent(router.url, PAGE)
  expect([refused.status, originIn(refused)]).toEqual([401, '*'])
  // Of the admin port, which asks for no key, nobody hears anything.
  const admin = await fetch(`${router.adminUrl}/workers`, { headers: { origin: PAGE } })
  expect(originIn(admin)).toBeNull()
})

test('origins that are named are the only ones, whatever a worker says, and may change at a reload', async () => {
  const says = { 'access-control-allow-origin': '*', 'content-type': 'text/event-stream' }
  const worker = await fleet.workerThatSays(200, says, ['data: {"choices":[]}\n\n'])
  const { workers } = worker
  const router = await fleet.router([worker], { allowed_origins: [PAGE] })
  expect(originIn(await asked(router.url))).toBe(PAGE)
  const [own, other] = [await sent(router.url, PAGE), await sent(router.url, 'https://else')]
  expect([originIn(own), own.headers.get('vary')]).toEqual([PAGE, 'origin'])
  expect([originIn(other), other.headers.get('vary')]).toEqual([null, 'origin'])
  expect((await asked(router.url, 'https://else')).status).toBe(405)
  await Promise.all([own.text(), other.text()])
  await router.reload(checkRouterConfig({ workers, allowed_origins: [] }))
  expect([(await asked(router.url)).status, originIn(await sent(router.url, PAGE))]).toEqual([
    405,
    null,
  ])
})

test.each(['https://a/', 'a.example.com', ''])('%j is no origin', (origin) => {
  const config = { workers: [{ url: 'http://a' }], allowed_origins: [origin] }
  expect(() => checkRouterConfig(config)).toThrow(
    `router allowed_origins.0: expected an origin such as https://app.example.com, without a path, or "*", got "${origin}"`,
  )
})
