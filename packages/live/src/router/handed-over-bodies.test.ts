import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { LiveFleet } from '../testing/live-fleet.js'

const fleet = new LiveFleet()
const closing: (() => void)[] = []
afterEach(async () => {
  await fleet.close()
  for (const close of closing.splice(0)) close()
})

/** A worker that answers each request with this, and the bodies that came to it. */
async function listening(role: 'prefill' | 'decode', answer: string) {
  const bodies: string[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('latin1')) body += chunk
    if (request.method === 'POST') bodies.push(body)
    response.end(request.method === 'POST' ? answer : '{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => server.close())
  const { port } = server.address() as AddressInfo
  return { worker: { url: `http://127.0.0.1:${port}`, role }, bodies }
}

test('bodies for prefill and decode workers are those of the client, but for what hands the prompt over', async () => {
  const told = '{"remote_request_id": 18446744073709551615, "ids":[1.0]}'
  const prefill = await listening('prefill', `{"choices":[],"kv_transfer_params": ${told}}`)
  const decode = await listening('decode', '{"choices":[]}')
  const router = await fleet.router([{ workers: [prefill.worker, decode.worker] }])
  const rest = '"seed":1234567890123456789,"temperature":1.0,"x":1e400,"x":[9007199254740993],'
  const post = async (members: string): Promise<void> => {
    const body = Buffer.from(`{ "prompt":"h\\u00e9\xff", ${rest}${members} }`, 'latin1')
    const { status } = await fetch(`${router.url}/v1/completions`, { method: 'POST', body })
    expect(status).toBe(200)
  }
  const asked = '"kv_transfer_params":{"do_remote_decode":true,"do_remote_prefill":false}'
  const start = `{ "prompt":"h\\u00e9\xff", ${rest}`

  await post('"top_p":0.10')
  expect(prefill.bodies.pop()).toBe(`${start}"top_p":0.10 ,"stream":false,"max_tokens":1,${asked}}`)
  expect(decode.bodies.pop()).toBe(`${start}"top_p":0.10 ,"kv_transfer_params": ${told}}`)

  const bounded = '"max_tokens":7,"min_tokens":7,"max_completion_tokens":7'
  await post(`"stream":false,"stream_options":null,${bounded},"kv_transfer_params":{},"y":0`)
  const bounds = '"max_tokens":1,"max_completion_tokens":1'
  expect(prefill.bodies).toEqual([`${start}"stream":false,${bounds},${asked},"y":0 }`])
  expect(decode.bodies).toEqual([
    `${start}"stream":false,"stream_options":null,${bounded},"kv_transfer_params": ${told},"y":0 }`,
  ])
})
