// The review queue: what waits on the left, why it waits and what is known about its provider beside it. All by keyboard.

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";

import "../styles/admin.css";
import { type Act, ActDialog, type Subject } from "./act.tsx";
import { Approvals } from "./approvals.tsx";
import { Bulk } from "./bulk.tsx";
import { Claim } from "./claim.tsx";
import { Findings } from "./findings.tsx";
import { anyPayout, review as oneReview, reviews } from "./queries.ts";
import { ReviewFilters } from "./review-filters.tsx";
import { useShortcuts, useShortcutsSetting } from "./shortcuts.ts";
import { Undoable, useUndoable } from "./undoable.tsx";
import type { Schemas } from "../api/client.ts";
import { formatMoney } from "../show/money.ts";
import { anyFilter, only } from "../show/search.ts";
import { Badge, Money, StatusBadge } from "../show/status.tsx";
import { Span, When } from "../show/time.tsx";
import { actorWords, readable, STATUS_WORDS } from "../show/words.ts";
import { useSession } from "../sign-in/token.ts";
import { Action, ActionLink } from "../ui/action.tsx";
import { Question } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { Pager } from "../ui/list.tsx";
import { Facts, Page } from "../ui/page.tsx";
import { Said } from "../ui/said.tsx";
import { Answered, Empty, Loading } from "../ui/state.tsx";

const route = getRouteApi("/admin/reviews");

export function Reviews() {
  const { payout: chosen, ...page } = route.useSearch();
  const navigate = route.useNavigate();
  const asked = useQuery(reviews(page));
  const items = asked.data?.items ?? [];
  const open = items.find((each) => each.payout_id === chosen);
  const [act, setAct] = useState<Act | null>(null);
  // What was approved and can be taken back is not in the queue any more.
  const undoable = useUndoable();
  const [undo, setUndo] = useState<Subject | null>(null);
  const [undoing, setUndoing] = useState(false);
  const takeBack = (payout: (typeof undoable)[number]): void => {
    setUndo({ id: payout.id, amount: payout.amount, whose: payout.provider_name ?? "the provider" });
    setUndoing(true);
  };
  const [help, setHelp] = useState(false);
  const [said, setSaid] = useState("");
  const [shortcuts, setShortcuts] = useShortcutsSetting();
  // For one decision about several. What has left the queue is not decided any more.
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const bulk = items.filter((each) => picked.has(each.payout_id));
  const pick = (id: string): void => {
    const next = new Set(picked);
    if (!next.delete(id)) next.add(id);
    setPicked(next);
  };

  const choose = (id: string | undefined): void => {
    void navigate({ search: (old) => only({ ...old, payout: id }), replace: true, resetScroll: false });
  };
  const step = (by: 1 | -1): void => {
    const at = items.findIndex((each) => each.payout_id === chosen);
    const to = at === -1 ? 0 : Math.min(items.length - 1, Math.max(0, at + by));
    if (items[to]) choose(items[to].payout_id);
  };
  /** The one after the decided one, so that a queue is worked off without looking for the place. */
  const goOn = (words: string): void => {
    setSaid(words);
    const at = items.findIndex((each) => each.payout_id === chosen);
    choose((items[at + 1] ?? items[at - 1])?.payout_id);
  };
  useShortcuts(
    {
      j: () => step(1),
      k: () => step(-1),
      a: () => open && setAct("approve"),
      r: () => open && setAct("reject"),
      o: () => open && void navigate({ to: "/admin/payouts/$id", params: { id: open.payout_id } }),
      x: () => open && pick(open.payout_id),
      u: () => undoable[0] && takeBack(undoable[0]),
      "?": () => setHelp(true),
    },
    shortcuts,
  );

  return (
    <Page
      title="Review queue"
      wide
      lead="Payouts that the risk rules hold for a person."
      actions={
        <span className="needs-keys">
          <Action kind="quiet" icon="keyboard" onPress={() => setHelp(true)}>
            Keyboard
          </Action>
        </span>
      }
    >
      <Said words={said} />
      <Undoable payouts={undoable} onUndo={takeBack} />
      <ReviewFilters search={page} total={asked.data?.total} />
      <Answered asked={asked} rows={10}>
        {({ next_cursor }) =>
          items.length === 0 && anyFilter(page) ? (
            <section className="section">
              <Empty icon="review" title="No review matches" action={<ActionLink to="/admin/reviews">Clear filters</ActionLink>}>
                Change the filters, or clear them.
              </Empty>
            </section>
          ) : items.length === 0 ? (
            <section className="section">
              <Empty icon="check" title={page.cursor ? "Nothing more on this page" : "Nothing waits for a decision"} action={page.cursor ? <ActionLink to="/admin/reviews">First page</ActionLink> : undefined}>
                {page.cursor ? "What was here has been decided." : "New reviews appear here by themselves."}
              </Empty>
            </section>
          ) : (
            <div className={chosen ? "queue queue-open" : "queue"} aria-busy={asked.isPlaceholderData}>
              <div className="queue-list">
                <Bulk chosen={bulk} onDone={(words) => (setSaid(words), setPicked(new Set()))} onClear={() => setPicked(new Set())} />
                <ul className="rows">
                  {items.map((review) => (
                    <QueueRow key={review.payout_id} review={review} current={review.payout_id === chosen} picked={picked.has(review.payout_id)} onPick={() => pick(review.payout_id)} />
                  ))}
                </ul>
                <Pager cursor={page.cursor} next={next_cursor} shown={items.length} />
              </div>
              <div className="queue-side">
                {open ? (
                  <Side key={open.payout_id} review={open} onAct={setAct} onBack={() => choose(undefined)} />
                ) : chosen ? (
                  <Gone id={chosen} />
                ) : (
                  <Empty icon="review" title="Choose a payout">
                    Press <kbd>j</kbd> for the first one, <kbd>?</kbd> for all keys.
                  </Empty>
                )}
              </div>
            </div>
          )
        }
      </Answered>
      {open && <ActDialog act={act} subject={{ id: open.payout_id, amount: open.amount, whose: open.provider_name, approvals: { given: open.approvals, needed: open.approvals_needed } }} onClose={() => setAct(null)} onDone={act === "undo" ? setSaid : goOn} />}
      {undo && <ActDialog act={undoing ? "undo" : null} subject={undo} onClose={() => setUndoing(false)} onDone={setSaid} />}
      <Question title="Keyboard" isOpen={help} onClose={() => setHelp(false)}>
        <Facts
          facts={[
            [<><kbd>j</kbd> <kbd>k</kbd></>, "Next, previous"],
            [<kbd key="a">a</kbd>, "Approve, with a reason"],
            [<kbd key="r">r</kbd>, "Reject, with a reason"],
            [<kbd key="x">x</kbd>, "Add it to those that are decided together"],
            [<kbd key="u">u</kbd>, "Take your last approval back, until a batch has taken it"],
            [<kbd key="o">o</kbd>, "Open the payout's page"],
            [<><kbd>Ctrl</kbd> <kbd>Enter</kbd></>, "Send the decision"],
            [<kbd key="?">?</kbd>, "This list"],
          ]}
        />
        <label className="check">
          <input type="checkbox" checked={shortcuts} onChange={(event) => setShortcuts(event.target.checked)} />
          Single keys act on the queue
        </label>
        <div className="dialog-actions">
          <Action kind="main" onPress={() => setHelp(false)} autoFocus>
            Close
          </Action>
        </div>
      </Question>
    </Page>
  );
}

