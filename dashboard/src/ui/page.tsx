// What every page begins with: its name, as the document's title, as the heading, and as where the focus goes after navigation.

import { Link, type LinkProps } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef } from "react";

import { Icon } from "./icon.tsx";

let firstPage = true;

/** Puts the focus on the heading, so that a keyboard or a screen reader goes on from the page's beginning. */
export function Page({ title, lead, back, actions, wide = false, children }: { title: string; lead?: ReactNode; back?: ReactNode; actions?: ReactNode; wide?: boolean; children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Payouts`;
  }, [title]);
  useEffect(() => {
    // The browser has put the focus where a freshly loaded page wants it.
    if (firstPage) firstPage = false;
    else heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <div className={wide ? "page page-wide" : "page"}>
      <header className="page-head">
        <div>
          {back}
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {lead && <p className="page-lead">{lead}</p>}
        </div>
        {actions && <div className="page-actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** To the list that a page belongs to. */
export function Back({ children, ...link }: LinkProps & { children: string }) {
  return (
    <Link {...link} className="back">
      <Icon name="back" size={16} />
      {children}
    </Link>
  );
}

/** A titled part of a page. */
export function Section({ title, aside, bare = false, children }: { title: string; aside?: ReactNode; bare?: boolean; children: ReactNode }) {
  return (
    <section className={bare ? "section section-bare" : "section"}>
      <header className="section-head">
        <h2>{title}</h2>
        {aside && <div className="section-aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

/** Names and their values. */
export function Facts({ facts }: { facts: readonly (readonly [name: ReactNode, value: ReactNode] | false | undefined)[] }) {
  return (
    <dl className="facts">
      {facts.map((fact, index) =>
        fact ? (
          <div key={index}>
            <dt>{fact[0]}</dt>
            <dd>{fact[1]}</dd>
          </div>
        ) : null,
      )}
    </dl>
  );
}
