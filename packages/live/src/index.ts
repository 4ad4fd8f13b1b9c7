export type { LiveErrorCode } from './live-error-code.js'
