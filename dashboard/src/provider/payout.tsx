// One payout as its provider sees it: where it stands, what it waits for, and its way so far.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";

import "../styles/provider.css";
import { AccountWords } from "./account-options.tsx";
import { AnotherAccount } from "./another-account.tsx";
import { payout as payoutQuery } from "./queries.ts";
import { answer, api, type Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import { formatMoney } from "../show/money.ts";
import { AttemptBadge, Money, StatusBadge } from "../show/status.tsx";
import { When } from "../show/time.tsx";
import { Timeline } from "../show/timeline.tsx";
import { WaitingFor } from "../show/waiting.tsx";
import { shortId } from "../show/words.ts";
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
        {(detail) => <Detail key={id} detail={detail} />}
      </Answered>
    </Page>
  );
}

function Detail({ detail: { payout, waiting, timeline, attempts, bank_account, actions, replaces, replaced_by } }: { detail: Schemas["PayoutDetail"] }) {
  const can = (name: string): boolean => actions.some((action) => action.name === name && action.allowed);
  const another = can("another_account");
  return (
    <div className="split">
      <div className="split-main">
        <div aria-live="polite">
          {waiting ? (
            <WaitingFor waiting={another ? { ...waiting, who: "provider", detail: GIVE_ANOTHER } : waiting} reader="provider">
              {can("cancel") && <Cancel payout={payout} />}
            </WaitingFor>
          ) : (
            <Ended payout={payout} replacedBy={replaced_by} />
          )}
        </div>
        {another ? <AnotherAccount payout={payout} refused={bank_account} /> : payout.status === "FAILED" && payout.failure && payout.refunded_at === undefined && <Failed failure={payout.failure} why={whyNotAnother(actions)} />}
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
              bank_account && ["To", <AccountWords key="account" account={bank_account} />],
              ["Requested", <When key="requested" at={payout.requested_at} />],
              payout.completed_at !== undefined && ["Arrived", <When key="completed" at={payout.completed_at} />],
              replaces !== undefined && ["Takes the place of", <OtherPayout key="replaces" id={replaces} />],
              replaced_by !== undefined && ["Its place is taken by", <OtherPayout key="replaced" id={replaced_by} />],
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

const GIVE_ANOTHER = "The bank refused the account. Give another one below; our team is told as well, and can give the money back to your balance instead.";

/** A payout that is another way to the same money. */
function OtherPayout({ id }: { id: string }) {
  return (
    <Link to="/provider/payouts/$id" params={{ id }} className="mono">
      {shortId(id)}
    </Link>
  );
}

function Ended({ payout, replacedBy }: { payout: Schemas["Payout"]; replacedBy: string | undefined }) {
  const { tone, title, words } = replacedBy === undefined ? ending(payout) : replaced(payout);
  return (
    <section className={`ending ending-${tone}`} aria-label="How it ended">
      <span className="waiting-mark">
        <Icon name={tone === "green" ? "check" : tone === "blue" ? "arrow" : "cross"} size={22} />
      </span>
      <div className="waiting-words">
        <h2>{title}</h2>
        <p>{words}</p>
        {replacedBy !== undefined ? (
          <p>
            <ActionLink to="/provider/payouts/$id" params={{ id: replacedBy }} kind="main" icon="arrow">
              Follow the new payout
            </ActionLink>
          </p>
        ) : (
          tone !== "green" && (
            <p>
              <ActionLink to="/provider/payouts/new" icon="arrow">
                Request another payout
              </ActionLink>
            </p>
          )
        )}
      </div>
    </section>
  );
}

interface Ending {
  readonly tone: "green" | "red" | "grey" | "violet" | "blue";
  readonly title: string;
  readonly words: string;
}

function replaced(payout: Schemas["Payout"]): Ending {
  return { tone: "blue", title: "Another account was given", words: `The bank refused this account, so ${formatMoney(payout.amount)} went back to your balance and was asked for again at once, to the other account.` };
}

function ending(payout: Schemas["Payout"]): Ending {
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

function Failed({ failure, why }: { failure: Schemas["Failure"]; why: string | undefined }) {
  return (
    <div className="notice notice-amber">
      <Icon name="attention" />
      <div className="notice-words">
        <p className="strong">Why it failed</p>
        <p>{failure.detail}</p>
        {why && <p>{why}</p>}
      </div>
    </div>
  );
}

/** Where another account would not help, or not yet. While it is tried again by itself that is what it waits for. */
function whyNotAnother(actions: readonly Schemas["Action"][]): string | undefined {
  const found = actions.find((action) => action.name === "another_account");
  return found?.code === "payout_moved_on" ? undefined : found?.detail;
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
