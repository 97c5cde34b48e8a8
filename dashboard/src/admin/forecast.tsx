// Will the money do? What the next windows take, and what is missing by then.

import { useQuery } from "@tanstack/react-query";

import { forecast } from "./queries.ts";
import type { Schemas } from "../api/client.ts";
import { Bars } from "../show/bars.tsx";
import { formatMoney, isZero } from "../show/money.ts";
import { Money } from "../show/status.tsx";
import { formatWhen, When } from "../show/time.tsx";
import { Icon } from "../ui/icon.tsx";
import { Table } from "../ui/list.tsx";
import { Facts, Section } from "../ui/page.tsx";
import { Answered } from "../ui/state.tsx";

export function Forecast() {
  const asked = useQuery(forecast);
  return (
    <Section title="Will the money do?">
      <Answered asked={asked} rows={4}>
        {({ currencies }) => (currencies.length === 0 ? <p className="section-words soft">Nothing waits to leave.</p> : currencies.map((each) => <OfCurrency key={each.approved.currency} forecast={each} />))}
      </Answered>
    </Section>
  );
}

function OfCurrency({ forecast }: { forecast: Schemas["CurrencyForecast"] }) {
  const short = forecast.windows.find((window) => window.shortfall && !isZero(window.shortfall));
  return (
    <>
      {short?.shortfall && (
        <p className="notice notice-red" role="status">
          <Icon name="attention" />
          <span>
            <span className="strong">{formatMoney(short.shortfall)} is missing</span> for the window at <When at={short.at} />. Fund the wallet before; what does not fit waits for the next one.
          </span>
        </p>
      )}
      <Facts
        facts={[
          ["Approved", <span key="approved"><Money value={forecast.approved} /> in {payouts(forecast.approved_payouts)}</span>],
          ["Under review", <span key="review"><Money value={forecast.in_review} /> in {payouts(forecast.payouts_in_review)}</span>],
          ["In the wallet", forecast.spendable ? <span key="wallet"><Money value={forecast.spendable} /> to spend{forecast.asked_at && <span className="soft">, seen <When at={forecast.asked_at} /></span>}</span> : "The gateway could not be asked"],
        ]}
      />
      {forecast.windows.length > 0 && (
        <>
          <Bars bars={forecast.windows.map((window) => ({ key: window.at, words: formatWhen(new Date(window.at), new Date()), amount: window.takes.amount }))} currency={forecast.approved.currency} label="What each of the next windows takes" />
          <Table caption="The next windows" head={["Window", { words: "Payouts", end: true }, { words: "Takes", end: true }, { words: "Missing", end: true }, { words: "If all reviews are approved", end: true, wide: true }]}>
            {forecast.windows.map((window) => (
              <tr key={window.at}>
                <th scope="row">
                  <When at={window.at} />
                </th>
                <td className="end number">{window.payouts}</td>
                <td className="end">
                  <Money value={window.takes} />
                </td>
                <td className="end">{missing(window.shortfall)}</td>
                <td className="end wide">{missing(window.shortfall_with_reviews)}</td>
              </tr>
            ))}
          </Table>
        </>
      )}
    </>
  );
}

function payouts(count: number): string {
  return count === 1 ? "1 payout" : `${count} payouts`;
}

function missing(amount: Schemas["Money"] | undefined): string {
  if (amount === undefined) return "not known";
  return isZero(amount) ? "nothing" : formatMoney(amount);
}
