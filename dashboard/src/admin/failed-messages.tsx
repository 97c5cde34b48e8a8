// Mail, push and webhooks that were given up: why, and once more.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { failedMessages } from "./queries.ts";
import { answer, api } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { When } from "../show/time.tsx";
import { readable, shortId } from "../show/words.ts";
import { Action, ActionLink } from "../ui/action.tsx";
import { Section } from "../ui/page.tsx";
import { Answered } from "../ui/state.tsx";

export function FailedMessages() {
  const asked = useQuery(failedMessages);
  const queries = useQueryClient();
  const resend = useMutation({
    mutationFn: (id: string) => answer(api.POST("/api/admin/messages/{id}/resend", { params: { path: { id } } })),
    onSettled: () => queries.invalidateQueries({ queryKey: failedMessages.queryKey }),
  });
  return (
    <Section
      title="Messages that failed"
      aside={
        <ActionLink to="/admin/messages" kind="quiet">
          All messages
        </ActionLink>
      }
    >
      {resend.error && <ProblemNotice error={resend.error} />}
      <Answered asked={asked} rows={2}>
        {({ items }) =>
          items.length === 0 ? (
            <p className="section-words soft">None: mail, push and webhooks go out.</p>
          ) : (
            <ul className="rows">
              {items.map((message) => (
                <li key={message.id} className="row row-wrap">
                  <span className="row-main">
                    <span className="strong">
                      {readable(message.event ?? "message")} by {message.channel}
                    </span>
                    <span>{message.last_error ?? "No reason was given."}</span>
                    <span className="small soft">
                      {message.payout_id && (
                        <>
                          <Link to="/admin/payouts/$id" params={{ id: message.payout_id }} className="mono">
                            {shortId(message.payout_id)}
                          </Link>{" "}
                          ·{" "}
                        </>
                      )}
                      {message.tries === 1 ? "1 try" : `${message.tries} tries`}, since <When at={message.created_at} />
                    </span>
                  </span>
                  <span className="row-side">
                    <Action onPress={() => resend.mutate(message.id)} isPending={resend.isPending && resend.variables === message.id} aria-label={`Send ${readable(message.event ?? "message")} by ${message.channel} again`}>
                      Send again
                    </Action>
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
    </Section>
  );
}
