/** A weighted linear least-squares problem with lower bounds, kept as its normal equations. */
export class BoundedLeastSquares {
  private readonly size: number
  private readonly squares: Float64Array
  private readonly products: Float64Array

  /** @param size - number of unknowns */
  constructor(size: number) {
    this.size = size
    this.squares = new Float64Array(size * size)
    this.products = new Float64Array(size)
  }

  /** Adds an equation, or takes one away with a negative weight. */
  add(features: ArrayLike<number>, value: number, weight: number): void {
    const { size } = this
    for (let i = 0; i < size; i++) {
      const weighted = weight * features[i]!
      this.products[i]! += weighted * value
      for (let j = 0; j < size; j++) this.squares[i * size + j]! += weighted * features[j]!
    }
  }

  /**
   * The unknowns that fit best among those at or above `lower`, by cyclic coordinate descent from
   * `start`; the problem is convex, so every start ends at the same fit.
   */
  solve(lower: ArrayLike<number>, start: ArrayLike<number>): Float64Array {
    const { size, squares, products } = this
    const x = Float64Array.from({ length: size }, (_, i) => Math.max(start[i]!, lower[i]!))
    for (let round = 0; round < MOST_ROUNDS; round++) {
      let moved = 0
      for (let i = 0; i < size; i++) {
        const curvature = squares[i * size + i]!
        if (curvature === 0) continue
        let slope = products[i]!
        for (let j = 0; j < size; j++) slope -= squares[i * size + j]! * x[j]!
        const next = Math.max(lower[i]!, x[i]! + slope / curvature)
        moved = Math.max(moved, Math.abs(next - x[i]!) / (Math.abs(x[i]!) + Number.MIN_VALUE))
        x[i] = next
      }
      if (moved < 1e-10) break
    }
    return x
  }

  /** Diagonal of the inverse of the squares: the variance of each unknown without its bound. */
  variances(): Float64Array {
    const { size } = this
    const left = Float64Array.from(this.squares)
    const right = new Float64Array(size * size)
    for (let i = 0; i < size; i++) right[i * size + i] = 1
    for (let column = 0; column < size; column++) {
      const pivot = left[column * size + column]!
      for (let row = 0; row < size; row++) {
        if (row === column) continue
        const factor = left[row * size + column]! / pivot
        for (let k = 0; k < size; k++) {
          left[row * size + k]! -= factor * left[column * size + k]!
          right[row * size + k]! -= factor * right[column * size + k]!
        }
      }
    }
    return Float64Array.from({ length: size }, (_, i) => right[i * size + i]! / left[i * size + i]!)
  }
}

const MOST_ROUNDS = 20_000
