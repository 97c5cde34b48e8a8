// Everything there is about one payout, for those who answer for it.

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";

import { type Act, ACT_WORDS, ActDialog, wordsOf } from "./act.tsx";
import { Approvals } from "./approvals.tsx";
import { Attestations } from "./attestation.tsx";
import { CaseRows } from "./case-rows.tsx";
import { Findings } from "./findings.tsx";
import { anyPayout, review as oneReview } from "./queries.ts";
import type { Schemas } from "../api/client.ts";
import { formatMoney } from "../show/money.ts";
import { AttemptBadge, Badge, Money, StatusBadge } from "../show/status.tsx";
import { Distance, When } from "../show/time.tsx";
import { Timeline } from "../show/timeline.tsx";
import { WaitingFor } from "../show/waiting.tsx";
import { particulars } from "../show/particulars.ts";
import { actorWords, ledgerAccount, readable, routeWords, shortId } from "../show/words.ts";
import { useSession } from "../sign-in/token.ts";
import { Action } from "../ui/action.tsx";
import { Icon } from "../ui/icon.tsx";
import { Table } from "../ui/list.tsx";
import { Back, Facts, Page, Section } from "../ui/page.tsx";
import { Said } from "../ui/said.tsx";
import { Answered } from "../ui/state.tsx";

const route = getRouteApi("/admin/payouts/$id");

export function AnyPayout() {
  const { id } = route.useParams();
  const asked = useQuery(anyPayout(id));
  const title = asked.data ? `${formatMoney(asked.data.payout.amount)} for ${asked.data.provider?.display_name ?? "a provider"}` : "Payout";
  return (
    <Page title={title} wide back={<Back to="/admin/payouts">All payouts</Back>}>
      <Answered asked={asked} rows={10}>
        {(detail) => <Detail key={detail.payout.id} detail={detail} />}
      </Answered>
    </Page>
  );
}

