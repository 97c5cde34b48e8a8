// A chart of how long things took, day by day: the median, and what 95 of 100 took at most.

import { Columns } from "./columns.tsx";
import { formatSeconds } from "./time.tsx";

interface Spread {
  readonly key: string;
  readonly words: string;
  /** Absent where nothing happened. */
  readonly seconds: { readonly p50: number; readonly p95: number } | undefined;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Tops whose thirds are read easily. */
const TOPS = [3, 15, 30, MINUTE, 3 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 3 * DAY, 6 * DAY, 15 * DAY, 30 * DAY, 90 * DAY, 360 * DAY] as const;

export function Spans({ spreads, label }: { spreads: readonly Spread[]; label: string }) {
  const most = Math.max(0, ...spreads.map((each) => each.seconds?.p95 ?? 0));
  const top = TOPS.find((each) => each >= most) ?? most;
  return (
    <>
      <Columns
        columns={spreads.map(({ key, words, seconds }) => ({
          key,
          words,
          told: seconds ? `${words}: median ${formatSeconds(seconds.p50)}, 95 of 100 within ${formatSeconds(seconds.p95)}` : `${words}: none`,
          height: (seconds?.p95 ?? 0) / top,
          part: (seconds?.p50 ?? 0) / top,
        }))}
        ticks={[3, 2, 1, 0].map((line) => (line === 0 ? "0" : formatSeconds(Math.round((top * line) / 3))))}
        label={label}
      />
      <p className="legend small soft" aria-hidden="true">
        <span className="legend-part" /> median <span className="legend-whole" /> 95 of 100 within
      </p>
    </>
  );
}
