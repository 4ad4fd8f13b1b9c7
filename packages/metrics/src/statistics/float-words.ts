/** Which 32-bit word of a float64 in memory holds sign, exponent and leading mantissa. */
export const HIGH_WORD: 0 | 1 = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 1 : 0
/** The other one. */
export const LOW_WORD: 0 | 1 = HIGH_WORD === 1 ? 0 : 1
