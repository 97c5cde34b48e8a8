// Another version of the rules of one currency: it begins as the one in force, and shows what it changes. It counts once somebody else activates it.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";

import "../styles/admin.css";
import { me, riskPolicies } from "./queries.ts";
import { asRules, asTyped, mistake, type Mode, MODES, NAMES, RULES, type RuleText, type Threshold, type Typed } from "./rules.ts";
import { answer, api, type Schemas } from "../api/client.ts";
import { fieldError, ProblemNotice } from "../api/problem.tsx";
import { Action, ActionLink } from "../ui/action.tsx";
import { Field, LongField, Pick } from "../ui/field.tsx";
import { FormBox } from "../ui/form.tsx";
import { Back, Page, Section } from "../ui/page.tsx";
import { Answered } from "../ui/state.tsx";

type Policy = Schemas["RiskPolicy"];

const route = getRouteApi("/admin/risk-policies/new");

export function ProposeRiskPolicy() {
  const { currency: chosen } = route.useSearch();
  const navigate = route.useNavigate();
  const known = useQuery(me);
  const currency = chosen ?? "NGN";
  const asked = useQuery(riskPolicies({ currency }));
  const others = known.data?.installation.currencies.map((each) => each.code) ?? [currency];
  return (
    <Page title="Propose a risk policy" back={<Back to="/admin/risk-policies">Risk policies</Back>} lead="A new version of all rules of one currency. Nothing changes until somebody else puts it in force; try it on the past, or beside the one in force, before that.">
      <div className="filters">
        <Pick label="Currency" value={currency} options={others.map((code) => [code, code])} onChange={(to) => void navigate({ search: { currency: to as Schemas["PolicyCurrency"] }, replace: true })} />
      </div>
      <Answered asked={asked} rows={10}>
        {({ items }) => {
          const base = items.find((each) => each.status === "ACTIVE") ?? items[0];
          return <RulesForm key={`${currency} ${base?.id}`} currency={currency} base={base} />;
        }}
      </Answered>
    </Page>
  );
}

function RulesForm({ currency, base }: { currency: Schemas["PolicyCurrency"]; base: Policy | undefined }) {
  const [before] = useState<Typed>(() => (base ? asTyped(base.rules) : {}));
  const [typed, setTyped] = useState<Typed>(before);
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const navigate = route.useNavigate();
  const queries = useQueryClient();
  const propose = useMutation({
    mutationFn: () => answer(api.POST("/api/admin/risk-policies", { body: { currency, reason: reason.trim(), rules: asRules(typed) } })),
    onSuccess: async (policy) => {
      await queries.invalidateQueries({ queryKey: ["risk-policies"] });
      await navigate({ to: "/admin/risk-policies/$id", params: { id: policy.id } });
    },
  });
  const value = (path: string): string => typed[path] ?? "";
  const changed = RULES.filter(({ name, thresholds }) => ["mode", ...thresholds.map((each) => each.name)].some((of) => value(`${name}.${of}`) !== (before[`${name}.${of}`] ?? "")));
  const wrong = RULES.some(({ name, thresholds }) => thresholds.some((each) => mistake(each, value(`${name}.${each.name}`))));
  const submit = (): void => {
    setTried(true);
    if (!wrong && reason.trim()) propose.mutate();
  };
  return (
    <FormBox onSubmit={submit} busy={propose.isPending}>
      <Section title="Rules" aside={<span className="small soft">{base ? `begun from ${base.version}, ${base.status === "ACTIVE" ? "in force" : base.status.toLowerCase()}` : "there is none in this currency yet"}</span>}>
        <ul className="rows">
          {RULES.map((rule) => (
            <Rule
              key={rule.name}
              rule={rule}
              currency={currency}
              changed={changed.includes(rule)}
              value={(of) => value(`${rule.name}.${of}`)}
              error={(of, threshold) => fieldError(propose.error, `rules.${rule.name}.${of}`) ?? (tried && threshold ? mistake(threshold, value(`${rule.name}.${of}`)) : undefined)}
              onChange={(of, to) => setTyped({ ...typed, [`${rule.name}.${of}`]: to })}
            />
          ))}
        </ul>
      </Section>
      <Section title="Why">
        <div className="form-lines">
          <p className="soft" role="status">
            {changed.length === 0 ? "Nothing is changed yet." : `Changes ${changed.length === 1 ? "one rule" : `${changed.length} rules`}: ${changed.map((rule) => rule.words.toLowerCase()).join(", ")}.`}
          </p>
          <LongField label="Reason" help="For whoever puts it in force, and whoever asks later." error={fieldError(propose.error, "reason") ?? (tried && !reason.trim() ? "Give a reason." : undefined)} value={reason} onChange={setReason} maxLength={1000} isRequired />
          {propose.error && <ProblemNotice error={propose.error} />}
          {tried && wrong && <p className="field-error">Some thresholds above are not numbers.</p>}
          <div className="dialog-actions">
            <ActionLink to="/admin/risk-policies">Not now</ActionLink>
            <Action kind="main" type="submit" isPending={propose.isPending} isDisabled={changed.length === 0}>
              Propose it
            </Action>
          </div>
        </div>
      </Section>
    </FormBox>
  );
}

interface RuleProps {
  readonly rule: RuleText;
  readonly currency: Schemas["PolicyCurrency"];
  readonly changed: boolean;
  readonly value: (of: string) => string;
  readonly error: (of: string, threshold?: Threshold) => string | undefined;
  readonly onChange: (of: string, to: string) => void;
}

function Rule({ rule, currency, changed, value, error, onChange }: RuleProps) {
  const modeError = error("mode");
  const off = value("mode") === "off";
  return (
    <li className={changed ? "rule rule-changed" : "rule"}>
      <div className="rule-words">
        <p className="strong">
          {rule.words}
          {changed && <span className="small rule-mark"> changed</span>}
        </p>
        <p className="small soft">Fires {rule.fires}.</p>
        {modeError && <p className="field-error">{modeError}</p>}
      </div>
      <div className="rule-fields">
        {rule.thresholds.map((threshold) =>
          threshold.kind === "names" ? (
            <Pick key={threshold.name} label={threshold.words} value={value(threshold.name) || "similar"} options={Object.entries(NAMES)} onChange={(to) => onChange(threshold.name, to)} isDisabled={off} aria={`${rule.words}: ${threshold.words}`} />
          ) : (
            <Field
              key={threshold.name}
              label={threshold.unit ? `${threshold.words} (${threshold.unit})` : threshold.words}
              aria-label={`${rule.words}: ${threshold.words.toLowerCase()}${threshold.unit ? ` (${threshold.unit})` : ""}`}
              {...(threshold.kind === "amount" ? { before: currency } : {})}
              value={value(threshold.name)}
              onChange={(to) => onChange(threshold.name, to)}
              error={error(threshold.name, threshold)}
              input={{ inputMode: threshold.kind === "amount" ? "decimal" : "numeric" }}
              isDisabled={off}
              autoComplete="off"
            />
          ),
        )}
        <Pick label="When it fires" value={value("mode") || "enforced"} options={Object.entries(MODES) as [Mode, string][]} onChange={(to) => onChange("mode", to)} aria={`${rule.words}: when it fires`} isDisabled={rule.name === "provider_suspended"} />
      </div>
    </li>
  );
}
