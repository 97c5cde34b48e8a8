import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";

import { Forecast } from "./forecast.tsx";
import { batches } from "./queries.ts";
import { ScheduleInShort } from "./schedule.tsx";
import { answer, api, type Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { Bars } from "../show/bars.tsx";
import { Badge, Money } from "../show/status.tsx";
import { formatDistance, formatSpan, formatWhen, useNow, When } from "../show/time.tsx";
import { actorWords, batchKind, shortId } from "../show/words.ts";
import { Action } from "../ui/action.tsx";
import { Question } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { Pager, Table } from "../ui/list.tsx";
import { Page, Section } from "../ui/page.tsx";
import { Said } from "../ui/said.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const route = getRouteApi("/admin/batches");
/** The chart is of one currency. */
const CHARTED = "NGN";

export function Batches() {
  const search = route.useSearch();
  const asked = useQuery(batches(search));
  return (
    <Page title="Batches" actions={<RunNow />}>
      <Answered asked={asked} rows={8}>
        {({ items, next_cursor, next_window_at }) => (
          <>
            <NextWindow at={next_window_at} />
            <Forecast />
            <ScheduleInShort />
            {items.length === 0 ? (
              <section className="section">
                <Empty icon="batch" title="No batch has left yet">
                  The next window opens one, or run one now.
                </Empty>
              </section>
            ) : (
              <>
                <Section title="How much left">
                  <Bars bars={items.toReversed().flatMap(asBar)} currency={CHARTED} label="Amount of each batch on this page, oldest first" />
                </Section>
                <section className="section" aria-label="Batches" aria-busy={asked.isPlaceholderData}>
                  <Table caption="Batches, newest first" head={["Batch", { words: "Kind", wide: true }, { words: "Payouts", end: true }, { words: "Amount", end: true }, { words: "Opened", wide: true }, { words: "Took", wide: true, end: true }]}>
                    {items.map((batch) => (
                      <Row key={batch.id} batch={batch} />
                    ))}
                  </Table>
                  <Pager cursor={search.cursor} next={next_cursor} shown={items.length} />
                </section>
              </>
            )}
          </>
        )}
      </Answered>
    </Page>
  );
}

function asBar(batch: Schemas["Batch"]): { key: string; words: string; amount: string }[] {
  const sum = batch.sums.find((each) => each.currency === CHARTED);
  return sum ? [{ key: batch.id, words: formatWhen(new Date(batch.opened_at), new Date()), amount: sum.amount }] : [];
}

function Row({ batch }: { batch: Schemas["Batch"] }) {
  return (
    <tr>
      <th scope="row">
        <Link to="/admin/batches/$id" params={{ id: batch.id }} className="mono" aria-label={`Batch ${shortId(batch.id)}`}>
          {shortId(batch.id)}
        </Link>
        <span className="only-narrow small soft">
          <When at={batch.opened_at} />
        </span>
      </th>
      <td className="wide">
        <Badge tone={batch.kind === "WINDOW" ? "green" : "blue"}>{batchKind(batch.kind)}</Badge>
      </td>
      <td className="end number">{batch.payouts}</td>
      <td className="end strong">{batch.sums.length === 0 ? "–" : batch.sums.map((sum) => <Money key={sum.currency} value={sum} />)}</td>
      <td className="wide">
        <When at={batch.opened_at} /> <span className="soft small">by {actorWords(batch.opened_by)}</span>
      </td>
      <td className="end wide number">{batch.closed_at ? formatSpan(new Date(batch.opened_at), new Date(batch.closed_at)) : "open"}</td>
    </tr>
  );
}

function NextWindow({ at }: { at: string | undefined }) {
  const now = useNow();
  return (
    <p className="notice notice-blue">
      <Icon name="clock" />
      <span>
        {at === undefined ? (
          "Approved payouts leave at once here: there are no windows."
        ) : (
          <>
            The next batch leaves by itself <span className="strong">{formatDistance(new Date(at), now)}</span>, at <When at={at} />.
          </>
        )}
      </span>
    </p>
  );
}

function RunNow() {
  const [asking, setAsking] = useState(false);
  const [said, setSaid] = useState("");
  const queries = useQueryClient();
  const run = useMutation({
    mutationFn: () => answer(api.POST("/api/admin/batches/run")),
    onSuccess: (batch) => {
      setAsking(false);
      setSaid(`Batch ${shortId(batch.id)} is open: it takes what is approved and not held.`);
    },
    onSettled: () => queries.invalidateQueries(),
  });
  return (
    <>
      <Said words={said} />
      <Action kind="main" icon="arrow" onPress={() => setAsking(true)}>
        Run a batch now
      </Action>
      <Question title="Run a batch now?" isOpen={asking} onClose={() => setAsking(false)} busy={run.isPending} alert>
        <p>Every payout that is approved by now leaves at once, as far as the wallet reaches. Running it twice pays nothing twice.</p>
        {run.error && <ProblemNotice error={run.error} />}
        <div className="dialog-actions">
          <Action onPress={() => setAsking(false)} isDisabled={run.isPending} autoFocus>
            Wait for the window
          </Action>
          <Action kind="main" onPress={() => run.mutate()} isPending={run.isPending}>
            Run it now
          </Action>
        </div>
      </Question>
    </>
  );
}
