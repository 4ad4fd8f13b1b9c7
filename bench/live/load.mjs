// Load for proxies: requests at a fixed rate, as many as go, and streams that are held.
import { performance } from 'node:perf_hooks'
import { Pool } from 'undici'

const PATH = '/v1/completions'
const headers = { 'content-type': 'application/json' }

/** Connections to one address or several, taken in turn. */
export class Target {
  constructor(urls) {
    this.pools = urls.map((url) => new Pool(url, { connections: null, pipelining: 1 }))
    this.next = 0
  }

  async send(body) {
    const pool = this.pools[this.next++ % this.pools.length]
    const response = await pool.request({ path: PATH, method: 'POST', headers, body })
    const text = await response.body.text()
    if (response.statusCode !== 200 || !text.includes('"usage"')) {
      throw new Error(`status ${response.statusCode}: ${text.slice(0, 200)}`)
    }
  }

  /** A streamed request. @returns chunks of text that came, when it is over */
  async stream(body, onFirst) {
    const pool = this.pools[this.next++ % this.pools.length]
    const response = await pool.request({ path: PATH, method: 'POST', headers, body })
    let events = 0
    let end = ''
    for await (const piece of response.body) {
      if (events === 0) onFirst()
      const text = end + piece.toString('latin1')
      events += text.split('\n\n').length - 1
      end = text.slice(text.lastIndexOf('\n\n') + 2)
    }
    if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`)
    return events - 1
  }

  close() {
    return Promise.all(this.pools.map((pool) => pool.destroy()))
  }
}

/** Prompts of some 64 tokens with nothing in common, as short requests have. */
export function shortBody(i) {
  const prompt = `${i} `.padEnd(256, `words of request ${i} `)
  return JSON.stringify({ model: 'bench', prompt, max_tokens: 1 })
}

/** Requests at a fixed rate. @returns the latency of each in ms, sorted, and how late they were sent */
export async function atRate(target, rateRps, durationSec) {
  const count = rateRps * durationSec
  const latencies = new Float64Array(count)
  let lagMs = 0
  const underWay = []
  const startMs = performance.now()
  for (let i = 0; i < count; i++) {
    const dueMs = startMs + (i * 1000) / rateRps
    while (performance.now() < dueMs) await new Promise((resolve) => setTimeout(resolve, 1))
    const sentMs = performance.now()
    lagMs += sentMs - dueMs
    underWay.push(
      target.send(shortBody(i)).then(() => {
        latencies[i] = performance.now() - sentMs
      }),
    )
  }
  await Promise.all(underWay)
  return { latencies: latencies.sort(), lagMs: lagMs / count }
}

/** As many requests as go with so many under way. @returns requests per second */
export async function asManyAsGo(target, concurrency, durationSec) {
  let done = 0
  let i = 0
  const startMs = performance.now()
  const endMs = startMs + durationSec * 1000
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (performance.now() < endMs) {
        await target.send(shortBody(i++))
        done++
      }
    }),
  )
  return (done * 1000) / (performance.now() - startMs)
}

/**
 * So many streams at once, each of `tokens` chunks. `onAllOpen` is called when each has had a first one.
 * @returns how many came whole
 */
export async function heldStreams(target, count, tokens, promptBytes, onAllOpen) {
  let open = 0
  const ends = await Promise.all(
    Array.from({ length: count }, (_, i) => {
      const prompt = `${i} `.padEnd(promptBytes, `a prompt of stream ${i} `)
      const body = JSON.stringify({ model: 'bench', prompt, max_tokens: tokens, stream: true })
      return target.stream(body, () => {
        if (++open === count) onAllOpen()
      })
    }),
  )
  return ends.filter((chunks) => chunks === tokens).length
}
