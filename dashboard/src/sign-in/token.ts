// Who is signed in. The one file that single sign-on will replace: everything else asks `session()` and `bearer()`.
//
// Guarantee: a token is kept for this tab only and leaves it only towards our own API. What is read from it here decides
// which pages are shown and nothing else: the API verifies every request.

import { useSyncExternalStore } from "react";

/**
 * Staff have one of three: `finance` opens everything that `admin` opens, and what moves or settles money besides; `escalation` is an
 * admin who is told of reviews that nobody decides on. `platform` is the marketplace itself.
 */
export const ROLES = ["provider", "admin", "finance", "escalation", "platform"] as const;
export type Role = (typeof ROLES)[number];
export type Area = "provider" | "admin" | "marketplace";

export interface Session {
  readonly role: Role;
  /** The name in the audit trail. */
  readonly subject: string;
  readonly token: string;
  readonly expiresAt: Date;
}

/** Why a text cannot be signed in with, in words for the person who pasted it. */
export class NotUsable extends Error {}

const KEPT_AS = "session-token";
const listeners = new Set<() => void>();
let current: Session | null = restore();

export function session(): Session | null {
  if (current && current.expiresAt.getTime() <= Date.now()) current = null;
  return current;
}

/** The part of the app that is theirs. */
export function areaOf({ role }: Session): Area {
  switch (role) {
    case "provider":
      return "provider";
    case "admin":
    case "finance":
    case "escalation":
      return "admin";
    case "platform":
      return "marketplace";
  }
}

/** The token of each request, or nothing: the API then answers 401. */
export function bearer(): string {
  return session()?.token ?? "";
}

/** Whether what was pasted is this token. */
export function sameToken(pasted: string, token: string): boolean {
  return bare(pasted) === token;
}

/** @throws NotUsable */
export function signIn(pasted: string): Session {
  current = read(bare(pasted));
  keep(current.token);
  listeners.forEach((listener) => listener());
  return current;
}

export function signOut(): void {
  current = null;
  keep(null);
  listeners.forEach((listener) => listener());
}

/** Tells whenever somebody signs in or out. The answer ends that. */
export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useSession(): Session | null {
  return useSyncExternalStore(subscribe, () => current);
}

function bare(pasted: string): string {
  return pasted.trim().replace(/^Bearer\s+/i, "");
}

/** What a token says of its bearer. */
export function read(token: string): Session {
  const body = token.split(".")[1];
  if (!body || token.split(".").length !== 3) throw new NotUsable("This is not a token. Copy the whole line: three parts with a dot between them.");
  let claims: { sub?: unknown; role?: unknown; exp?: unknown };
  try {
    const bytes = Uint8Array.from(atob(body.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
    claims = JSON.parse(new TextDecoder().decode(bytes)) as typeof claims;
  } catch {
    throw new NotUsable("This token cannot be read. Copy it again, without spaces or line breaks.");
  }
  const { sub, role, exp } = claims;
  const known = ROLES.find((each) => each === role);
  if (typeof sub !== "string" || typeof exp !== "number" || known === undefined) {
    throw new NotUsable("This token is for something else. Use one of a provider, of an admin or of the marketplace.");
  }
  const expiresAt = new Date(exp * 1000);
  if (expiresAt.getTime() <= Date.now()) throw new NotUsable("This token is not valid any more. Make a new one.");
  return { role: known, subject: sub, token, expiresAt };
}

function restore(): Session | null {
  try {
    const kept = sessionStorage.getItem(KEPT_AS);
    return kept ? read(kept) : null;
  } catch {
    return null;
  }
}

function keep(token: string | null): void {
  try {
    if (token === null) sessionStorage.removeItem(KEPT_AS);
    else sessionStorage.setItem(KEPT_AS, token);
  } catch {
    // Storage may be refused: then a reload asks for the token again.
  }
}
