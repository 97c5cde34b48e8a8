// One provider, for those who answer for the money: balances, accounts, payouts, corrections, pauses, and who did what.

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";

import "../styles/admin.css";
import { type Order, PauseQuestion } from "./pauses.tsx";
import { PayoutTable } from "./payouts.tsx";
import { ProviderBadges } from "./providers.tsx";
import { anyProvider } from "./queries.ts";
import type { Schemas } from "../api/client.ts";
import { isZero } from "../show/money.ts";
import { particulars } from "../show/particulars.ts";
import { Badge, Money } from "../show/status.tsx";
import { When } from "../show/time.tsx";
import { Timeline } from "../show/timeline.tsx";
import { actorWords, pauseScope } from "../show/words.ts";
import { Action, ActionLink } from "../ui/action.tsx";
import { Icon } from "../ui/icon.tsx";
import { Table } from "../ui/list.tsx";
import { Back, Facts, Page, Section } from "../ui/page.tsx";
import { Answered, Empty } from "../ui/state.tsx";

const route = getRouteApi("/admin/providers/$id");

export function ProviderPage() {
  const { id } = route.useParams();
  const asked = useQuery(anyProvider(id));
  return (
    <Page title={asked.data?.provider.display_name ?? "Provider"} wide back={<Back to="/admin/providers">Providers</Back>}>
      <Answered asked={asked} rows={10}>
        {(detail) => <Detail detail={detail} />}
      </Answered>
    </Page>
  );
}

function Detail({ detail: { provider, bank_accounts, payouts, adjustments, pauses, audit } }: { detail: Schemas["AdminProviderDetail"] }) {
  const [order, setOrder] = useState<Order | null>(null);
  const own = pauses.find((pause) => pause.scope === "provider" && !pause.paused_by.startsWith("case:"));
  return (
    <>
      {provider.suspended && (
        <p className="notice notice-red">
          <Icon name="attention" />
          <span>
            <span className="strong">Suspended by the marketplace.</span> Nothing is paid to them, and what they ask for is refused. The marketplace takes that back.
          </span>
        </p>
      )}
      {pauses.map((pause) => (
        <p key={`${pause.scope} ${pause.subject}`} className="notice notice-amber">
          <Icon name="pause" />
          <span>
            <span className="strong">{pause.scope === "provider" ? "Payouts to them are paused" : "One of their accounts is paused"}:</span> {pause.reason}{" "}
            <span className="soft">
              By {pause.paused_by.startsWith("case:") ? <Link to="/admin/cases/$id" params={{ id: pause.paused_by.slice("case:".length) }}>a case, and ends with it</Link> : actorWords(pause.paused_by)}, <When at={pause.paused_at} />.
            </span>
          </span>
        </p>
      ))}
      <div className="split">
        <div className="split-main">
          <Section title="Balance">
            {provider.balances.length === 0 ? (
              <p className="section-words soft">Nothing was earned yet.</p>
            ) : (
              <Table caption="What they have" head={["Currency", { words: "Available", end: true }, { words: "Reserved", end: true }, { words: "Paid out", end: true, wide: true }, { words: "Debt", end: true, wide: true }]}>
                {provider.balances.map((balance) => (
                  <tr key={balance.currency}>
                    <th scope="row">{balance.currency}</th>
                    {(["available", "reserved", "paid_out", "debt"] as const).map((part, at) => (
                      <td key={part} className={at > 1 ? "end wide" : "end"}>
                        {part === "debt" && isZero(balance.debt) ? "none" : <Money value={balance[part]} />}
                      </td>
                    ))}
                  </tr>
                ))}
              </Table>
            )}
          </Section>
          <Section
            title="Latest payouts"
            aside={
              <ActionLink to="/admin/payouts" search={{ provider: provider.id }} kind="quiet">
                All of them
              </ActionLink>
            }
          >
            {payouts.length === 0 ? <Empty icon="payouts" title="None yet">What they ask for appears here.</Empty> : <PayoutTable payouts={payouts} ofOne />}
          </Section>
          {adjustments.length > 0 && (
            <Section title="Corrections of earnings">
              <Table caption="Corrections, newest first" head={["Why", { words: "Amount", end: true }, { words: "By", wide: true }, { words: "When", wide: true }]}>
                {adjustments.map((each) => (
                  <tr key={each.external_id}>
                    <th scope="row">{each.reason}</th>
                    <td className="end">
                      <Money value={each.amount} signed />
                    </td>
                    <td className="wide">{actorWords(each.adjusted_by)}</td>
                    <td className="wide">
                      <When at={each.adjusted_at} />
                    </td>
                  </tr>
                ))}
              </Table>
            </Section>
          )}
        </div>
        <div className="split-side">
          <Section title="Details">
            <Facts
              facts={[
                ["Stands", <ProviderBadges key="stands" provider={provider} />],
                provider.email !== undefined && ["Mail", provider.email],
                ["Open payouts", String(provider.open_payouts)],
                ["Known since", <When key="since" at={provider.created_at} />],
                ["Last changed", <When key="changed" at={provider.updated_at} />],
                ["Marketplace's id", <code key="external">{provider.external_id}</code>],
                ["Our id", <code key="id">{provider.id}</code>],
              ]}
            />
            <p className="section-actions">
              {own ? (
                <Action onPress={() => setOrder({ does: "resume", scope: "provider", subject: provider.id })}>Resume payouts to them</Action>
              ) : (
                <Action kind="danger" icon="pause" onPress={() => setOrder({ does: "pause", scope: "provider", subject: provider.id })}>
                  Pause payouts to them
                </Action>
              )}
            </p>
          </Section>
          <Section title="Bank accounts">
            {bank_accounts.length === 0 ? (
              <p className="section-words soft">None: they have to add one before they can ask.</p>
            ) : (
              <ul className="rows">
                {bank_accounts.map((account) => (
                  <li key={account.id} className="row row-wrap">
                    <span className="row-main">
                      <span className="strong">{account.account_name}</span>
                      <span className="small soft number">
                        {account.bank_name ?? `bank ${account.bank_code}`}, {account.account_number.replaceAll("*", "•")}
                      </span>
                    </span>
                    <span className="row-side">
                      {pauses.some((pause) => pause.subject === account.id) ? (
                        <Badge tone="amber">Paused</Badge>
                      ) : (
                        <Action kind="quiet" onPress={() => setOrder({ does: "pause", scope: "bank_account", subject: account.id })} aria-label={`Pause the ${pauseScope("bank_account").toLowerCase()} of ${account.account_name}`}>
                          Pause
                        </Action>
                      )}
                    </span>
                  </li>
                ))}
              </ul>
            )}
          </Section>
          <Section title="What happened to them">
            {audit.length === 0 ? <p className="section-words soft">Nothing yet.</p> : <Timeline steps={audit.map((line) => ({ at: line.at, code: line.action, who: actorWords(line.actor), reason: line.reason, detail: particulars(line.detail) }))} />}
          </Section>
        </div>
      </div>
      <PauseQuestion order={order} onClose={() => setOrder(null)} />
    </>
  );
}
