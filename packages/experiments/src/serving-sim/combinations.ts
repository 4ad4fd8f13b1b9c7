/** What the serving simulator goes through: every combination of these lists. */
export interface ServingSimAxes {
  /** Rates of the Poisson process in which requests arrive, in 1/s. */
  readonly lambdaArrival: readonly number[]
  /** Names of routers, with parameters or not, or files. */
  readonly prefillGlobal: readonly string[]
  readonly decodeGlobal: readonly string[]
  /** Names of local policies, with parameters or not. */
  readonly prefillLocal: readonly string[]
  readonly decodeLocal: readonly string[]
  /** Targets, in seconds. */
  readonly ttftSlo: readonly number[]
  readonly tpotSlo: readonly number[]
}

/** One combination. */
export type ServingSimPoint = {
  readonly [Axis in keyof ServingSimAxes]: ServingSimAxes[Axis][number]
}

/** All combinations in the order of the serving simulator, the rate changing last; what is named twice counts once. */
export function combinations(axes: ServingSimAxes): ServingSimPoint[] {
  const order = [
    'lambdaArrival',
    'prefillGlobal',
    'prefillLocal',
    'decodeGlobal',
    'decodeLocal',
    'ttftSlo',
    'tpotSlo',
  ] as const satisfies readonly (keyof ServingSimAxes)[]
  return order.reduce<Partial<ServingSimPoint>[]>(
    (points, axis) =>
      points.flatMap((point) =>
        [...new Set<string | number>(axes[axis])].map((value) => ({ ...point, [axis]: value })),
      ),
    [{}],
  ) as ServingSimPoint[]
}

/** The same under the names of its flags. */
export function flagsOf(point: ServingSimPoint): Record<string, string | number> {
  return {
    prefill_global: point.prefillGlobal,
    prefill_local: point.prefillLocal,
    decode_global: point.decodeGlobal,
    decode_local: point.decodeLocal,
    ttft_slo: point.ttftSlo,
    tpot_slo: point.tpotSlo,
  }
}
