/** What goes wrong with a request to an OpenAI-compatible endpoint: a status and a body that clients know. */
export class ApiError extends Error {
  readonly status: number
  readonly type: string
  readonly param: string | null

  constructor(
    status: number,
    message: string,
    type: string = typeOf(status),
    param: string | null = null,
  ) {
    super(message)
    this.name = 'ApiError'
    this.status = status
    this.type = type
    this.param = param
  }

  /** The body of the response. */
  get body(): string {
    const { message, type, param, status } = this
    return JSON.stringify({ error: { message, type, param, code: status } })
  }
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 404) return 'not_found_error'
  if (status === 429) return 'rate_limit_error'
  if (status < 500) return 'invalid_request_error'
  return status === 503 ? 'overloaded_error' : 'server_error'
}
