// A chart of columns: boxes that scale and follow the theme. Each says its value; a table beside it has the figures.

export interface Column {
  readonly key: string;
  /** Under it, where there is room. */
  readonly words: string;
  /** The whole of it, as a sentence. */
  readonly told: string;
  /** From 0 to 1 of the axis. */
  readonly height: number;
  /** A part of it that is shown darker, such as the median below a 95th percentile. */
  readonly part?: number;
}

const HEIGHT = 180;
/** With more there is room for the first and the last only. */
const LABELLED = 6;

/** `ticks` from the top of the axis to its foot, four of them. */
export function Columns({ columns, ticks, label }: { columns: readonly Column[]; ticks: readonly string[]; label: string }) {
  const few = columns.length <= LABELLED;
  return (
    <figure className="bars" aria-label={label}>
      <div className="bars-axis" aria-hidden="true" style={{ blockSize: `calc(${HEIGHT}px + 1.4em)` }}>
        {ticks.map((tick, line) => (
          <span key={line} className="small soft number">
            {tick}
          </span>
        ))}
      </div>
      <ol className={few ? "bars-plot bars-plot-few" : "bars-plot"} style={{ blockSize: HEIGHT }}>
        {columns.map((column) => (
          <li key={column.key} title={column.told} className={column.height === 0 ? "bars-none" : column.part === undefined ? undefined : "bars-pair"} style={{ blockSize: `${column.height * 100}%` }}>
            {column.part !== undefined && <span className="bars-part" aria-hidden="true" style={{ blockSize: column.height > 0 ? `${(column.part / column.height) * 100}%` : 0 }} />}
            <span className="unseen">{column.told}</span>
          </li>
        ))}
      </ol>
      <p className={few ? "bars-ends bars-few small soft" : "bars-ends small soft"} aria-hidden="true">
        {(few ? columns : [columns[0], columns.at(-1)]).map((column) => column && <span key={column.key}>{column.words}</span>)}
      </p>
    </figure>
  );
}
