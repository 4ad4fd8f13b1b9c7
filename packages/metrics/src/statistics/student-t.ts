/**
 * The t for which a Student-t variable lies within ±t with a given probability.
 *
 * The probability is the finite series for whole degrees of freedom of Abramowitz and Stegun,
 * Handbook of Mathematical Functions, 26.7.3 and 26.7.4, solved for the angle atan(t / √ν).
 * @param level - probability, between 0 and 1 exclusive
 * @param degreesOfFreedom - an integer of at least 1
 */
export function studentT(level: number, degreesOfFreedom: number): number {
  let low = 0
  let high = Math.PI / 2
  for (;;) {
    const angle = (low + high) / 2
    if (angle <= low || angle >= high) return Math.sqrt(degreesOfFreedom) * Math.tan(angle)
    if (probabilityWithin(angle, degreesOfFreedom) < level) low = angle
    else high = angle
  }
}

function probabilityWithin(angle: number, degreesOfFreedom: number): number {
  const cos = Math.cos(angle)
  const odd = degreesOfFreedom % 2 === 1
  let term = odd ? cos : 1
  let sum = degreesOfFreedom === 1 ? 0 : term
  for (let k = odd ? 3 : 2; k <= degreesOfFreedom - 2; k += 2) {
    term *= ((k - 1) / k) * cos * cos
    sum += term
  }
  const series = Math.sin(angle) * sum
  return odd ? (2 / Math.PI) * (angle + series) : series
}
