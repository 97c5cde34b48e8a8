import type { Schemas } from "../api/client.ts";
import { withMoney } from "../show/money.ts";
import { Icon } from "../ui/icon.tsx";

/** Every rule with what it saw and what it compared that with; those that fired first. */
export function Findings({ findings }: { findings: readonly Schemas["RuleFinding"][] }) {
  const sorted = [...findings].sort((one, other) => Number(other.fired) - Number(one.fired));
  return (
    <ul className="findings">
      {sorted.map((finding) => (
        <li key={finding.rule} className={finding.fired ? "finding finding-fired" : "finding"}>
          <span className="finding-mark">
            <Icon name={finding.fired ? "attention" : "check"} size={17} />
            <span className="unseen">{finding.fired ? "Fired:" : "Passed:"}</span>
          </span>
          <span className="finding-words">
            <span className={finding.fired ? "strong" : undefined}>{finding.words}</span>
            <span className="small soft">
              saw {withMoney(finding.observed)} · rule: {withMoney(finding.threshold)}
            </span>
          </span>
        </li>
      ))}
    </ul>
  );
}
