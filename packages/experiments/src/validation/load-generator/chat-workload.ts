import { NO_NODE, RandomStream, type RequestTable, RequestTableBuilder } from '@routesim/core'

/** Chats whose prompts grow by the last answer and a new message each turn. */
export interface ChatLoad {
  readonly chats: number
  /** Mean turns of a chat; each has the whole number below or above it. */
  readonly turns: number
  /** Tokens that all chats begin with. */
  readonly systemTokens: number
  /** Tokens that each chat begins with beside; none when absent. */
  readonly privateTokens?: number
  /** Tokens of each message. */
  readonly messageTokens: number
  /** In the mean; each as long, or exponentially about it. */
  readonly answerTokens: number
  readonly answers: 'equal' | 'exponential'
  /** Chats under way at once: all send their first turn, then all their second, and so on. */
  readonly atOnce: number
}

/** Requests of chats in the order in which a closed loop sends them, all at time 0. */
export function chatWorkload(load: ChatLoad, seed: number): RequestTable {
  const { chats, turns, systemTokens, messageTokens, answerTokens, atOnce } = load
  const { privateTokens = 0 } = load
  const random = new RandomStream(seed, 'turns')
  const turnsOf = Array.from(
    { length: chats },
    () => Math.floor(turns) + (random.float() < turns % 1 ? 1 : 0),
  )
  const builder = new RequestTableBuilder()
  const system =
    systemTokens === 0 ? NO_NODE : builder.prompts.block(NO_NODE, 'system', systemTokens)
  const answered = messageTokens + answerTokens
  for (let first = 0; first < chats; first += atOnce) {
    const group = turnsOf.slice(first, first + atOnce)
    for (let turn = 0; turn < Math.ceil(turns); turn++) {
      for (const [i, last] of group.entries()) {
        if (turn >= last) continue
        const own = privateTokens + turn * answered + messageTokens
        builder.add({
          arrivalMs: 0,
          promptTokens: systemTokens + own,
          outputTokens: answerOf(load, random),
          prefixTokens: systemTokens + own,
          promptNode: builder.prompts.stream(system, `chat ${first + i}`, systemTokens + own),
          session: String(first + i),
        })
      }
    }
  }
  return builder.build()
}

function answerOf({ answerTokens, answers }: ChatLoad, random: RandomStream): number {
  return answers === 'equal'
    ? answerTokens
    : Math.max(1, Math.round(answerTokens * random.exponential(1)))
}
