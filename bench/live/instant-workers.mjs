// Workers that answer at once, so that what is measured is the way there and back: `PORTS` HTTP servers in
// one process. A streamed request gets `max_tokens` chunks, one each `STREAM_GAP_MS`.
import { createServer } from 'node:http'

const [count, gapMs] = process.argv.slice(2).map(Number)
const usage = '"usage":{"prompt_tokens":64,"completion_tokens":1,"total_tokens":65}'
const answer = Buffer.from(
  `{"id":"cmpl-1","object":"text_completion","created":0,"model":"bench","choices":[{"index":0,"text":"word ","finish_reason":"length"}],${usage}}`,
)
const chunk = Buffer.from(
  'data: {"id":"cmpl-1","object":"text_completion","created":0,"model":"bench","choices":[{"index":0,"text":"word "}]}\n\n',
)
const models = Buffer.from('{"object":"list","data":[{"id":"bench","object":"model"}]}')

function send(response, body) {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
  response.end(body)
}

function stream(response, tokens) {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  let left = tokens
  const next = () => {
    if (left-- > 0) response.write(chunk)
    else {
      clearInterval(timer)
      response.end('data: [DONE]\n\n')
    }
  }
  const timer = setInterval(next, gapMs)
  response.on('close', () => clearInterval(timer))
  next()
}

const servers = Array.from({ length: count }, () =>
  createServer((request, response) => {
    if (request.method === 'GET') return send(response, models)
    const pieces = []
    request.on('data', (piece) => pieces.push(piece))
    request.on('end', () => {
      const body = Buffer.concat(pieces)
      if (!body.includes('"stream":true')) send(response, answer)
      else stream(response, JSON.parse(body).max_tokens)
    })
  }),
)
await Promise.all(
  servers.map((server) => new Promise((resolve) => server.listen(0, '127.0.0.1', 4096, resolve))),
)
for (const server of servers) server.keepAliveTimeout = 600_000
process.stdout.write(`${JSON.stringify(servers.map((server) => server.address().port))}\n`)
