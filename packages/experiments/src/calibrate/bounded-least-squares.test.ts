import { expect, test } from 'vitest'
import { BoundedLeastSquares } from './bounded-least-squares.js'

function system(): BoundedLeastSquares {
  const equations = new BoundedLeastSquares(2)
  // 2x + y = 5, x + 3y = 10, 1x - y = -2: solved by x = 1, y = 3.
  equations.add([2, 1], 5, 1)
  equations.add([1, 3], 10, 1)
  equations.add([1, -1], -2, 1)
  return equations
}

test('finds the solution of consistent equations', () => {
  const [x, y] = system().solve([0, 0], [9, 9])
  expect(x).toBeCloseTo(1, 8)
  expect(y).toBeCloseTo(3, 8)
})

test('keeps to the bounds, and the others make up for it', () => {
  const [x, y] = system().solve([2, 0], [0, 0])
  expect(x).toBe(2)
  // With x = 2 the residuals 1 - y, 8 - 3y and -4 + y are least at y = (1 + 24 + 4) / 11.
  expect(y).toBeCloseTo(29 / 11, 8)
})

test('what is taken away again leaves no trace', () => {
  const equations = system()
  equations.add([1, 1], 100, 5)
  equations.add([1, 1], 100, -5)
  expect(equations.solve([0, 0], [0, 0])[1]).toBeCloseTo(3, 8)
})

test('variances are the diagonal of the inverse', () => {
  // Squares are [[6, 4], [4, 11]] with determinant 50.
  const [x, y] = system().variances()
  expect(x).toBeCloseTo(11 / 50, 10)
  expect(y).toBeCloseTo(6 / 50, 10)
})