function Detail({ detail }: { detail: Schemas["AdminPayoutDetail"] }) {
  const { payout, waiting, provider, bank_account, assessment, attempts, attestations, cases, ledger, audit, workflow_url } = detail;
  const [act, setAct] = useState<Act | null>(null);
  const [said, setSaid] = useState("");
  const { offered, refused } = actsOn(detail);
  const underReview = waiting?.waiting_for === "decision" || waiting?.waiting_for === "second_approval";
  const behind = useQuery({ ...oneReview(payout.id), enabled: underReview }).data;
  const review = underReview ? behind : undefined;
  const me = useSession()?.subject;
  const mine = review?.approvals.some((approval) => approval.by === `admin:${me}`) ?? false;
  // The first of two approvals can be taken back; who gave it is not the second.
  const acts = [...offered.filter((each) => each !== "approve" || !mine), ...(review && review.review.approvals > 0 && !offered.includes("undo") ? (["undo"] as const) : [])];
  const approvals = review && { given: review.review.approvals, needed: review.review.approvals_needed };
  return (
    <>
      <Said words={said} />
      <div className="split">
        <div className="split-main">
          {waiting && (
            <WaitingFor waiting={waiting} reader="admin">
              {acts.length > 0 && (
                <p className="waiting-actions">
                  {acts.map((each) => (
                    <Action key={each} kind={ACT_KINDS[each]} onPress={() => setAct(each)}>
                      {each === "approve" ? wordsOf(each, approvals).press : ACT_WORDS[each]}
                    </Action>
                  ))}
                </p>
              )}
              {mine && <p className="small soft">You have approved it: somebody else has to be the second.</p>}
              {refused.map((each) => (
                <p key={each.name} className="small soft">
                  {ACT_WORDS[each.act]}: not by you now. {each.detail}
                </p>
              ))}
            </WaitingFor>
          )}
          {review && <Approvals review={review.review} approvals={review.approvals} onUndo={() => setAct("undo")} />}
          {payout.failure_message && (
            <div className="notice notice-red">
              <Icon name="attention" />
              <div className="notice-words">
                <p className="strong">The gateway said: {payout.failure_message}</p>
                <p>
                  <code>{payout.failure_code}</code>, <When at={payout.failed_at ?? payout.updated_at} />. {payout.counted_failures} of {payout.attempts} attempts count as failures.
                </p>
              </div>
            </div>
          )}
          <Section title={attempts.length === 1 ? "1 attempt" : `${attempts.length} attempts`}>
            {attempts.length === 0 ? <p className="section-words soft">None yet: nothing was sent to the gateway.</p> : attempts.map((attempt) => <Attempt key={attempt.number} payout={payout} attempt={attempt} attestations={attestations.filter((each) => each.attempt === attempt.number)} />)}
          </Section>
          {cases.length > 0 && (
            <Section title={cases.length === 1 ? "1 case" : `${cases.length} cases`}>
              <CaseRows cases={cases} />
            </Section>
          )}
          {assessment && (
            <Section title="Risk" aside={<Badge tone={routeWords(assessment.route).tone}>{routeWords(assessment.route).words}</Badge>}>
              <Findings findings={assessment.findings} />
              <p className="section-foot small soft">
                Policy <code>{assessment.policy_version}</code>, assessed <When at={assessment.assessed_at} />
              </p>
            </Section>
          )}
          <Section title="Ledger">
            <Ledger lines={ledger} />
          </Section>
        </div>
        <div className="split-side">
          <Section title="Details">
            <Facts
              facts={[
                ["Status", <StatusBadge key="status" payout={payout} />],
                ["Amount", <Money key="amount" value={payout.amount} />],
                payout.fee && ["Fee", <Money key="fee" value={payout.fee} />],
                provider && [
                  "Provider",
                  <span key="provider">
                    <Link to="/admin/providers/$id" params={{ id: provider.id }}>
                      {provider.display_name}
                    </Link>
                    <br />
                    <span className="small soft">
                      {provider.verified ? "verified" : "not verified"}, <code>{provider.external_id}</code>
                    </span>
                  </span>,
                ],
                bank_account && [
                  "To",
                  <span key="to">
                    {bank_account.account_name}
                    <br />
                    <span className="small soft number">
                      {bank_account.bank_name ?? `bank ${bank_account.bank_code}`}, {bank_account.account_number.replaceAll("*", "•")}
                    </span>
                  </span>,
                ],
                payout.approved_by !== undefined && ["Approved by", actorWords(payout.approved_by)],
                payout.batch_id !== undefined && [
                  "Batch",
                  <Link key="batch" to="/admin/batches/$id" params={{ id: payout.batch_id }} className="mono">
                    {shortId(payout.batch_id)}
                  </Link>,
                ],
                ["Requested", <When key="requested" at={payout.requested_at} />],
                payout.completed_at !== undefined && ["Completed", <When key="completed" at={payout.completed_at} />],
                payout.next_attempt_at !== undefined && ["Tried again", <Distance key="next" at={payout.next_attempt_at} />],
                ["Payout", <code key="id">{payout.id}</code>],
              ]}
            />
            <p className="section-foot">
              <Link to="/admin/messages" search={{ payout: payout.id }}>
                What people were told of it
              </Link>
            </p>
            {workflow_url && (
              <p className="section-foot">
                <a href={workflow_url} target="_blank" rel="noreferrer" className="with-icon">
                  History in the Temporal UI <Icon name="out" size={16} />
                  <span className="unseen"> (opens a new tab)</span>
                </a>
              </p>
            )}
          </Section>
          <Section title="Audit trail">
            <Timeline steps={audit.map((line) => ({ at: line.at, code: line.action, who: actorWords(line.actor), reason: line.reason, detail: particulars(line.detail) }))} />
          </Section>
        </div>
      </div>
      <ActDialog act={act} subject={{ id: payout.id, amount: payout.amount, whose: provider?.display_name ?? "the provider", approvals }} onClose={() => setAct(null)} onDone={setSaid} />
    </>
  );
}

const ACT_KINDS: Readonly<Record<Act, "main" | "plain" | "danger">> = { approve: "main", undo: "plain", reject: "danger", retry: "main", refund: "danger" };

const ACTS: Readonly<Record<string, Act>> = { approve: "approve", reject: "reject", undo_approval: "undo", retry: "retry", refund: "refund" };

