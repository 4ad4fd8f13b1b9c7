import * as z from 'zod'
import { expected, integer, oneOf, positive, table, text } from './fields.js'

const scalar = z.union([z.number(), z.string(), z.boolean()], expected('a value'))

const range = table({
  from: z.number(expected('a number')).describe('Least value.'),
  to: z.number(expected('a number')).describe('Largest value.'),
  steps: integer(2).optional().describe('Values of a grid, both ends among them.'),
  scale: oneOf(['linear', 'log']).optional().describe('How values are spread; linear when absent.'),
  integer: z.boolean(expected('true or false')).optional().describe('Whether values are rounded.'),
})

/** What a sweep goes through. Options of the command go before it. */
export const sweepSection = table({
  algorithms: z
    .array(text(), expected('a list of algorithms'))
    .optional()
    .describe('Algorithms, as after -a.'),
  rates: z
    .array(positive(), expected('a list of numbers > 0'))
    .optional()
    .describe('Requests per second: of the trace, faster or slower, else of generated traffic.'),
  seeds: integer(1, 10_000).optional().describe('Runs per point, with consecutive seeds.'),
  sample: oneOf(['grid', 'random', 'latin_hypercube'])
    .optional()
    .describe('Every combination (grid), or as many points as asked for; grid when absent.'),
  points: integer(1, 1_000_000)
    .optional()
    .describe('Points of a random or Latin hypercube sample.'),
  set: z
    .record(
      z.string(),
      z.union([z.array(scalar), range], expected('a list of values, or a table with from and to')),
      expected('a table of config paths'),
    )
    .default({})
    .describe('Values of config keys by path: a list, or from, to, steps, scale, integer.'),
})
