import { RouteSimError } from '@routesim/core'
import type { SynthesisOptions } from '@routesim/traces'
import type { Options } from 'yargs'
import { UsageError } from '../usage-error.js'
import { inFlags } from '../usage-fault.js'
import { kebab } from '../usage-messages.js'

/** How requests are made after the example of a trace, as the parser gives it. */
export interface SynthesisArguments {
  numRequests?: number
  speedupRatio?: number
  prefixLenMultiplier?: number
  prefixRootMultiplier?: number
  promptLenMultiplier?: number
  oslMultiplier?: number
  maxIsl?: number
  minIsl?: number
  minOsl?: number
  maxOsl?: number
  maxRejections?: number
  seed?: number
}

const number = (describe: string): Options => ({ type: 'number', requiresArg: true, describe })

/** Options of that, with the names of Dynamo's scripts. */
export const SYNTHESIS_OPTIONS: Record<string, Options> = {
  'num-requests': number('Requests to make; as many as the trace has by default'),
  'speedup-ratio': number('Divides the gaps between arrivals (default 1)'),
  'prefix-len-multiplier': number('Length of shared parts (default 1)'),
  'prefix-root-multiplier': number('Copies of the tree of shared parts (default 1)'),
  'prompt-len-multiplier': number('Length of private parts (default 1)'),
  'osl-multiplier': number('Length of outputs (default 1)'),
  'max-isl': number('Longest prompt; longer ones are drawn again'),
  'min-isl': number('Shortest prompt; shorter ones are drawn again'),
  'min-osl': number('Outputs are clipped to at least this'),
  'max-osl': number('Outputs are clipped to at most this'),
  'max-rejections': number('Prompts drawn again in a row at most (default 10000)'),
}

/** Those options as {@link SynthesisOptions}. */
export function synthesisOptions(
  args: SynthesisArguments,
  blockTokens: number | undefined,
): SynthesisOptions {
  const { numRequests, speedupRatio, maxRejections, seed } = args
  const { prefixLenMultiplier, prefixRootMultiplier, promptLenMultiplier, oslMultiplier } = args
  const { maxIsl, minIsl, minOsl, maxOsl } = args
  return {
    ...{ numRequests, speedupRatio, maxRejections, seed, maxIsl, minIsl, minOsl, maxOsl },
    ...{ prefixLenMultiplier, prefixRootMultiplier, promptLenMultiplier, oslMultiplier },
    blockTokens,
  }
}

/**
 * Does something with a trace; errors name the options of the command line.
 *
 * @param flags - names of options that are not the name of the field
 * @throws UsageError
 */
export async function namingFlags<T>(
  flags: Readonly<Record<string, string>>,
  work: () => T | Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof RouteSimError) || error.code !== 'trace_option_invalid') throw error
    const name = error.path ?? ''
    const message = inFlags(error.message, name, flags[name] ?? kebab(name))
    // Limits are told beside one another: `maxIsl` is `--max-isl`.
    throw new UsageError(
      message.replace(/\b[a-z]+[A-Z]\w*/g, (word) =>
        kebab(word) in SYNTHESIS_OPTIONS ? `--${kebab(word)}` : word,
      ),
    )
  }
}
