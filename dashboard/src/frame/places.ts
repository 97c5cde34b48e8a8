// Where one can go, and under which heading.

import type { IconName } from "../ui/icon.tsx";

export interface Place {
  readonly to: string;
  readonly words: string;
  readonly icon: IconName;
  readonly exact?: true;
}

export interface Group {
  /** Without one the places stand alone. */
  readonly title?: string;
  readonly places: readonly Place[];
}

export const PROVIDER: readonly Group[] = [
  {
    places: [
      { to: "/provider", words: "Balance", icon: "balance", exact: true },
      { to: "/provider/payouts", words: "Payouts", icon: "payouts" },
      { to: "/provider/earnings", words: "Earnings", icon: "earnings" },
      { to: "/provider/statements", words: "Statements", icon: "page" },
      { to: "/provider/bank-accounts", words: "Bank accounts", icon: "bank" },
      { to: "/provider/notifications", words: "Notifications", icon: "bell" },
    ],
  },
];

export const ADMIN: readonly Group[] = [
  { places: [{ to: "/admin/overview", words: "Overview", icon: "chart" }] },
  {
    title: "Waits for you",
    places: [
      { to: "/admin/reviews", words: "Review queue", icon: "review" },
      { to: "/admin/attention", words: "Need attention", icon: "attention" },
      { to: "/admin/cases", words: "Cases", icon: "cases" },
      { to: "/admin/notifications", words: "Notifications", icon: "bell" },
    ],
  },
  {
    title: "Money",
    places: [
      { to: "/admin/payouts", words: "All payouts", icon: "payouts" },
      { to: "/admin/providers", words: "Providers", icon: "people" },
      { to: "/admin/batches", words: "Batches", icon: "batch" },
      { to: "/admin/reconciliations", words: "Reconciliations", icon: "scales" },
      { to: "/admin/statements", words: "Wallet statements", icon: "bank" },
    ],
  },
  {
    title: "Rules",
    places: [
      { to: "/admin/risk-policies", words: "Risk policies", icon: "rules" },
      { to: "/admin/approval-limits", words: "Approval limits", icon: "check" },
      { to: "/admin/schedule", words: "Schedule and limits", icon: "clock" },
      { to: "/admin/pauses", words: "Pauses", icon: "pause" },
    ],
  },
  {
    title: "System",
    places: [
      { to: "/admin/messages", words: "Messages", icon: "out" },
      { to: "/admin/workers", words: "Workers", icon: "workers" },
      { to: "/admin/health", words: "Health", icon: "health" },
    ],
  },
];

export const MARKETPLACE: readonly Group[] = [{ places: [{ to: "/marketplace/webhooks", words: "Webhooks", icon: "out" }] }];
