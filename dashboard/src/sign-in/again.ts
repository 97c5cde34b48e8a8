// Why somebody who is signed in signs in once more: the API wants to know that it is still them.

export const SIGN_IN_AGAIN = ["bank-account"] as const;
export type Again = (typeof SIGN_IN_AGAIN)[number];

export const AGAIN_WORDS: Readonly<Record<Again, string>> = {
  "bank-account": "Where your money goes is changed only by somebody who has just signed in. Nothing was changed yet: sign in once more, and you come back to the account that you were adding.",
};
