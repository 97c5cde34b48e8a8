// What the engine refused so often that it was given up, and once more. Usually there is none.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";

import { deadLetters } from "./queries.ts";
import { answer, api, type Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { anyFilter, type deadLettersSearch, DEAD_LETTER_KINDS, only } from "../show/search.ts";
import { When } from "../show/time.tsx";
import { readable, shortId } from "../show/words.ts";
import { Action, ActionLink } from "../ui/action.tsx";
import { Choice } from "../ui/field.tsx";
import { Filters, Pager } from "../ui/list.tsx";
import { Page, Section } from "../ui/page.tsx";
import { Said } from "../ui/said.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const route = getRouteApi("/admin/dead-letters");

type Search = ReturnType<typeof deadLettersSearch>;

export function DeadLetters() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const asked = useQuery(deadLetters(search));
  const filter = (change: { [Name in keyof Search]?: Search[Name] | string | undefined }): void => {
    void navigate({ search: (old) => only({ ...old, cursor: undefined, ...change }) as Search, replace: true });
  };
  return (
    <Page title="Dead letters" lead="What the workflow engine refused for about a day. No payout is lost by one: but what it says is not heard until it is sent again, once its cause is mended.">
      <Filters any={anyFilter(search)} onClear={() => void navigate({ search: {} })}>
        <Choice label="Kind" value={search.kind} options={DEAD_LETTER_KINDS.map((kind) => [kind, readable(kind)])} onChange={(kind) => filter({ kind })} />
        {search.payout && (
          <span className="choice">
            <span>Payout</span>
            <Action icon="cross" onPress={() => filter({ payout: undefined })} aria-label={`Clear the payout ${search.payout}`}>
              <code>{shortId(search.payout)}</code>
            </Action>
          </span>
        )}
      </Filters>
      <section className="section" aria-label="Dead letters" aria-busy={asked.isPlaceholderData}>
        <Answered asked={asked} rows={4}>
          {({ items, next_cursor }) => (
            <>
              {items.length === 0 ? (
                <Empty icon="check" title={anyFilter(search) ? "No dead letter matches" : "No dead letter"}>
                  The engine has heard everything it was told.
                </Empty>
              ) : (
                <Letters letters={items} />
              )}
              <Pager cursor={search.cursor} next={next_cursor} shown={items.length} />
            </>
          )}
        </Answered>
      </section>
    </Page>
  );
}

/** The shorter form, beside the health of everything else. */
export function DeadLettersInShort() {
  const asked = useQuery(deadLetters({}));
  return (
    <Section
      title="Dead letters"
      aside={
        <ActionLink to="/admin/dead-letters" kind="quiet">
          All dead letters
        </ActionLink>
      }
    >
      <Answered asked={asked} rows={2}>
        {({ items }) => (items.length === 0 ? <p className="section-words soft">None: the engine has heard everything it was told.</p> : <Letters letters={items.slice(0, 5)} />)}
      </Answered>
    </Section>
  );
}

function Letters({ letters }: { letters: readonly Schemas["DeadLetter"][] }) {
  const [said, setSaid] = useState("");
  const queries = useQueryClient();
  const resend = useMutation({
    mutationFn: (number: number) => answer(api.POST("/api/admin/dead-letters/{number}/resend", { params: { path: { number } } })),
    onSuccess: ({ ids }) => setSaid(ids.length === 1 ? "It is sent again" : `${ids.length} are sent again: the older ones of its payout go first`),
    onSettled: () => queries.invalidateQueries({ queryKey: ["dead-letters"] }),
  });
  return (
    <>
      <Said words={said} />
      {resend.error && <ProblemNotice error={resend.error} />}
      <ul className="rows">
        {letters.map((letter) => (
          <li key={letter.id} className="row row-wrap">
            <span className="row-main">
              <span className="strong">
                {readable(letter.kind)} {letter.signal && <code>{letter.signal}</code>}
              </span>
              <span>{letter.last_error ?? "No reason was given."}</span>
              <span className="small soft">
                {letter.payout_id && (
                  <>
                    <Link to="/admin/payouts/$id" params={{ id: letter.payout_id }} className="mono" aria-label={`Payout ${shortId(letter.payout_id)}`}>
                      {shortId(letter.payout_id)}
                    </Link>{" "}
                    ·{" "}
                  </>
                )}
                {letter.batch_id && (
                  <>
                    <Link to="/admin/batches/$id" params={{ id: letter.batch_id }} className="mono" aria-label={`Batch ${shortId(letter.batch_id)}`}>
                      {shortId(letter.batch_id)}
                    </Link>{" "}
                    ·{" "}
                  </>
                )}
                given up <When at={letter.dead_at} /> after {letter.tries} tries
              </span>
            </span>
            <span className="row-side">
              <Action onPress={() => resend.mutate(letter.id)} isPending={resend.isPending && resend.variables === letter.id} aria-label={`Send ${readable(letter.kind).toLowerCase()} ${letter.signal ?? ""} again`}>
                Send again
              </Action>
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}
