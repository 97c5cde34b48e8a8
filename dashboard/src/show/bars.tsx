// A bar chart of amounts: boxes that scale, follows the theme, and each bar says its value. The table beside it has the figures.

import { type Currency, formatMoney, formatRoughly, units } from "./money.ts";

interface Bar {
  readonly key: string;
  readonly words: string;
  readonly amount: string;
}

const HEIGHT = 180;
const LINES = 3;
/** With more there is room for the first and the last only. */
const LABELLED = 6;

export function Bars({ bars, currency, label }: { bars: readonly Bar[]; currency: Currency; label: string }) {
  const few = bars.length <= LABELLED;
  const top = niceTop(bars.reduce((most, bar) => (units(bar.amount) > most ? units(bar.amount) : most), 0n));
  const ticks = Array.from({ length: LINES + 1 }, (_, line) => (top * BigInt(line)) / BigInt(LINES));
  return (
    <figure className="bars" aria-label={label}>
      <div className="bars-axis" aria-hidden="true" style={{ blockSize: HEIGHT }}>
        {ticks.toReversed().map((tick) => (
          <span key={tick} className="small soft number">
            {formatRoughly({ amount: (tick / 10_000n).toString(), currency })}
          </span>
        ))}
      </div>
      <ol className={few ? "bars-plot bars-plot-few" : "bars-plot"} style={{ blockSize: HEIGHT }}>
        {bars.map((bar) => (
          <li key={bar.key} title={`${bar.words}: ${formatMoney({ amount: bar.amount, currency })}`} style={{ blockSize: `${Number((units(bar.amount) * 1000n) / top) / 10}%` }}>
            <span className="unseen">
              {bar.words}: {formatMoney({ amount: bar.amount, currency })}
            </span>
          </li>
        ))}
      </ol>
      <p className={few ? "bars-ends bars-few small soft" : "bars-ends small soft"} aria-hidden="true">
        {(few ? bars : [bars[0], bars.at(-1)]).map((bar) => bar && <span key={bar.key}>{bar.words}</span>)}
      </p>
    </figure>
  );
}

/** The next number above that divides evenly among the lines: 3, 6 or 15 times a power of ten. */
function niceTop(most: bigint): bigint {
  for (let power = 10_000n; ; power *= 10n) {
    for (const step of [3n, 6n, 15n]) if (step * power >= most) return step * power;
  }
}
