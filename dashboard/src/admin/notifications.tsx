// What the admins were told, newest first. Reading is each person's own.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { adminNotifications } from "./queries.ts";
import { answer, api, type Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { withMoney } from "../show/money.ts";
import { When } from "../show/time.tsx";
import type { Tone } from "../show/words.ts";
import { Action, ActionLink } from "../ui/action.tsx";
import { Pager } from "../ui/list.tsx";
import { Page } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const route = getRouteApi("/admin/notifications");

const TONES: Readonly<Record<string, Tone>> = { review_waiting: "amber", review_escalated: "red", funding_short: "red", attempt_unknown: "amber", window_missed: "red", case_opened: "red", webhook_disabled: "amber" };

export function AdminNotifications() {
  const search = route.useSearch();
  const asked = useQuery(adminNotifications(search));
  const queries = useQueryClient();
  const read = useMutation({
    mutationFn: (id: string) => answer(api.POST("/api/admin/notifications/read", { body: { up_to: id } })),
    onSettled: () => queries.invalidateQueries({ queryKey: ["notifications"] }),
  });
  const unread = asked.data?.items.find((message) => !message.read);
  return (
    <Page
      title="Notifications"
      lead="What the admins were told, newest first. What you have read is marked for you alone."
      actions={
        <>
          <ActionLink to="/admin/notifications/settings" kind="quiet">
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
                      <About message={message}>
                        <span className={`step-dot step-${TONES[message.event] ?? "grey"}`} aria-hidden="true" />
                        <span className="row-main">
                          <span className={message.read ? undefined : "strong"}>
                            {message.title}
                            {!message.read && <span className="unseen"> (not read yet)</span>}
                          </span>
                          <span className="soft">{withMoney(message.body)}</span>
                        </span>
                        <span className="row-side small soft">
                          <When at={message.created_at} />
                        </span>
                      </About>
                    </li>
                  ))}
                </ul>
              ) : (
                <Empty icon="bell" title="Nothing to tell yet">
                  Reviews that wait too long, missing money, unknown outcomes and cases are told here.
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

/** Leads to what the message is about, where there is a page of it. */
function About({ message, children }: { message: Schemas["AdminNotification"]; children: ReactNode }) {
  const looks = message.read ? "row" : "row row-unread";
  const [kind, id = ""] = message.subject.split(":");
  switch (kind) {
    case "payout":
      return (
        <Link to="/admin/payouts/$id" params={{ id }} className={looks}>
          {children}
        </Link>
      );
    case "case":
      return (
        <Link to="/admin/cases/$id" params={{ id }} className={looks}>
          {children}
        </Link>
      );
    default:
      return message.event === "funding_short" || message.event === "window_missed" ? (
        <Link to="/admin/batches" className={looks}>
          {children}
        </Link>
      ) : (
        <div className={looks}>{children}</div>
      );
  }
}
