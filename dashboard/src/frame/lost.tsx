// Where nothing is, and where something broke.

import type { ErrorComponentProps } from "@tanstack/react-router";

import { Page } from "../ui/page.tsx";
import { Empty } from "../ui/state.tsx";
import { Action, ActionLink } from "../ui/action.tsx";

export function NotFound() {
  return (
    <main className="alone">
      <Page title="There is nothing here">
        <Empty icon="arrow" title="The address is wrong, or what was here is gone." action={<ActionLink to="/" kind="main">Go to the beginning</ActionLink>} />
      </Page>
    </main>
  );
}

export function WentWrong({ error }: ErrorComponentProps) {
  return (
    <main className="alone">
      <Page title="This page broke">
        <Empty icon="attention" title="Loading it again often helps." action={<Action kind="main" onPress={() => location.reload()}>Load it again</Action>}>
          If it does not, tell us what you did, and these words: <code>{error instanceof Error ? error.message : String(error)}</code>
        </Empty>
      </Page>
    </main>
  );
}