function QueueRow({ review, current, picked, onPick }: { review: Schemas["Review"]; current: boolean; picked: boolean; onPick: () => void }) {
  const fired = review.findings.filter((finding) => finding.fired).length;
  const row = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (current) row.current?.scrollIntoView({ block: "nearest" });
  }, [current]);
  return (
    <li ref={row} className="queue-row">
      <label className="queue-pick">
        <input type="checkbox" checked={picked} onChange={onPick} aria-label={`Decide on ${review.provider_name} together with others`} />
      </label>
      <Link from="/admin/reviews" to="/admin/reviews" search={(old) => ({ ...old, payout: review.payout_id })} replace resetScroll={false} className="row" aria-current={current ? "true" : undefined}>
        <span className="row-main">
          <span className="strong">{review.provider_name}</span>
          <span className="small soft">
            {review.escalated_at ? "escalated, " : ""}waits <Span from={review.waiting_since} />
            {review.past && <> · {review.past.completed} paid before{review.past.failed > 0 && `, ${review.past.failed} failed`}</>}
            {review.assigned && <> · {actorWords(review.assigned.to)} has it</>}
          </span>
        </span>
        <span className="row-side">
          <span className="strong">
            <Money value={review.amount} />
          </span>
          {review.waits_for === "second_approval" ? <Badge tone="blue">Second approval</Badge> : <Badge tone={fired > 2 ? "red" : "amber"}>{fired === 1 ? "1 rule fired" : `${fired} rules fired`}</Badge>}
        </span>
      </Link>
    </li>
  );
}

