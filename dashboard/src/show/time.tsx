// Times: UTC from the API, shown in the reader's zone and locale, exact on hover and to assistive technology.

import { useSyncExternalStore } from "react";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** "in 3 min" is true for long enough at this pace. */
const TICK = 5_000;

/** The day and the minute; without the year while it is this one. */
export function formatWhen(at: Date, now: Date, locale?: string, timeZone?: string): string {
  const zone = timeZone ? { timeZone } : {};
  const year = (date: Date): string => new Intl.DateTimeFormat("en", { year: "numeric", ...zone }).format(date);
  const day = (date: Date): string => new Intl.DateTimeFormat("en", { dateStyle: "short", ...zone }).format(date);
  const time = new Intl.DateTimeFormat(locale, { timeStyle: "short", ...zone }).format(at);
  if (day(at) === day(now)) return time;
  const sameYear = year(at) === year(now);
  const date = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", ...(sameYear ? {} : { year: "numeric" }), ...zone }).format(at);
  return `${date}, ${time}`;
}

/** Everything, for a title: zone and seconds too. */
export function formatExactly(at: Date, locale?: string, timeZone?: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "long", ...(timeZone ? { timeZone } : {}) }).format(at);
}

export function formatDay(at: Date, locale?: string): string {
  return new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" }).format(at);
}

/** "in 12 min", "3 hr ago". */
export function formatDistance(at: Date, now: Date, locale?: string): string {
  const distance = at.getTime() - now.getTime();
  const size = Math.abs(distance);
  const format = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" });
  if (size < MINUTE) return format.format(Math.round(distance / 1000 / 5) * 5, "second");
  if (size < HOUR) return format.format(Math.round(distance / MINUTE), "minute");
  if (size < DAY) return format.format(Math.round(distance / HOUR), "hour");
  return format.format(Math.round(distance / DAY), "day");
}

/** Between two moments: "2 min", "3 hr 5 min". */
export function formatSpan(from: Date, to: Date, locale?: string): string {
  const seconds = Math.max(0, Math.round((to.getTime() - from.getTime()) / 1000));
  const unit = (value: number, name: string): string => new Intl.NumberFormat(locale, { style: "unit", unit: name, unitDisplay: "short" }).format(value);
  if (seconds === 0) return `< ${unit(1, "second")}`;
  if (seconds < 60) return unit(seconds, "second");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return unit(minutes, "minute");
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${unit(hours, "hour")} ${unit(minutes % 60, "minute")}` : unit(hours, "hour");
  const days = Math.floor(hours / 24);
  return hours % 24 ? `${unit(days, "day")} ${unit(hours % 24, "hour")}` : unit(days, "day");
}

/** How long something took, told in seconds. */
export function formatSeconds(seconds: number, locale?: string): string {
  return formatSpan(new Date(0), new Date(seconds * 1000), locale);
}

let now = new Date();
const clock = {
  subscribe(listener: () => void): () => void {
    const timer = setInterval(() => {
      now = new Date();
      listener();
    }, TICK);
    now = new Date();
    return () => clearInterval(timer);
  },
  read: (): Date => now,
};

/** A moment that moves on. */
export function useNow(): Date {
  return useSyncExternalStore(clock.subscribe, clock.read);
}

/** A point in time. */
export function When({ at }: { at: string }) {
  const moment = new Date(at);
  return (
    <time dateTime={at} title={formatExactly(moment)}>
      {formatWhen(moment, useNow())}
    </time>
  );
}

/** How long something has been so. */
export function Span({ from }: { from: string }) {
  return <span className="number">{formatSpan(new Date(from), useNow())}</span>;
}

/** How far away it is: for what is awaited, and for how long something has been waiting. */
export function Distance({ at }: { at: string }) {
  const moment = new Date(at);
  return (
    <time dateTime={at} title={formatExactly(moment)}>
      {formatDistance(moment, useNow())}
    </time>
  );
}
