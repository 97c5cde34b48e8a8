// A chart of amounts.

import { Columns } from "./columns.tsx";
import { type Currency, formatMoney, formatRoughly, units } from "./money.ts";

interface Bar {
  readonly key: string;
  readonly words: string;
  readonly amount: string;
}

const LINES = 3n;

export function Bars({ bars, currency, label }: { bars: readonly Bar[]; currency: Currency; label: string }) {
  const top = niceTop(bars.reduce((most, bar) => (units(bar.amount) > most ? units(bar.amount) : most), 0n));
  const ticks = [3n, 2n, 1n, 0n].map((line) => formatRoughly({ amount: ((top * line) / LINES / 10_000n).toString(), currency }));
  return (
    <Columns
      columns={bars.map((bar) => ({ key: bar.key, words: bar.words, told: `${bar.words}: ${formatMoney({ amount: bar.amount, currency })}`, height: Number((units(bar.amount) * 1000n) / top) / 1000 }))}
      ticks={ticks}
      label={label}
    />
  );
}

/** The next number above that divides evenly among the lines: 3, 6 or 15 times a power of ten. */
function niceTop(most: bigint): bigint {
  for (let power = 10_000n; ; power *= 10n) {
    for (const step of [3n, 6n, 15n]) if (step * power >= most) return step * power;
  }
}
