// The page to sign in on: a token is pasted. The development server offers the people of the local stack as well.

import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { Button } from "react-aria-components/Button";

import { AGAIN_WORDS } from "./again.ts";
import type { Someone } from "./someone.ts";
import { areaOf, NotUsable, sameToken, session, signIn } from "./token.ts";
import { queries } from "../api/queries.ts";
import { Action } from "../ui/action.tsx";
import { LongField } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { Page } from "../ui/page.tsx";

export function SignIn() {
  const { to, why } = useSearch({ from: "/sign-in" });
  const navigate = useNavigate();
  const [token, setToken] = useState("");
  const [wrong, setWrong] = useState<string>();

  const enter = (pasted: string): void => {
    try {
      const before = session();
      if (why !== undefined && before !== null && sameToken(pasted, before.token)) {
        setWrong("This is the token that you are signed in with. Sign in for a new one.");
        return;
      }
      const now = signIn(pasted);
      if (before?.subject !== now.subject) queries.clear();
      // Back to where the reader was, if that is theirs to see.
      const back = to && to.startsWith(`/${areaOf(now)}`) ? to : "/";
      void navigate({ href: back, replace: true });
    } catch (error) {
      if (!(error instanceof NotUsable)) throw error;
      setWrong(error.message);
    }
  };

  return (
    <main className="alone" id="content">
      <div className="sign-in">
        <p className="brand">
          <img src="/mark.svg" alt="" width="36" height="36" />
          <span>Payouts</span>
        </p>
        <Page title={why === undefined ? "Sign in" : "Sign in once more"}>
          {why !== undefined && (
            <div className="notice notice-blue">
              <Icon name="attention" />
              <div className="notice-words">
                <p>{AGAIN_WORDS[why]}</p>
                {to && session() !== null && (
                  <p>
                    <a href={to}>Go back without signing in</a>
                  </p>
                )}
              </div>
            </div>
          )}
          {import.meta.env.DEV && <People enter={enter} />}
          <form
            className="form"
            onSubmit={(event: FormEvent) => {
              event.preventDefault();
              enter(token);
            }}
          >
            <LongField
              label="Token"
              help={
                import.meta.env.DEV ? (
                  <>
                    <code>cargo xtask dev</code> prints one for each person; <code>cargo xtask token --role admin --subject admin-ada</code> makes another.
                  </>
                ) : (
                  "The one you were given. It is kept for this tab only."
                )
              }
              error={wrong}
              rows={4}
              value={token}
              onChange={(value) => {
                setToken(value);
                setWrong(undefined);
              }}
              isRequired
              autoComplete="off"
              spellCheck="false"
            />
            <Action kind="main" type="submit">
              Sign in
            </Action>
          </form>
        </Page>
      </div>
    </main>
  );
}

/** Those of the local stack. Not in production builds, and nothing while no stack runs. */
function People({ enter }: { enter: (token: string) => void }) {
  const [people, setPeople] = useState<readonly Someone[]>();
  useEffect(() => {
    fetch("/dev/people")
      .then(async (found) => setPeople(found.ok ? ((await found.json()) as Someone[]) : []))
      .catch(() => setPeople([]));
  }, []);
  if (!people) return null;
  if (people.length === 0) {
    return (
      <p className="notice notice-amber">
        <Icon name="attention" />
        <span>
          No local stack was found. Start one with <code>cargo xtask dev</code>, then load this page again.
        </span>
      </p>
    );
  }
  return (
    <section className="people" aria-label="People of the local stack">
      <ul>
        {people.map((someone) => (
          <li key={someone.name}>
            <Button className="person" onPress={() => enter(someone.token)}>
              <span className="person-mark" aria-hidden="true">
                {someone.name.charAt(0)}
              </span>
              <span className="person-words">
                <span className="strong">{someone.name}</span>
                <span className="small soft">{someone.about}</span>
              </span>
              <Icon name="arrow" size={18} />
            </Button>
          </li>
        ))}
      </ul>
      <p className="or soft small">or with a token</p>
    </section>
  );
}
