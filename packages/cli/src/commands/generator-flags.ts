import {
  type GeneratorOptions,
  LENGTH_DISTRIBUTIONS,
  SERVING_SIMULATOR_SOURCES,
} from '@routesim/traces'
import type { Options } from 'yargs'
import { kebab } from '../usage-messages.js'

const number = (describe: string): Options => ({ type: 'number', requiresArg: true, describe })

/** The options of the generator that are numbers, and what they are called on the command line. */
const NUMBERS = {
  rateRps: ['rate', 'Requests per second (default 100)'],
  durationSec: ['duration', 'Seconds (default 300)'],
  cv: ['cv', 'gamma: coefficient of variation of the gaps (default 2)'],
  burstiness: ['burstiness', 'gamma: the same as 1 / cv^2; below 1 is burstier than Poisson'],
  baseRateRps: ['base-rate', 'bursty: rate between bursts (default --rate)'],
  burstRateRps: ['burst-rate', 'bursty: rate within bursts (default 3 x --rate)'],
  burstDurationSec: ['burst-duration', 'bursty: seconds of a burst (default 10)'],
  burstIntervalSec: ['burst-interval', 'bursty: seconds from burst to burst (default 60)'],
  peakRateRps: ['peak-rate', 'diurnal: highest rate (default --rate)'],
  troughRateRps: ['trough-rate', 'diurnal: lowest rate (default 0.2 x --rate)'],
  periodSec: ['period', 'diurnal: seconds of the period (default a day, or --duration)'],
  promptTokensMean: ['prompt-mean', 'Mean prompt tokens (default 500)'],
  promptTokensStd: ['prompt-std', 'Standard deviation of prompt tokens (default 200)'],
  genTokensMean: ['gen-mean', 'Mean output tokens (default 150)'],
  genTokensStd: ['gen-std', 'Standard deviation of output tokens (default 50)'],
  numPrefixes: ['num-prefixes', 'Shared prefixes, 0 for none (default 10)'],
  prefixLenMean: ['prefix-len-mean', 'Mean tokens of a shared prefix (default 256)'],
  prefixLenStd: ['prefix-len-std', 'Standard deviation of that (default 0)'],
  zipfExponent: ['zipf-exponent', 'zipf: exponent of the popularity (default 1)'],
  turnsMean: ['turns-mean', 'Mean turns of a conversation (default 1)'],
  numSessions: ['num-sessions', 'Conversations at most'],
  thinkTimeMeanSec: ['think-time', 'Mean seconds from turn to turn (default 10)'],
  newTokensMean: ['new-tokens-mean', 'Mean new tokens of a later turn (default as prompts)'],
  newTokensStd: ['new-tokens-std', 'Standard deviation of that (default as prompts)'],
  maxPromptTokens: ['max-prompt-tokens', 'Longest prompt of a conversation (default 131072)'],
  seed: ['seed', "Seed (default 42, or the config's)"],
} as const

const WORDS: Readonly<Record<string, Options>> = {
  'length-distribution': {
    choices: LENGTH_DISTRIBUTIONS,
    requiresArg: true,
    describe: 'Distribution of all lengths (default lognormal)',
  },
  'prefix-popularity': {
    choices: ['uniform', 'zipf'],
    requiresArg: true,
    describe: 'How often each prefix is used (default uniform)',
  },
}

/** Sources of the serving simulator, and what they take. */
export const SOURCE_FLAGS: Readonly<Record<string, Options>> = {
  source: {
    choices: SERVING_SIMULATOR_SOURCES,
    requiresArg: true,
    describe: "Requests as the serving simulator's source of that name makes them",
  },
  trace: {
    alias: 't',
    type: 'string',
    requiresArg: true,
    describe: '--source mooncake: the trace whose lengths are taken',
  },
  requests: number('--source zipfian, lognormal: how many (default 10000)'),
  'zipf-s': number('--source zipfian: exponent (default 2)'),
  'lognormal-mean': number('--source lognormal: mean of the logarithm (default 9)'),
  'lognormal-std': number('--source lognormal: deviation of the logarithm (default 1)'),
}

/** The options of `gen-trace` that shape traffic, by name. */
export const GENERATOR_FLAGS: Readonly<Record<string, Options>> = {
  ...Object.fromEntries(Object.values(NUMBERS).map(([flag, text]) => [flag, number(text)])),
  ...WORDS,
}

/** What an option of the generator is called on the command line. */
export function flagOf(option: string): string | undefined {
  if (option === 'kind') return 'generator'
  if (option === 'lengthDistribution' || option === 'prefixPopularity') return kebab(option)
  return NUMBERS[option as keyof typeof NUMBERS]?.[0]
}

/** The options of the generator, of what the parser made of a command line. */
export function generatorOptions(args: Readonly<Record<string, unknown>>): GeneratorOptions {
  const numbers = Object.entries(NUMBERS).map(([option, [flag]]) => [option, args[flag]])
  return {
    ...Object.fromEntries(numbers),
    lengthDistribution: args['length-distribution'],
    prefixPopularity: args['prefix-popularity'],
  } as GeneratorOptions
}
