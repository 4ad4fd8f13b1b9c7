import { letterOf, type TerminalStyle } from './terminal-style.js'

/** Dots of a braille character: two columns of four, by bit. */
const BITS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const
const BRAILLE = 0x2800

/**
 * A plane of characters to draw lines on. With colours, or for a single series, it is drawn in
 * braille dots, eight to a character; else each series has its letter.
 */
export class DotCanvas {
  private readonly columns: number
  private readonly rows: number
  private readonly style: TerminalStyle
  private readonly isBraille: boolean
  private readonly dots: Uint8Array
  private readonly owner: Int16Array

  constructor(columns: number, rows: number, series: number, style: TerminalStyle) {
    this.columns = columns
    this.rows = rows
    this.style = style
    this.isBraille = style.isUnicode && (style.paint !== undefined || series === 1)
    this.dots = new Uint8Array(columns * rows)
    this.owner = new Int16Array(columns * rows).fill(-1)
  }

  /** Draws a point of a series; both coordinates go from 0 (left, bottom) to 1. */
  point(x: number, y: number, series: number): void {
    if (!(x >= 0 && x <= 1 && y >= 0 && y <= 1)) return
    const [across, up] = this.isBraille ? [2, 4] : [1, 1]
    const dotX = Math.min(this.columns * across - 1, Math.floor(x * this.columns * across))
    const dotY = Math.min(this.rows * up - 1, Math.floor((1 - y) * this.rows * up))
    const cell = Math.floor(dotY / up) * this.columns + Math.floor(dotX / across)
    this.dots[cell]! |= BITS[dotX % 2 === 0 ? 0 : 1]![dotY % 4]!
    this.owner[cell] = series
  }

  /** Draws a straight line between two points. */
  line(x1: number, y1: number, x2: number, y2: number, series: number): void {
    const steps = Math.ceil(
      Math.max(Math.abs(x2 - x1) * this.columns * 2, Math.abs(y2 - y1) * this.rows * 4, 1),
    )
    for (let i = 0; i <= steps; i++) {
      this.point(x1 + ((x2 - x1) * i) / steps, y1 + ((y2 - y1) * i) / steps, series)
    }
  }

  /** The lines of text, top first. */
  render(): string[] {
    return Array.from({ length: this.rows }, (_, row) =>
      Array.from({ length: this.columns }, (_, column) => this.cell(row * this.columns + column))
        .join('')
        .trimEnd(),
    )
  }

  private cell(index: number): string {
    const series = this.owner[index]!
    if (series < 0) return ' '
    const text = this.isBraille
      ? String.fromCharCode(BRAILLE + this.dots[index]!)
      : letterOf(series)
    return this.style.paint?.(series, text) ?? text
  }
}
