// What happened, oldest first: when, who, and why.

import { When } from "./time.tsx";
import { stepWords } from "./words.ts";

interface Step {
  readonly at: string;
  readonly code: string;
  readonly who: string;
  readonly reason?: string | undefined;
  readonly detail?: string | undefined;
}

export function Timeline({ steps }: { steps: readonly Step[] }) {
  return (
    <ol className="timeline">
      {steps.map((step, index) => {
        const { words, tone } = stepWords(step.code);
        return (
          <li key={`${step.at}-${index}`} className={`step step-${tone}`}>
            <span className="step-dot" aria-hidden="true" />
            <div className="step-words">
              <p className="strong">{words}</p>
              <p className="small soft">
                <When at={step.at} /> · {step.who}
              </p>
              {step.reason && <p className="step-reason">{step.reason}</p>}
              {step.detail && <p className="small soft mono">{step.detail}</p>}
            </div>
          </li>
        );
      })}
    </ol>
  );
}
