// What was typed into the form for a bank account, while its owner signs in again: for this tab and this person only, and forgotten
// when the form is left.

import { session } from "../sign-in/token.ts";

export interface Draft {
  readonly bank: string;
  readonly number: string;
}

export function keepDraft(draft: Draft): void {
  sessionStorage.setItem(keptAs(), JSON.stringify(draft));
}

export function keptDraft(): Draft | undefined {
  try {
    const { bank, number } = JSON.parse(sessionStorage.getItem(keptAs()) ?? "{}") as Partial<Draft>;
    return typeof bank === "string" && typeof number === "string" ? { bank, number } : undefined;
  } catch {
    return undefined;
  }
}

export function forgetDraft(): void {
  sessionStorage.removeItem(keptAs());
}

function keptAs(): string {
  return `bank-account-draft:${session()?.subject ?? ""}`;
}
