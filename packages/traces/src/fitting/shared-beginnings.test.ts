import { NO_NODE, RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { sharedBeginnings } from './shared-beginnings.js'

test('by hand: the longest beginning that another has, and the widest', () => {
  const builder = new RequestTableBuilder()
  const { prompts } = builder
  const system = prompts.stream(NO_NODE, 'system', 100)
  const tools = prompts.stream(system, 'tools', 160)
  const own = prompts.stream(tools, 'own', 190)
  const other = prompts.stream(NO_NODE, 'other', 70)
  for (const promptNode of [own, tools, system, other]) {
    builder.add({ arrivalMs: 0, promptTokens: 200, outputTokens: 1, promptNode })
  }
  // Of a prompt that ends within it, a beginning is no longer than the prompt.
  builder.add({ arrivalMs: 0, promptTokens: 130, outputTokens: 1, promptNode: tools })
  const found = sharedBeginnings(builder.build(), [0, 1, 2, 3, 4])
  expect([...found.node]).toEqual([tools, tools, system, NO_NODE, tools])
  expect([...found.tokens]).toEqual([160, 160, 100, 0, 130])
  expect([...found.outerNode]).toEqual([system, system, system, NO_NODE, system])
  expect([...found.outerTokens]).toEqual([100, 100, 100, 0, 100])
})

test('two prompts that share all they share have one beginning', () => {
  const builder = new RequestTableBuilder()
  const node = builder.prompts.stream(NO_NODE, 'system', 64)
  const inner = builder.prompts.stream(node, 'tools', 96)
  for (let i = 0; i < 2; i++) {
    builder.add({ arrivalMs: 0, promptTokens: 128, outputTokens: 1, promptNode: inner })
  }
  const found = sharedBeginnings(builder.build(), [0, 1])
  expect([...found.node, ...found.outerNode]).toEqual([inner, inner, inner, inner])
  expect([...found.tokens]).toEqual([96, 96])
})
