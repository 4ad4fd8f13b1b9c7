/** 2^-32, the step between two 32-bit fractions. */
const UNIT = 1 / 4294967296

/**
 * A seeded stream of random numbers (sfc32, Chris Doty-Humphrey's small fast counting generator).
 * The same seed and name give the same numbers for ever, on every machine.
 *
 * @example
 * const random = new RandomStream(42, 'router')
 * random.integer(8) // an integer in 0..7
 */
export class RandomStream {
  private a: number
  private b: number
  private c: number
  private counter = 1
  private spareNormal = Number.NaN

  /**
   * @param seed - the run's seed, an integer up to 2^53
   * @param name - the consumer's own name: a new consumer never shifts another's numbers
   */
  constructor(seed: number, name: string) {
    const hash = hashName(name)
    this.a = (seed >>> 0) ^ hash
    this.b = Math.floor(seed * UNIT) | 0
    this.c = hash
    for (let i = 0; i < 20; i++) this.uint32()
  }

  /** Where the stream stands, for {@link restore}. */
  state(): readonly number[] {
    return [this.a, this.b, this.c, this.counter, this.spareNormal]
  }

  /** Goes back, or forward, to a state that {@link state} gave. */
  restore(state: readonly number[]): void {
    const [a = 0, b = 0, c = 0, counter = 1, spareNormal = Number.NaN] = state
    this.a = a
    this.b = b
    this.c = c
    this.counter = counter
    this.spareNormal = spareNormal
  }

  /** The next 32 random bits, as an integer in 0 .. 2^32 - 1. */
  uint32(): number {
    const t = (((this.a + this.b) | 0) + this.counter) | 0
    this.counter = (this.counter + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = ((this.c << 21) | (this.c >>> 11)) + t
    this.c |= 0
    return t >>> 0
  }

  /** A float in [0, 1) with 53 random bits. */
  float(): number {
    const high = this.uint32() >>> 6
    const low = this.uint32() >>> 5
    return (high * 134217728 + low) / 9007199254740992
  }

  /** An integer in 0 .. below - 1, without modulo bias. `below` is at most 2^32. */
  integer(below: number): number {
    const limit = 4294967296 - (4294967296 % below)
    let bits = this.uint32()
    while (bits >= limit) bits = this.uint32()
    return bits % below
  }

  /** A draw from the exponential distribution with the given mean. */
  exponential(mean: number): number {
    return -Math.log1p(-this.float()) * mean
  }

  /** A draw from the standard normal distribution (Marsaglia's polar method). */
  normal(): number {
    if (!Number.isNaN(this.spareNormal)) {
      const spare = this.spareNormal
      this.spareNormal = Number.NaN
      return spare
    }
    for (;;) {
      const u = this.float() * 2 - 1
      const v = this.float() * 2 - 1
      const s = u * u + v * v
      if (s > 0 && s < 1) {
        const scale = Math.sqrt((-2 * Math.log(s)) / s)
        this.spareNormal = v * scale
        return u * scale
      }
    }
  }

  /** A draw from the gamma distribution with the given shape and scale (Marsaglia and Tsang, 2000). */
  gamma(shape: number, scale: number): number {
    if (shape < 1) {
      const boost = (1 - this.float()) ** (1 / shape)
      return this.gamma(shape + 1, scale) * boost
    }
    const d = shape - 1 / 3
    const c = 1 / Math.sqrt(9 * d)
    for (;;) {
      const x = this.normal()
      const v = (1 + c * x) ** 3
      if (v <= 0) continue
      const u = 1 - this.float()
      if (Math.log(u) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v * scale
    }
  }
}

/** FNV-1a over the UTF-16 code units: names are short and fixed. */
function hashName(name: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) {
    hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  }
  return hash | 0
}
