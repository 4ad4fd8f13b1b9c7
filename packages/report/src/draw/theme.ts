/** Colours of charts and pages. */
export interface Theme {
  readonly background: string
  readonly text: string
  readonly muted: string
  readonly line: string
  readonly grid: string
  readonly tooltip: string
  /** One per series; told apart with the usual kinds of colour blindness. */
  readonly series: readonly string[]
  /** From little to much. */
  readonly sequential: readonly string[]
}

/** The colours of Okabe and Ito (2008) without yellow, which is invisible on white. */
export const LIGHT: Theme = {
  background: '#ffffff',
  text: '#1b1f24',
  muted: '#57606a',
  line: '#8c959f',
  grid: '#e6e9ec',
  tooltip: '#ffffff',
  series: [
    ...['#0072b2', '#d55e00', '#009e73', '#b7518b', '#b07d00', '#3fa0d8'],
    ...['#5f5f5f', '#7a4fbf'],
  ],
  sequential: ['#f0f4f9', '#b6d1ea', '#6aa5d4', '#2f73b2', '#144a86', '#0a2350'],
}

/** The same hues, lighter. */
export const DARK: Theme = {
  background: '#12161c',
  text: '#e6e9ed',
  muted: '#a2abb6',
  line: '#66717d',
  grid: '#29313a',
  tooltip: '#1d242c',
  series: [
    ...['#4ba3e3', '#ff8a3d', '#2cc79a', '#e79cc6', '#e6b335', '#9ad6ff'],
    ...['#b8bfc7', '#b79cf2'],
  ],
  sequential: ['#1b232d', '#1d4468', '#2a6da3', '#4f9cd6', '#93c9f2', '#eaf6ff'],
}

/** Line styles and marks, so that series differ without their colours too. */
export const DASHES: readonly ('solid' | 'dashed' | 'dotted' | number[])[] = [
  'solid',
  'dashed',
  'dotted',
  [10, 3, 2, 3],
]
export const SYMBOLS: readonly string[] = [
  ...['circle', 'rect', 'triangle', 'diamond'],
  ...['emptyCircle', 'emptyRect', 'emptyTriangle', 'emptyDiamond'],
]

/** Colour of a phase of a request: waiting, prefill, decode. */
export const PHASE_SERIES: readonly number[] = [4, 1, 0]