/** What the API says can be done to it as it stands, and what it would refuse you for another reason than where it stands. */
function actsOn({ actions }: Schemas["AdminPayoutDetail"]): { offered: readonly Act[]; refused: readonly (Schemas["Action"] & { act: Act })[] } {
  const known = actions.flatMap((action) => {
    const act = ACTS[action.name];
    return act ? [{ ...action, act }] : [];
  });
  return {
    // What somebody else has taken on can be decided over.
    offered: known.filter((action) => action.allowed || action.code === "review_taken").map((action) => action.act),
    refused: known.filter((action) => !action.allowed && action.code !== undefined && action.code !== "payout_moved_on" && action.code !== "review_taken"),
  };
}

function Attempt({ payout, attempt, attestations }: { payout: Schemas["AdminPayout"]; attempt: Schemas["AdminAttempt"]; attestations: readonly Schemas["Attestation"][] }) {
  const open = attempt.status !== "SUCCEEDED" && attempt.status !== "FAILED" && attempt.status !== "REVERSED";
  return (
    <article className="attempt" aria-label={`Attempt ${attempt.number}`}>
      <header className="attempt-head">
        <h3>Attempt {attempt.number}</h3>
        <AttemptBadge status={attempt.status} />
        {!attempt.counted && <Badge tone="grey">Not counted</Badge>}
        {attempt.late && <Badge tone="violet">Paid late</Badge>}
        {attempt.doubt && <Badge tone="amber">{`In doubt: ${readable(attempt.doubt).toLowerCase()}`}</Badge>}
        {attempt.reversal_seen_at && <Badge tone="violet">Reversal seen</Badge>}
        <span className="small soft attempt-when">
          begun by {actorWords(attempt.began_by)} <When at={attempt.began_at} />
          {open && attempt.check_at && (
            <>
              , gateway asked <Distance at={attempt.check_at} />
            </>
          )}
        </span>
      </header>
      {attempt.failure_message && (
        <p>
          {attempt.failure_message} <code>{attempt.failure_code}</code>
        </p>
      )}
      {attempt.not_sent_reason && <p className="soft">Did not leave: {attempt.not_sent_reason}</p>}
      <p className="small soft">
        Reference <code>{attempt.reference}</code>
        {attempt.gateway_id && (
          <>
            {" "}
            · gateway id <code>{attempt.gateway_id}</code>
          </>
        )}{" "}
        · sent {attempt.sends === 1 ? "once" : `${attempt.sends} times`}
        {attempt.fee && (
          <>
            {" "}
            · fee <Money value={attempt.fee} />
          </>
        )}
      </p>
      <Attestations payout={payout} attempt={attempt} attestations={attestations} />
      {attempt.evidence.length > 0 && (
        <details className="evidence">
          <summary>{attempt.evidence.length === 1 ? "1 piece of evidence" : `${attempt.evidence.length} pieces of evidence`}</summary>
          <ol>
            {attempt.evidence.map((each, index) => (
              <li key={`${each.observed_at}-${index}`}>
                <p>
                  <span className="strong">{readable(each.verdict)}</span> by {readable(each.source).toLowerCase()}, <When at={each.observed_at} />
                </p>
                {particulars(each.detail) && <p className="small soft mono">{particulars(each.detail)}</p>}
              </li>
            ))}
          </ol>
        </details>
      )}
    </article>
  );
}

function Ledger({ lines }: { lines: readonly Schemas["LedgerLine"][] }) {
  if (lines.length === 0) return <p className="section-words soft">Nothing booked yet.</p>;
  return (
    <Table caption="Ledger lines; those of one posting sum to zero" head={["Posting", "Account", { words: "Amount", end: true }, { words: "Posted", wide: true }]}>
      {lines.map((line, index) => {
        const first = lines[index - 1]?.posting_id !== line.posting_id;
        return (
          <tr key={`${line.posting_id}-${line.account}`} className={first ? "first-line" : "next-line"}>
            <td>{first ? <span className="strong">{readable(line.posting)}</span> : <span className="unseen">{readable(line.posting)}</span>}</td>
            <td>{ledgerAccount(line.account)}</td>
            <td className="end">
              <Money value={line.amount} signed />
            </td>
            <td className="wide soft">{first && <When at={line.posted_at} />}</td>
          </tr>
        );
      })}
    </Table>
  );
}
