// One stream of changes for whoever is signed in, kept open: what it tells is asked for again, and nothing else.
//
// Guarantees: after every loss it comes back from where it was, later each time it fails; a stream that says nothing for longer than
// its heartbeat is dead; without one the pages poll as if there were none. Cost: one connection while the page is in front or was
// lately; a burst of changes asks for a list at most twice a second.

import type { Query } from "@tanstack/react-query";
import type { paths } from "payouts-client/schema";

import { reader } from "./events.ts";
import { queries } from "../api/queries.ts";
import { type Area, areaOf, session, subscribe } from "../sign-in/token.ts";

/** The marketplace hears of changes by webhook; its pages poll. */
const STREAM = { provider: "/api/provider/stream", admin: "/api/admin/stream", marketplace: undefined } as const satisfies Record<Area, keyof paths | undefined>;

/** The server's heartbeat comes twice as often. */
const SILENCE_MS = 35_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** Where there is no stream for us: it is asked for again, in case the server was updated. */
const NO_STREAM_PAUSE_MS = 60_000;
/** A page that nobody looks at lets its connection go after this long. */
const HIDDEN_MS = 60_000;
/** At most one fetch of the same thing in this time. */
const BURST_MS = 500;

let open = false;

/** Whether changes are told now: then nothing need be asked for again and again. */
export function isFollowing(): boolean {
  return open;
}

/** What each change makes old, by the first words of the keys in `queries.ts`. */
const OLD: Readonly<Record<string, readonly string[]>> = {
  "payout.changed": ["payout", "payouts", "balance", "earnings", "reviews", "overview"],
  "balance.changed": ["balance", "earnings", "statement"],
  "notification.changed": ["notifications"],
  "bank_account.changed": ["bank-accounts"],
  "provider.changed": ["provider", "providers"],
  "review.changed": ["reviews", "review", "payout", "overview"],
  "batch.changed": ["batches", "batch", "forecast"],
  "case.changed": ["cases", "case", "payout", "overview"],
  "pause.changed": ["pauses", "payout", "providers"],
};

/** Follows for as long as the app runs: begins at sign-in, ends at sign-out. */
export function followChanges(): void {
  let current: { token: string; end: AbortController } | null = null;
  let hiding: ReturnType<typeof setTimeout> | undefined;
  const look = (): void => {
    const who = session();
    const wanted = who && !(document.hidden && hiding === undefined) ? who.token : null;
    if (current?.token === (wanted ?? undefined)) return;
    current?.end.abort();
    current = null;
    if (!who || wanted === null) return;
    const end = new AbortController();
    current = { token: wanted, end };
    const stream = STREAM[areaOf(who)];
    if (stream) void keepOpen(stream, wanted, end.signal);
  };
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    hiding = document.hidden
      ? setTimeout(() => {
          hiding = undefined;
          look();
        }, HIDDEN_MS)
      : undefined;
    look();
  });
  subscribe(look);
  look();
}

async function keepOpen(path: string, token: string, end: AbortSignal): Promise<void> {
  let last = "";
  let failures = 0;
  while (!end.aborted) {
    const lost = new AbortController();
    const give = (): void => lost.abort();
    end.addEventListener("abort", give);
    const ended = await once(path, token, last, lost, (id) => {
      last = id;
      failures = 0;
    });
    end.removeEventListener("abort", give);
    if (open) {
      open = false;
      // What is on the screen goes back to being asked for.
      void queries.invalidateQueries({ type: "active" });
    }
    if (ended === "for good" || end.aborted) return;
    failures += 1;
    const pause = ended === "no stream" ? NO_STREAM_PAUSE_MS : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1));
    // Many windows that lost one server do not come back as one.
    await wait(pause * (0.5 + Math.random() / 2), end);
  }
}

type Ended = "lost" | "no stream" | "for good";

/** One connection, from its beginning to its end. */
async function once(path: string, token: string, last: string, lost: AbortController, heard: (id: string) => void): Promise<Ended> {
  let silence = setTimeout(() => lost.abort(), SILENCE_MS);
  try {
    const headers = { Accept: "text/event-stream", Authorization: `Bearer ${token}`, ...(last ? { "Last-Event-ID": last } : {}) };
    const answer = await fetch(path, { headers, signal: lost.signal, cache: "no-store" });
    if (answer.status === 401) return "for good";
    if (!answer.ok || !answer.body || !answer.headers.get("content-type")?.startsWith("text/event-stream")) return answer.status >= 500 ? "lost" : "no stream";
    const read = reader();
    const text = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await text.read();
      if (done) return "lost";
      clearTimeout(silence);
      silence = setTimeout(() => lost.abort(), SILENCE_MS);
      for (const { event, data, id } of read(value)) {
        if (id) heard(id);
        if (event === "ready") {
          open = true;
          // Whatever changed before this is fetched now; whatever changes after it is told.
          if (!last) void queries.invalidateQueries({ type: "active" });
        } else if (event === "resync") void queries.invalidateQueries({ type: "active" });
        else if (event === "end" && data.includes("token_expired")) return "for good";
        else if (event in OLD) tell(event, idOf(data));
      }
    }
  } catch {
    return "lost";
  } finally {
    clearTimeout(silence);
    lost.abort();
  }
}

function idOf(data: string): string | undefined {
  try {
    const { id } = JSON.parse(data) as { id?: unknown };
    return typeof id === "string" ? id : undefined;
  } catch {
    return undefined;
  }
}

/** When a kind of thing was asked for again, and whether it is to be once more. */
const bursts = new Map<string, { again: boolean }>();

function tell(event: string, id: string | undefined): void {
  for (const word of OLD[event] ?? []) {
    // Of single things only the one that changed.
    const key = word === "payout" || word === "case" || word === "review" || word === "batch" ? `${word} ${id ?? ""}` : word;
    refresh(key, (query) => query.queryKey[0] === word && (key === word || id === undefined || query.queryKey.includes(id)));
  }
}

function refresh(key: string, which: (query: Query) => boolean): void {
  const burst = bursts.get(key);
  if (burst) {
    burst.again = true;
    return;
  }
  const now = { again: false };
  bursts.set(key, now);
  void queries.invalidateQueries({ predicate: which });
  setTimeout(() => {
    bursts.delete(key);
    if (now.again) refresh(key, which);
  }, BURST_MS);
}

function wait(ms: number, end: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    end.addEventListener("abort", () => {
      clearTimeout(timer);
      done();
    });
  });
}
