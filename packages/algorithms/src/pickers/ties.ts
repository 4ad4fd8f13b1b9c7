import type { StringParameter } from '../definition/router-parameters.js'

/** Which of several equally good backends is chosen: any with equal chance, or the lowest id. */
export type TieRule = 'random' | 'first'

type TiesParameter = StringParameter<TieRule> & { readonly choices: readonly TieRule[] }

const choices: readonly TieRule[] = ['random', 'first']
const description =
  'Which of equally good backends is chosen: any with equal chance, or the lowest id.'

/** The `ties` parameter that all routers with ties share. */
export const tiesParameter: TiesParameter = { default: 'random', choices, description }

/** The same for those that mirror a stack in which the first wins. */
export const firstOfTiesParameter: TiesParameter = { default: 'first', choices, description }
