// The provider's home: what can be asked for, and where the rest of the money is.

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Fragment } from "react";

import { balance, payouts } from "./queries.ts";
import { PayoutRows } from "./payout-rows.tsx";
import type { Schemas } from "../api/client.ts";
import { hasEnded } from "../live/pace.ts";
import { isZero, units } from "../show/money.ts";
import { Money, StatusBadge } from "../show/status.tsx";
import { Distance } from "../show/time.tsx";
import { waitsFor } from "../show/words.ts";
import { ActionLink } from "../ui/action.tsx";
import { Page, Section } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

/** Of what is reserved; the rest is a list of its own. */
const SHOWN = 6;
/** How many reservations the API tells. */
const TOLD_AT_MOST = 100;
const LATEST = 5;

export function Balance() {
  const asked = useQuery(balance);
  const latest = useQuery(payouts({}));
  return (
    <Page title="Balance">
      <Answered asked={asked} rows={5}>
        {(balances) =>
          balances.length === 0 ? (
            <Section title="Available" bare>
              <Empty icon="balance" title="Nothing earned yet">
                What the marketplace owes you appears here as soon as it is reported.
              </Empty>
            </Section>
          ) : (
            balances.map((each) => (
              <Fragment key={each.currency}>
                <OneBalance balance={each} />
                <Reserved reserved={each.reserved_for} currency={each.currency} />
              </Fragment>
            ))
          )
        }
      </Answered>
      <Section title="Latest to end" aside={<Link to="/provider/payouts">All payouts</Link>}>
        <Answered asked={latest}>
          {({ items }) => {
            const ended = items.filter(hasEnded).slice(0, LATEST);
            if (ended.length > 0) return <PayoutRows payouts={ended} />;
            return items.length > 0 ? (
              <p className="section-words soft">None has ended yet.</p>
            ) : (
              <Empty icon="payouts" title="No payouts yet">
                Ask for your first one: you see every step of it here.
              </Empty>
            );
          }}
        </Answered>
      </Section>
    </Page>
  );
}

function OneBalance({ balance: { available, reserved, paid_out, debt, currency } }: { balance: Schemas["Balance"] }) {
  const parts = [
    { name: "Available", value: available, tone: "accent", words: "Can be asked for now" },
    { name: "Reserved", value: reserved, tone: "amber", words: "Set aside for payouts under way" },
    { name: "Paid out", value: paid_out, tone: "line", words: "Has reached your bank" },
  ] as const;
  const total = parts.reduce((all, part) => all + units(part.value.amount), 0n);
  return (
    <section className="balance" aria-label={`Balance in ${currency}`}>
      <div className="balance-head">
        <div>
          <h2 className="balance-label">Available</h2>
          <p className="balance-amount">
            <Money value={available} />
          </p>
        </div>
        <ActionLink to="/provider/payouts/new" kind="main" icon="arrow" disabled={isZero(available)}>
          Request a payout
        </ActionLink>
      </div>
      {total > 0n && (
        <div className="share" aria-hidden="true">
          {parts.map((part) => (
            <span key={part.name} className={`share-${part.tone}`} style={{ flexGrow: Number((units(part.value.amount) * 10_000n) / total) }} />
          ))}
        </div>
      )}
      <dl className="balance-parts">
        {parts.map((part) => (
          <div key={part.name}>
            <dt>
              <span className={`key key-${part.tone}`} aria-hidden="true" />
              {part.name}
            </dt>
            <dd>
              <Money value={part.value} />
              <span className="small soft">{part.words}</span>
            </dd>
          </div>
        ))}
        {!isZero(debt) && (
          <div>
            <dt>
              <span className="key key-red" aria-hidden="true" />
              Debt
            </dt>
            <dd>
              <Money value={debt} />
              <span className="small soft">Owed back; taken from later earnings first</span>
            </dd>
          </div>
        )}
      </dl>
    </section>
  );
}

/** Why money is set aside: payout by payout. */
function Reserved({ reserved, currency }: { reserved: readonly Schemas["Reservation"][]; currency: string }) {
  if (reserved.length === 0) return null;
  const more = reserved.length === TOLD_AT_MOST ? "+" : "";
  return (
    <Section title="Why money is reserved" aside={<span className="soft small">{reserved.length === 1 ? "1 payout under way" : `${reserved.length}${more} payouts under way`}</span>}>
      <ul className="rows" aria-label={`Reserved in ${currency}`}>
        {reserved.slice(0, SHOWN).map(({ payout_id, amount, status, waiting }) => (
          <li key={payout_id}>
            <Link to="/provider/payouts/$id" params={{ id: payout_id }} className="row">
              <span className="row-main">
                <span className="strong">
                  {waiting ? waitsFor(waiting.waiting_for) : "Under way"}
                  {waiting?.until && (
                    <span className="aside">
                      <Distance at={waiting.until} />
                    </span>
                  )}
                </span>
                <span className="small soft">{waiting?.detail}</span>
              </span>
              <span className="row-side">
                <span className="strong">
                  <Money value={amount} />
                </span>
                <StatusBadge payout={{ status }} />
              </span>
            </Link>
          </li>
        ))}
      </ul>
      {reserved.length > SHOWN && (
        <p className="section-foot">
          <Link to="/provider/payouts">
            See all {reserved.length}
            {more}
          </Link>
        </p>
      )}
    </Section>
  );
}
