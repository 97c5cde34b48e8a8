// Filters and pages of a list. Both live in the address, so that a list can be linked to, reloaded and gone back to.

import type { ReactNode } from "react";
import { useLocation, useNavigate, useRouter } from "@tanstack/react-router";

import { Action } from "./action.tsx";

export function Filters({ any, onClear, children }: { any: boolean; onClear: () => void; children: ReactNode }) {
  return (
    <div className="filters" role="search" aria-label="Filters">
      {children}
      {any && (
        <Action kind="quiet" icon="cross" onPress={onClear}>
          Clear filters
        </Action>
      )}
    </div>
  );
}

interface FromThePageBefore {
  readonly pageBefore?: true;
}

/** Where a list can be read backwards the API gives a cursor to the page before; elsewhere it is the browser's own, where we came from it. */
export function Pager({ cursor, next, previous, shown }: { cursor: string | undefined; next: string | undefined; previous?: string | undefined; shown: number }) {
  const navigate = useNavigate();
  const router = useRouter();
  const before = useLocation({ select: (location) => (location.state as FromThePageBefore).pageBefore === true });
  if (!cursor && !next) return shown > 0 ? <p className="pager soft small">{shown === 1 ? "1 entry" : `${shown} entries`}</p> : null;
  const go = (to: string | undefined, state: FromThePageBefore): void => {
    void navigate({ to: ".", search: ((old: Record<string, unknown>) => ({ ...old, cursor: to })) as never, state: state as never });
  };
  return (
    <nav className="pager" aria-label="Pages">
      <Action kind="quiet" isDisabled={!cursor} onPress={() => go(undefined, {})}>
        First page
      </Action>
      <Action kind="plain" icon="back" isDisabled={!cursor || !(previous ?? before)} onPress={() => (previous ? go(previous, {}) : router.history.back())}>
        Previous
      </Action>
      <Action kind="plain" isDisabled={!next} onPress={() => go(next, { pageBefore: true })}>
        Next
      </Action>
    </nav>
  );
}

/** A table that scrolls sideways by itself where the page is too narrow for it, by keyboard too. */
export function Table({ caption, head, children }: { caption: string; head: readonly (string | { words: string; end?: true; wide?: true })[]; children: ReactNode }) {
  return (
    <div className="table-box" tabIndex={0} role="group" aria-label={caption}>
      <table>
        <caption className="unseen">{caption}</caption>
        <thead>
          <tr>
            {head.map((cell) => {
              const { words, end, wide } = typeof cell === "string" ? { words: cell, end: undefined, wide: undefined } : cell;
              return (
                <th key={words} scope="col" className={[end && "end", wide && "wide"].filter(Boolean).join(" ") || undefined}>
                  {words}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
