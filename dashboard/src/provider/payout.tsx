// One payout as its provider sees it: where it stands, what it waits for, and its way so far.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";

import { useBankName } from "./bank-name.ts";
import { payout as payoutQuery } from "./queries.ts";
import { answer, api, type Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { formatMoney } from "../show/money.ts";
import { AttemptBadge, Money, StatusBadge } from "../show/status.tsx";
import { When } from "../show/time.tsx";
import { Timeline } from "../show/timeline.tsx";
import { WaitingFor } from "../show/waiting.tsx";
import { Action, ActionLink } from "../ui/action.tsx";
import { Question } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { Back, Facts, Page, Section } from "../ui/page.tsx";
import { Answered } from "../ui/state.tsx";

const route = getRouteApi("/provider/payouts/$id");

export function Payout() {
  const { id } = route.useParams();
  const asked = useQuery(payoutQuery(id));
  const amount = asked.data ? formatMoney(asked.data.payout.amount) : "";
  return (
    <Page title={amount ? `Payout of ${amount}` : "Payout"} back={<Back to="/provider/payouts">Payouts</Back>}>
      <Answered asked={asked} rows={8}>
        {(detail) => <Detail detail={detail} />}
      </Answered>
    </Page>
  );
}

function Detail({ detail: { payout, waiting, timeline, attempts, bank_account } }: { detail: Schemas["PayoutDetail"] }) {
  const bankName = useBankName();
  return (
    <div className="split">
      <div className="split-main">
        <div aria-live="polite">
          {waiting ? (
            <WaitingFor waiting={waiting} reader="provider">
              {(payout.status === "REQUESTED" || payout.status === "APPROVED") && <Cancel payout={payout} />}
            </WaitingFor>
          ) : (
            <Ended payout={payout} />
          )}
        </div>
        {payout.status === "FAILED" && payout.failure && payout.refunded_at === undefined && <Failed failure={payout.failure} />}
        <Section title="What happened">
          <Timeline steps={timeline.map((entry) => ({ at: entry.at, code: entry.what, who: whoWords(entry.who), reason: entry.reason }))} />
        </Section>
      </div>
      <div className="split-side">
        <Section title="Details">
          <Facts
            facts={[
              ["Status", <StatusBadge key="status" payout={payout} />],
              ["You receive", <Money key="amount" value={payout.amount} />],
              ["Fee", "None: the platform pays it"],
              bank_account && [
                "To",
                <span key="account">
                  {bank_account.account_name}
                  <br />
                  <span className="soft">
                    {bankName(bank_account.bank_code)} <span className="number">{bank_account.account_number.replaceAll("*", "•")}</span>
                  </span>
                </span>,
              ],
              ["Requested", <When key="requested" at={payout.requested_at} />],
              payout.completed_at !== undefined && ["Arrived", <When key="completed" at={payout.completed_at} />],
              ["Payout", <code key="id">{payout.id}</code>],
            ]}
          />
        </Section>
        {attempts.length > 1 && (
          <Section title="Attempts">
            <ul className="rows">
              {attempts.map((attempt) => (
                <li key={attempt.number} className="row">
                  <span className="row-main">
                    <span className="strong">Attempt {attempt.number}</span>
                    <span className="small soft">{attempt.failure ?? <When at={attempt.began_at} />}</span>
                  </span>
                  <span className="row-side">
                    <AttemptBadge status={attempt.status} />
                  </span>
                </li>
              ))}
            </ul>
          </Section>
        )}
      </div>
    </div>
  );
}

function Ended({ payout }: { payout: Schemas["Payout"] }) {
  const { tone, title, words } = ending(payout);
  return (
    <section className={`ending ending-${tone}`} aria-label="How it ended">
      <span className="waiting-mark">
        <Icon name={tone === "green" ? "check" : "cross"} size={22} />
      </span>
      <div className="waiting-words">
        <h2>{title}</h2>
        <p>{words}</p>
        {tone !== "green" && (
          <p>
            <ActionLink to="/provider/payouts/new" icon="arrow">
              Request another payout
            </ActionLink>
          </p>
        )}
      </div>
    </section>
  );
}

function ending(payout: Schemas["Payout"]): { tone: "green" | "red" | "grey" | "violet"; title: string; words: string } {
  const amount = formatMoney(payout.amount);
  switch (payout.status) {
    case "COMPLETED":
      return { tone: "green", title: "The money has arrived", words: `${amount} reached your bank account. Some banks show it a little later.` };
    case "REJECTED":
      return { tone: "red", title: "Rejected", words: `${payout.rejection?.reason ?? "It could not be approved."} The money is back in your balance.` };
    case "CANCELLED":
      return { tone: "grey", title: "Cancelled", words: `You took it back. ${amount} is in your balance again.` };
    case "REVERSED":
      return { tone: "violet", title: "Returned by the bank", words: `The bank sent ${amount} back. It is in your balance again. Check the account before you ask again.` };
    case "FAILED":
      return { tone: "grey", title: "Failed, and refunded", words: `${payout.failure?.detail ?? ""} ${amount} is back in your balance.`.trim() };
    case "REQUESTED":
    case "APPROVED":
    case "PROCESSING":
      return { tone: "grey", title: "Under way", words: "" };
  }
}

function Failed({ failure }: { failure: Schemas["Failure"] }) {
  return (
    <div className="notice notice-amber">
      <Icon name="attention" />
      <div className="notice-words">
        <p className="strong">Why it failed</p>
        <p>{failure.detail}</p>
      </div>
    </div>
  );
}

function Cancel({ payout }: { payout: Schemas["Payout"] }) {
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => answer(api.POST("/api/provider/payouts/{id}/cancel", { params: { path: { id: payout.id } } })),
    onSuccess: () => setAsking(false),
    onSettled: () => queries.invalidateQueries(),
  });
  return (
    <>
      <p>
        <Action icon="cross" onPress={() => setAsking(true)}>
          Cancel this payout
        </Action>
      </p>
      <Question title="Cancel this payout?" isOpen={asking} onClose={() => setAsking(false)} busy={cancel.isPending} alert>
        <p>
          <Money value={payout.amount} /> goes back to your balance. You can ask again at any time.
        </p>
        {cancel.error && <ProblemNotice error={cancel.error} />}
        <div className="dialog-actions">
          <Action onPress={() => setAsking(false)} isDisabled={cancel.isPending} autoFocus>
            Keep it
          </Action>
          <Action kind="danger" onPress={() => cancel.mutate()} isPending={cancel.isPending}>
            Cancel the payout
          </Action>
        </div>
      </Question>
    </>
  );
}

function whoWords(who: string): string {
  switch (who) {
    case "provider":
      return "you";
    case "admin":
      return "our team";
    case "system":
      return "the system";
    default:
      return who;
  }
}
