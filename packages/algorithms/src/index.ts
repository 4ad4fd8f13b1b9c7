export type { AlgorithmsErrorCode } from './algorithms-error-code.js'
export {
  defineRouter,
  type RouterDefinition,
  type RouterOptions,
} from './definition/define-router.js'
export type {
  BooleanParameter,
  NumberParameter,
  ParameterValues,
  RouterParameter,
  RouterParameters,
  StringParameter,
} from './definition/router-parameters.js'
export { type BackendScore, leastBy, mostBy } from './pickers/pick.js'
export { type TieRule, tiesParameter } from './pickers/ties.js'
