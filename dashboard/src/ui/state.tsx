// What stands where data would: on its way, none, or not to be had. Each says what to do.

import type { ReactNode } from "react";

import { ProblemNotice } from "../api/problem.tsx";
import { Icon, type IconName } from "./icon.tsx";

/** Grey bars of about the height of what comes. Said once to a screen reader. */
export function Loading({ rows = 4, what = "Loading" }: { rows?: number; what?: string }) {
  return (
    <div className="loading" role="status">
      <span className="unseen">{what}…</span>
      {Array.from({ length: rows }, (_, row) => (
        <span key={row} className="bone" style={{ inlineSize: `${92 - ((row * 17) % 40)}%` }} aria-hidden="true" />
      ))}
    </div>
  );
}

export function Empty({ icon, title, children, action }: { icon: IconName; title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <span className="empty-mark">
        <Icon name={icon} size={24} />
      </span>
      <p className="strong">{title}</p>
      {children && <p className="soft">{children}</p>}
      {action}
    </div>
  );
}

interface Asked<Data> {
  readonly data: Data | undefined;
  readonly error: Error | null;
  readonly isFetching: boolean;
  refetch(): unknown;
}

/** Data, or what stands in its place. With old data and a failure both are shown: old data beats none. */
export function Answered<Data>({ asked, rows, children }: { asked: Asked<Data>; rows?: number; children: (data: Data) => ReactNode }) {
  const { data, error } = asked;
  return (
    <>
      {error && <ProblemNotice error={error} again={() => void asked.refetch()} busy={asked.isFetching} stale={data !== undefined} />}
      {data !== undefined ? children(data) : error ? null : <Loading {...(rows === undefined ? {} : { rows })} />}
    </>
  );
}