function Side({ review, onAct, onBack }: { review: Schemas["Review"]; onAct: (act: Act) => void; onBack: () => void }) {
  const detail = useQuery(anyPayout(review.payout_id));
  const behind = useQuery(oneReview(review.payout_id));
  const account = detail.data?.bank_account;
  const me = useSession()?.subject;
  // Two are needed, and this is not the second one.
  const mine = behind.data?.approvals.some((approval) => approval.by === `admin:${me}`) ?? false;
  return (
    <article className="side-card" aria-label={`Payout of ${review.provider_name}`}>
      <p className="queue-back">
        <Action kind="quiet" icon="back" onPress={onBack}>
          Queue
        </Action>
      </p>
      <header className="side-head">
        <div>
          <h2>
            <Link to="/admin/providers/$id" params={{ id: review.provider_id }} className="plain-link">
              {review.provider_name}
            </Link>
          </h2>
          <p className="side-amount">
            <Money value={review.amount} />
          </p>
          <p className="small soft">
            Waits since <When at={review.waiting_since} />, <Span from={review.waiting_since} />
            {review.escalated_at === undefined && (
              <>
                ; escalated at <When at={review.escalates_at} />
              </>
            )}
          </p>
        </div>
        <div className="side-actions">
          <Action kind="main" icon="check" onPress={() => onAct("approve")} aria-keyshortcuts="a" isDisabled={mine}>
            {mine ? "Approved by you" : review.approvals_needed < 2 ? "Approve" : review.approvals === 0 ? "Approve as the first" : "Approve as the second"}
          </Action>
          <Action kind="danger" icon="cross" onPress={() => onAct("reject")} aria-keyshortcuts="r">
            Reject
          </Action>
        </div>
      </header>
      <Approvals review={review} approvals={behind.data?.approvals ?? []} onUndo={() => onAct("undo")} />
      <Claim review={review} />
      <div className="side-columns">
        <section>
          <h3>Why it waits</h3>
          <Findings findings={review.findings} />
        </section>
        <section>
          <h3>Provider</h3>
          {detail.data ? (
            <Facts
              facts={[
                ["Identity", detail.data.provider?.verified ? <Badge key="v" tone="green">Verified</Badge> : <Badge key="v" tone="amber">Not verified</Badge>],
                account && [
                  "Paid to",
                  <span key="account">
                    {account.account_name}
                    <br />
                    <span className="soft number">
                      {account.bank_name ?? `bank ${account.bank_code}`}, {account.account_number.replaceAll("*", "•")}
                    </span>
                  </span>,
                ],
                behind.data && ["Known since", <When key="since" at={behind.data.history.first_seen} />],
                ["External id", <code key="id">{detail.data.provider?.external_id}</code>],
              ]}
            />
          ) : (
            <Loading rows={3} what="Loading the provider" />
          )}
          <Answered asked={behind} rows={4}>
            {({ history, changes }) => (
              <>
                <h3>What changed in 30 days</h3>
                <Changes changes={changes} />
                <h3>Earlier payouts</h3>
                <History history={history} provider={review.provider_id} />
              </>
            )}
          </Answered>
        </section>
      </div>
      <p className="side-foot">
        <Link to="/admin/payouts/$id" params={{ id: review.payout_id }}>
          Everything about this payout
        </Link>
      </p>
    </article>
  );
}

function Changes({ changes }: { changes: readonly Schemas["ProviderChange"][] }) {
  if (changes.length === 0) return <p className="soft">Nothing.</p>;
  return (
    <ul className="history">
      {changes.map((change, index) => (
        <li key={index}>
          <span>{readable(change.what)}</span>
          <span className="small soft">
            <When at={change.at} />
          </span>
          <span className="small soft">{actorWords(change.by)}</span>
        </li>
      ))}
    </ul>
  );
}

function History({ history, provider }: { history: Schemas["ProviderHistory"]; provider: string }) {
  if (history.last.length === 0) return <p className="soft">None: this is the first one.</p>;
  return (
    <>
      <p className="small soft">
        {history.by_status.map((one) => `${one.count} ${STATUS_WORDS[one.status].toLowerCase()} (${formatMoney(one.sum)})`).join(" · ")}
        {history.average_paid && <> · {formatMoney(history.average_paid)} on average</>}
      </p>
      <ul className="history">
        {history.last.map((each) => (
          <li key={each.id}>
            <Link to="/admin/payouts/$id" params={{ id: each.id }}>
              <Money value={each.amount} />
            </Link>
            <span className="small soft">
              <When at={each.requested_at} />
            </span>
            <StatusBadge payout={each} />
          </li>
        ))}
      </ul>
      <Link to="/admin/payouts" search={{ provider }} className="small">
        All payouts of this provider
      </Link>
    </>
  );
}

/** The open one is not in the queue any more: somebody was faster, or it was taken back. */
function Gone({ id }: { id: string }) {
  const asked = useQuery(anyPayout(id));
  const by = asked.data?.audit.findLast((line) => ["approved", "rejected", "cancelled"].includes(line.action));
  return (
    <Empty
      icon="check"
      title={asked.data ? `It has moved on: ${asked.data.payout.status.toLowerCase()}${by ? ` by ${by.actor.replace(/^admin:/, "")}` : ""}` : "It is not on this page of the queue"}
      action={
        <ActionLink to="/admin/payouts/$id" params={{ id }}>
          Open its page
        </ActionLink>
      }
    >
      <Icon name="keyboard" size={16} /> <kbd>j</kbd> goes on with the queue.
    </Empty>
  );
}
