import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import "../styles/provider.css";
import { notifications } from "./queries.ts";
import { answer, api, type Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { withMoney } from "../show/money.ts";
import { When } from "../show/time.tsx";
import { messageWords } from "../show/words.ts";
import { Action, ActionLink } from "../ui/action.tsx";
import { Pager } from "../ui/list.tsx";
import { Page } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const route = getRouteApi("/provider/notifications");

export function Notifications() {
  const search = route.useSearch();
  const asked = useQuery(notifications(search));
  const queries = useQueryClient();
  const read = useMutation({
    mutationFn: (id: string) => answer(api.POST("/api/provider/notifications/read", { body: { up_to: id } })),
    onSettled: () => queries.invalidateQueries({ queryKey: ["notifications"] }),
  });
  const unread = asked.data?.items.find((message) => message.read_at === undefined);
  return (
    <Page
      title="Notifications"
      lead="What you were told about your payouts, newest first."
      actions={
        <>
          <ActionLink to="/provider/notifications/settings" kind="quiet">
            Settings
          </ActionLink>
          {unread && (
            <Action icon="check" onPress={() => read.mutate(unread.id)} isPending={read.isPending}>
              Mark all as read
            </Action>
          )}
        </>
      }
    >
      {read.error && <ProblemNotice error={read.error} />}
      <section className="section" aria-label="Notifications" aria-busy={asked.isPlaceholderData}>
        <Answered asked={asked} rows={8}>
          {({ items, next_cursor }) => (
            <>
              {items.length > 0 ? (
                <ul className="rows">
                  {items.map((message) => (
                    <li key={message.id}>
                      <Link {...about(message)} className={message.read_at === undefined ? "row row-unread" : "row"}>
                        <span className={`step-dot step-${messageWords(message.event).tone}`} aria-hidden="true" />
                        <span className="row-main">
                          <span className={message.read_at === undefined ? "strong" : undefined}>
                            {message.title}
                            {message.read_at === undefined && <span className="unseen"> (not read yet)</span>}
                          </span>
                          <span className="soft">{withMoney(withoutStop(message.body))}</span>
                        </span>
                        <span className="row-side small soft">
                          <When at={message.created_at} />
                        </span>
                      </Link>
                      <Stop body={message.body} />
                    </li>
                  ))}
                </ul>
              ) : (
                <Empty icon="bell" title="Nothing to tell yet">
                  Each step of a payout that matters to you is told here.
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

/** Where a message leads: to its payout, else to the bank account that it is about. */
function about({ payout_id }: Schemas["Notification"]) {
  return payout_id === undefined ? ({ to: "/provider/bank-accounts" } as const) : ({ to: "/provider/payouts/$id", params: { id: payout_id } } as const);
}

/** The link that stops a new bank account, as it stands in the message about it. */
const STOP = /(?: here:)?\s*https?:\/\/\S*?(\/bank-account-stops\/[0-9a-f]{64})/;

function withoutStop(body: string): string {
  return body.replace(STOP, " with the link below.");
}

/** A page of the API's own, which works for whoever has the link. */
function Stop({ body }: { body: string }) {
  const path = STOP.exec(body)?.[1];
  if (path === undefined) return null;
  return (
    <p className="row-more">
      <a href={path}>It was not me: stop this account</a>
    </p>
  );
}
