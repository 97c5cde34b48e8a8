// Statements of the gateway's wallet: finance imports them, every line is matched with what we know, what is left is a case.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useRef, useState } from "react";

import { statement, statements } from "./queries.ts";
import { answer, api, type Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { Badge, Money } from "../show/status.tsx";
import { When } from "../show/time.tsx";
import { actorWords, readable, shortId, type Tone } from "../show/words.ts";
import { useSession } from "../sign-in/token.ts";
import { Action } from "../ui/action.tsx";
import { Pager, Table } from "../ui/list.tsx";
import { Back, Page } from "../ui/page.tsx";
import { Said } from "../ui/said.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const list = getRouteApi("/admin/statements");
const one = getRouteApi("/admin/statements/$id");

export function Statements() {
  const search = list.useSearch();
  const asked = useQuery(statements(search));
  const finance = useSession()?.role === "finance";
  return (
    <Page
      title="Wallet statements"
      lead="What the gateway's own statement says, line by line. With this gateway a returned transfer may show nowhere else."
      actions={finance && <Import />}
    >
      <section className="section" aria-label="Statements" aria-busy={asked.isPlaceholderData}>
        <Answered asked={asked} rows={6}>
          {({ items, next_cursor }) => (
            <>
              {items.length > 0 ? (
                <Table caption="Statements, newest first" head={["Imported", { words: "Covers", wide: true }, { words: "Lines", end: true }, { words: "Matched", end: true, wide: true }, { words: "Unmatched", end: true }, { words: "Missing", end: true }]}>
                  {items.map((each) => (
                    <tr key={each.id}>
                      <th scope="row">
                        <Link to="/admin/statements/$id" params={{ id: each.id }}>
                          <When at={each.imported_at} />
                        </Link>{" "}
                        <span className="soft small">by {actorWords(each.imported_by)}</span>
                      </th>
                      <td className="wide">
                        <When at={each.from} /> – <When at={each.to} />
                      </td>
                      <td className="end number">{each.lines}</td>
                      <td className="end number wide">{each.matched}</td>
                      <td className="end number">{each.unmatched}</td>
                      <td className="end number">{each.missing}</td>
                    </tr>
                  ))}
                </Table>
              ) : (
                <Empty icon="scales" title="No statement yet">
                  {finance ? "Download one from the gateway's dashboard and import it." : "Somebody of finance imports them."}
                </Empty>
              )}
              <Pager cursor={search.cursor} next={next_cursor} shown={items.length} />
            </>
          )}
        </Answered>
      </section>
    </Page>
  );
}

function Import() {
  const input = useRef<HTMLInputElement>(null);
  const [said, setSaid] = useState("");
  const queries = useQueryClient();
  const send = useMutation({
    mutationFn: async (file: File) => {
      const body = await file.text();
      return answer(api.POST("/api/admin/wallet-statements", { body, bodySerializer: (text) => text, headers: { "Content-Type": "text/csv" } }));
    },
    onSuccess: (imported) => setSaid(`${imported.lines} lines: ${imported.matched} matched, ${imported.unmatched + imported.missing} for a person`),
    onSettled: () => queries.invalidateQueries(),
  });
  return (
    <>
      <Said words={said} />
      <input
        ref={input}
        type="file"
        accept=".csv,text/csv"
        hidden
        onChange={(event) => {
          const file = event.target.files?.[0];
          if (file) send.mutate(file);
          event.target.value = "";
        }}
      />
      <Action kind="main" icon="plus" onPress={() => input.current?.click()} isPending={send.isPending}>
        Import a statement
      </Action>
      {send.error && <ProblemNotice error={send.error} />}
    </>
  );
}

export function Statement() {
  const { id } = one.useParams();
  const { unmatched, after } = one.useSearch();
  const navigate = one.useNavigate();
  const asked = useQuery(statement(id, unmatched ?? false, after ?? 0));
  return (
    <Page title="Wallet statement" wide back={<Back to="/admin/statements">Wallet statements</Back>}>
      <label className="check filters">
        <input type="checkbox" checked={unmatched ?? false} onChange={(event) => void navigate({ search: event.target.checked ? { unmatched: true } : {}, replace: true })} />
        Only lines that do not match
      </label>
      <section className="section" aria-label="Lines" aria-busy={asked.isPlaceholderData}>
        <Answered asked={asked} rows={10}>
          {({ items, next_after }) => (
            <>
              {items.length > 0 ? (
                <Table caption="Lines of the statement" head={[{ words: "Line", end: true }, { words: "Booked", wide: true }, { words: "Amount", end: true }, "Is", { words: "Fee", end: true, wide: true }, { words: "Reference", wide: true }, "Payout"]}>
                  {items.map((line) => (
                    <Line key={line.line} line={line} />
                  ))}
                </Table>
              ) : (
                <Empty icon="check" title={unmatched ? "Every line matches" : "No lines"} />
              )}
              {(after !== undefined || next_after !== undefined) && (
                <nav className="pager" aria-label="Pages">
                  <Action kind="quiet" isDisabled={after === undefined} onPress={() => void navigate({ search: (old) => (old.unmatched ? { unmatched: true } : {}) })}>
                    First page
                  </Action>
                  <Action isDisabled={next_after === undefined} onPress={() => void navigate({ search: (old) => ({ ...old, ...(next_after === undefined ? {} : { after: next_after }) }) })}>
                    Next
                  </Action>
                </nav>
              )}
            </>
          )}
        </Answered>
      </section>
    </Page>
  );
}

function Line({ line }: { line: Schemas["WalletStatementLine"] }) {
  const signed = line.type === "debit" ? { ...line.amount, amount: `-${line.amount.amount}` } : line.amount;
  return (
    <tr>
      <td className="end number">{line.line}</td>
      <td className="wide">
        <When at={line.at} />
      </td>
      <td className="end">
        <Money value={signed} signed />
      </td>
      <td className="words">
        <Badge tone={tone(line.result)}>{readable(line.result)}</Badge>
        {line.note && <span className="small soft"> {line.note}</span>}
      </td>
      <td className="end wide">
        <Money value={line.fee} />
      </td>
      <td className="wide mono">{line.reference}</td>
      <td>
        {line.payout_id && (
          <Link to="/admin/payouts/$id" params={{ id: line.payout_id }} className="mono" aria-label={`Payout ${shortId(line.payout_id)}`}>
            {shortId(line.payout_id)}
          </Link>
        )}
      </td>
    </tr>
  );
}

function tone(result: string): Tone {
  switch (result) {
    case "differs":
    case "unmatched":
      return "red";
    case "reversal":
    case "returned":
      return "violet";
    case "elsewhere":
      return "grey";
    default:
      return "green";
  }
}
