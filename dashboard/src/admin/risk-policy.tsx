// One version of the risk rules: what it compares with, what it would have made of the past, and who puts it in force.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";

import "../styles/admin.css";
import { Backtest } from "./backtest.tsx";
import { Disagreements } from "./disagreements.tsx";
import { riskPolicies, riskPolicy } from "./queries.ts";
import { POLICY_WORDS } from "./risk-policies.tsx";
import { MODES, RULES, thresholdWords } from "./rules.ts";
import { answer, api, type Schemas } from "../api/client.ts";
import { ProblemNotice } from "../api/problem.tsx";
import type { Currency } from "../show/money.ts";
import { Badge } from "../show/status.tsx";
import { When } from "../show/time.tsx";
import { actorWords } from "../show/words.ts";
import { useSession } from "../sign-in/token.ts";
import { Action } from "../ui/action.tsx";
import { Question } from "../ui/dialog.tsx";
import { Table } from "../ui/list.tsx";
import { Back, Facts, Page, Section } from "../ui/page.tsx";
import { Said } from "../ui/said.tsx";
import { Answered } from "../ui/state.tsx";

type Policy = Schemas["RiskPolicy"];

const route = getRouteApi("/admin/risk-policies/$id");

export function RiskPolicyPage() {
  const { id } = route.useParams();
  const search = route.useSearch();
  const asked = useQuery(riskPolicy(id));
  const [said, setSaid] = useState("");
  return (
    <Page title={asked.data ? `Risk policy ${asked.data.version}` : "Risk policy"} back={<Back to="/admin/risk-policies">Risk policies</Back>}>
      <Said words={said} />
      <Answered asked={asked} rows={8}>
        {(policy) => (
          <>
            <Section title="About" aside={<Badge tone={POLICY_WORDS[policy.status].tone}>{POLICY_WORDS[policy.status].words}</Badge>}>
              <Facts
                facts={[
                  ["Why", policy.reason],
                  ["Proposed", <span key="proposed">by {actorWords(policy.proposed_by)}, <When at={policy.proposed_at} /></span>],
                  policy.activated_at !== undefined && ["In force since", <span key="since"><When at={policy.activated_at} />{policy.activated_by && ` by ${actorWords(policy.activated_by)}`}</span>],
                  policy.retired_at !== undefined && ["Retired", <span key="retired"><When at={policy.retired_at} />{policy.retired_by && ` by ${actorWords(policy.retired_by)}`}</span>],
                ]}
              />
              <Moves policy={policy} onDone={setSaid} />
            </Section>
            <Backtest policy={policy} />
            <Disagreements policy={policy} search={search} />
            <Section title="Rules">
              <Compared policy={policy} />
            </Section>
          </>
        )}
      </Answered>
    </Page>
  );
}

/** Every rule; where another version is in force, beside what that one has. */
function Compared({ policy }: { policy: Policy }) {
  const currency = policy.currency as Currency;
  const inForce = useQuery({ ...riskPolicies({ currency, status: "ACTIVE" }), enabled: policy.status !== "ACTIVE" }).data?.items[0];
  return (
    <Table caption={inForce ? `Every rule, beside ${inForce.version}` : "Every rule"} head={["Rule", "Threshold", "When it fires", ...(inForce ? [{ words: `${inForce.version}, in force`, wide: true as const }] : [])]}>
      {RULES.map((rule) => {
        const now = `${thresholdWords(rule, policy.rules, currency)} ${policy.rules[rule.name].mode}`;
        const other = inForce && `${thresholdWords(rule, inForce.rules, currency)} ${inForce.rules[rule.name].mode}`;
        return (
          <tr key={rule.name}>
            <th scope="row">{rule.words}</th>
            <td>{thresholdWords(rule, policy.rules, currency)}</td>
            <td>
              <Badge tone={policy.rules[rule.name].mode === "enforced" ? "green" : "grey"}>{MODES[policy.rules[rule.name].mode]}</Badge>
            </td>
            {inForce && <td className="wide">{other === now ? <span className="soft">the same</span> : <span className="strong">{`${thresholdWords(rule, inForce.rules, currency)}; ${MODES[inForce.rules[rule.name].mode].toLowerCase()}`}</span>}</td>}
          </tr>
        );
      })}
    </Table>
  );
}

type Move = "activate" | "shadow" | "retire";

const MOVES: Readonly<Record<Move, { words: string; does: string; from: readonly Policy["status"][] }>> = {
  shadow: { words: "Try it beside", does: "Every payout is assessed by this policy too. Its answer decides nothing; where it disagrees is kept.", from: ["DRAFT"] },
  activate: { words: "Put it in force", does: "From now on payouts are assessed by it, and the one in force is retired in the same moment.", from: ["DRAFT", "SHADOW"] },
  retire: { words: "Withdraw it", does: "It is kept, and never used again.", from: ["DRAFT", "SHADOW"] },
};

function Moves({ policy, onDone }: { policy: Policy; onDone: (said: string) => void }) {
  const [move, setMove] = useState<Move | null>(null);
  const queries = useQueryClient();
  const me = useSession()?.subject;
  const act = useMutation({
    mutationFn: (to: Move) => {
      const params = { path: { id: policy.id } };
      switch (to) {
        case "activate":
          return answer(api.POST("/api/admin/risk-policies/{id}/activate", { params }));
        case "shadow":
          return answer(api.POST("/api/admin/risk-policies/{id}/shadow", { params }));
        case "retire":
          return answer(api.POST("/api/admin/risk-policies/{id}/retire", { params }));
      }
    },
    onSuccess: (now) => {
      setMove(null);
      onDone(`${now.version}: ${POLICY_WORDS[now.status].words.toLowerCase()}`);
    },
    onSettled: () => queries.invalidateQueries(),
  });
  const possible = (Object.keys(MOVES) as Move[]).filter((each) => MOVES[each].from.includes(policy.status));
  if (possible.length === 0) return null;
  const own = actorWords(policy.proposed_by) === me;
  return (
    <>
      <p className="section-actions">
        {possible.map((each) => (
          <Action key={each} kind={each === "activate" && !own ? "main" : "plain"} isDisabled={each === "activate" && own} onPress={() => setMove(each)}>
            {MOVES[each].words}
          </Action>
        ))}
        {own && <span className="small soft">You proposed it, so somebody else puts it in force.</span>}
      </p>
      <Question title={move ? `${MOVES[move].words}?` : ""} isOpen={move !== null} onClose={() => setMove(null)} busy={act.isPending} alert>
        {move && <p>{MOVES[move].does}</p>}
        {act.error && <ProblemNotice error={act.error} />}
        <div className="dialog-actions">
          <Action onPress={() => setMove(null)} isDisabled={act.isPending} autoFocus>
            Not now
          </Action>
          <Action kind="main" onPress={() => move && act.mutate(move)} isPending={act.isPending}>
            {move ? MOVES[move].words : ""}
          </Action>
        </div>
      </Question>
    </>
  );
}
