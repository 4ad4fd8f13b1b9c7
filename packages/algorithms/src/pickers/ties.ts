import type { StringParameter } from '../definition/router-parameters.js'

/** Which of several equally good backends is chosen: any with equal chance, or the lowest id. */
export type TieRule = 'random' | 'first'

/** The `ties` parameter that all routers with ties share. */
export const tiesParameter: StringParameter<TieRule> & { readonly choices: readonly TieRule[] } = {
  default: 'random',
  choices: ['random', 'first'],
  description: 'Which of equally good backends is chosen: any with equal chance, or the lowest id.',
}
