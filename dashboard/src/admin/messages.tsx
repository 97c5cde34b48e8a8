// What went out by mail, push and webhook, and what did not: why, and once more.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import "../styles/admin.css";
import { messages } from "./queries.ts";
import { answer, api } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { MESSAGE_STATE_WORDS, MessageState } from "../show/message.tsx";
import { anyFilter, type messagesSearch, only } from "../show/search.ts";
import { Distance, When } from "../show/time.tsx";
import { readable, shortId } from "../show/words.ts";
import { Action } from "../ui/action.tsx";
import { Choice } from "../ui/field.tsx";
import { Filters, Pager, Table } from "../ui/list.tsx";
import { Page } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const route = getRouteApi("/admin/messages");

type Search = ReturnType<typeof messagesSearch>;

export function Messages() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const asked = useQuery(messages(search));
  const queries = useQueryClient();
  const resend = useMutation({
    mutationFn: (id: string) => answer(api.POST("/api/admin/messages/{id}/resend", { params: { path: { id } } })),
    onSettled: () => Promise.all([queries.invalidateQueries({ queryKey: ["messages"] }), queries.invalidateQueries({ queryKey: ["failed-messages"] })]),
  });
  const filter = (change: { [Name in keyof Search]?: Search[Name] | string | undefined }): void => {
    void navigate({ search: (old) => only({ ...old, cursor: undefined, ...change }) as Search, replace: true });
  };
  return (
    <Page title="Messages" wide lead="What people and the marketplace were told by mail, push and webhook. Each is tried for days; what failed for good is sent again from here, once its cause is mended.">
      <Filters any={anyFilter(search)} onClear={() => void navigate({ search: {} })}>
        <Choice label="State" value={search.state} options={MESSAGE_STATE_WORDS} onChange={(state) => filter({ state })} />
        <Choice
          label="Channel"
          value={search.channel}
          options={[
            ["email", "Mail"],
            ["push", "Push"],
            ["webhook", "Webhook"],
          ]}
          onChange={(channel) => filter({ channel })}
        />
        {search.payout && (
          <span className="choice">
            <span>Payout</span>
            <Action icon="cross" onPress={() => filter({ payout: undefined })} aria-label={`Clear the payout ${search.payout}`}>
              <code>{shortId(search.payout)}</code>
            </Action>
          </span>
        )}
      </Filters>
      {resend.error && <ProblemNotice error={resend.error} />}
      <section className="section" aria-label="Messages" aria-busy={asked.isPlaceholderData}>
        <Answered asked={asked} rows={8}>
          {({ items, next_cursor }) => (
            <>
              {items.length === 0 ? (
                <Empty icon="bell" title={anyFilter(search) ? "No message matches" : "No message yet"}>
                  {search.state === "failed" ? "None has failed: mail, push and webhooks go out." : anyFilter(search) ? "Change the filters, or clear them." : "They appear here as payouts move."}
                </Empty>
              ) : (
                <Table caption="Messages, newest first" head={["What", { words: "To", wide: true }, "State", { words: "What came of it", wide: true }, { words: "Written", wide: true }, { words: "Again", end: true }]}>
                  {items.map((message) => (
                    <tr key={message.id}>
                      <th scope="row">
                        {readable(message.event ?? "test")} <span className="soft">by {message.channel === "email" ? "mail" : message.channel}</span>
                        {message.payout_id && (
                          <span className="delivery-id small">
                            <Link to="/admin/payouts/$id" params={{ id: message.payout_id }} className="mono" aria-label={`Payout ${shortId(message.payout_id)}`}>
                              {shortId(message.payout_id)}
                            </Link>
                          </span>
                        )}
                      </th>
                      <td className="wide words small">{message.channel === "email" ? message.endpoint : <code>{shortId(message.endpoint)}</code>}</td>
                      <td>
                        <MessageState message={message} />
                      </td>
                      <td className="wide words small">
                        {message.code !== undefined && <span className="strong">{message.code} </span>}
                        {message.last_error ?? message.answer}
                        <span className="soft">
                          {" "}
                          {message.tries === 1 ? "1 try" : `${message.tries} tries`}
                          {message.next_try_at && (
                            <>
                              , next <Distance at={message.next_try_at} />
                            </>
                          )}
                        </span>
                      </td>
                      <td className="wide">
                        <When at={message.created_at} />
                      </td>
                      <td className="end">
                        {message.state === "failed" && (
                          <Action onPress={() => resend.mutate(message.id)} isPending={resend.isPending && resend.variables === message.id} aria-label={`Send ${readable(message.event ?? "test")} by ${message.channel} again`}>
                            Send again
                          </Action>
                        )}
                      </td>
                    </tr>
                  ))}
                </Table>
              )}
              <Pager cursor={search.cursor} next={next_cursor} shown={items.length} />
            </>
          )}
        </Answered>
      </section>
    </Page>
  );
}
