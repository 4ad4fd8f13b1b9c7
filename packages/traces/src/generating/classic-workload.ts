import type { ArrivalsSpec } from './arrivals-spec.js'
import type { Distribution } from './distribution.js'
import type { ResolvedOptions } from './resolve-options.js'
import type { StreamAliases } from './workload-draws.js'
import type { ClientSpec, WorkloadSpec } from './workload-spec.js'

/** Streams of these decisions have always been one. */
export const CLASSIC_ALIASES: StreamAliases = { turns: 'sessions', 'think-times': 'sessions' }

/** The options of a generator as a workload. */
export function classicWorkload(o: ResolvedOptions): WorkloadSpec {
  const { lengthDistribution: kind, seed, durationSec } = o
  const lengths = (mean: number, std: number): Distribution =>
    kind === 'fixed' || std === 0 ? mean : { kind, mean, std }
  const hasEndlessSessions = o.numSessions === Number.MAX_SAFE_INTEGER
  const client: ClientSpec = {
    arrivals: classicArrivals(o),
    promptTokens: lengths(o.promptTokensMean, o.promptTokensStd),
    outputTokens: lengths(o.genTokensMean, o.genTokensStd),
    ...(o.numPrefixes > 0 && {
      prefixes: [
        {
          count: o.numPrefixes,
          tokens: lengths(o.prefixLenMean, o.prefixLenStd),
          zipfExponent: o.prefixPopularity === 'zipf' ? o.zipfExponent : 0,
        },
      ],
    }),
    ...(o.hasSessions && {
      sessions: {
        turns: { kind: 'geometric', mean: o.turnsMean },
        newTokens: lengths(o.newTokensMean, o.newTokensStd),
        thinkTimeSec: { kind: 'exponential', mean: o.thinkTimeMeanSec },
        next: 'after_arrival',
        maxPromptTokens: o.maxPromptTokens,
        maxSessions: hasEndlessSessions ? undefined : o.numSessions,
      },
    }),
  }
  return { seed, durationSec, clients: [client] }
}

/** Those of conversations are so many fewer that requests arrive at about the rate. */
function classicArrivals(o: ResolvedOptions): ArrivalsSpec {
  const scale = o.hasSessions ? 1 / o.turnsMean : 1
  const rateRps = o.rateRps * scale
  switch (o.kind) {
    case 'gamma':
      return { kind: 'gamma', cv: o.cv, rateRps }
    case 'bursty':
      return {
        kind: 'poisson',
        onOff: {
          onRateRps: o.burstRateRps * scale,
          offRateRps: o.baseRateRps * scale,
          onSec: o.burstDurationSec,
          everySec: o.burstIntervalSec,
          lengths: 'fixed',
        },
      }
    case 'diurnal':
      return {
        kind: 'poisson',
        diurnal: {
          peakRateRps: o.peakRateRps * scale,
          troughRateRps: o.troughRateRps * scale,
          periodSec: o.periodSec,
        },
      }
    default:
      return { kind: o.kind, rateRps }
  }
}
