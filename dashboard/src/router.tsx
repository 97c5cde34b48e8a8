// Every address of the app, what its search may say, and who may open it. Pages are loaded when they are first opened.

import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet, redirect } from "@tanstack/react-router";

import { Frame } from "./frame/frame.tsx";
import { NotFound, WentWrong } from "./frame/lost.tsx";
import { allPayoutsSearch, casesSearch, deadLettersSearch, earningsSearch, messagesSearch, monthSearch, oneOf, only, overviewSearch, pageSearch, payoutsSearch, policiesSearch, proposeSearch, providersSearch, reviewsSearch, statementSearch } from "./show/search.ts";
import { SIGN_IN_AGAIN } from "./sign-in/again.ts";
import { areaOf, session } from "./sign-in/token.ts";

const HOME = { provider: "/provider", admin: "/admin/reviews", marketplace: "/marketplace/webhooks" } as const;

/** Whom a part of the app is for. Others are sent to where they belong; the API refuses them anyway. */
function demand(area: keyof typeof HOME) {
  return ({ location }: { location: { href: string } }) => {
    const who = session();
    if (!who) throw redirect({ to: "/sign-in", search: { to: location.href } });
    if (areaOf(who) !== area) throw redirect({ to: HOME[areaOf(who)] });
  };
}

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound, errorComponent: WentWrong });

const index = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    const who = session();
    throw redirect({ to: who ? HOME[areaOf(who)] : "/sign-in" });
  },
});

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  // Only a place of this app: an address of another host would send the reader away after signing in.
  validateSearch: (raw: Record<string, unknown>) => only({ to: typeof raw["to"] === "string" && /^\/(?!\/)/.test(raw["to"]) ? raw["to"] : undefined, why: oneOf(SIGN_IN_AGAIN, raw["why"]) }),
  component: lazyRouteComponent(() => import("./sign-in/page.tsx"), "SignIn"),
});

const provider = createRoute({ getParentRoute: () => root, path: "/provider", beforeLoad: demand("provider"), component: Frame });
const providerRoutes = [
  createRoute({ getParentRoute: () => provider, path: "/", component: lazyRouteComponent(() => import("./provider/balance.tsx"), "Balance") }),
  createRoute({ getParentRoute: () => provider, path: "/earnings", validateSearch: earningsSearch, component: lazyRouteComponent(() => import("./provider/earnings.tsx"), "Earnings") }),
  createRoute({ getParentRoute: () => provider, path: "/payouts", validateSearch: payoutsSearch, component: lazyRouteComponent(() => import("./provider/payouts.tsx"), "Payouts") }),
  createRoute({ getParentRoute: () => provider, path: "/payouts/new", component: lazyRouteComponent(() => import("./provider/request.tsx"), "RequestPayout") }),
  createRoute({ getParentRoute: () => provider, path: "/payouts/$id", component: lazyRouteComponent(() => import("./provider/payout.tsx"), "Payout") }),
  createRoute({ getParentRoute: () => provider, path: "/statements", validateSearch: monthSearch, component: lazyRouteComponent(() => import("./provider/statement.tsx"), "MonthlyStatement") }),
  createRoute({ getParentRoute: () => provider, path: "/bank-accounts", component: lazyRouteComponent(() => import("./provider/bank-accounts.tsx"), "BankAccounts") }),
  createRoute({ getParentRoute: () => provider, path: "/notifications/settings", component: lazyRouteComponent(() => import("./provider/notification-settings.tsx"), "NotificationSettings") }),
  createRoute({ getParentRoute: () => provider, path: "/notifications", validateSearch: pageSearch, component: lazyRouteComponent(() => import("./provider/notifications.tsx"), "Notifications") }),
] as const;

const admin = createRoute({ getParentRoute: () => root, path: "/admin", beforeLoad: demand("admin"), component: Frame });
const adminRoutes = [
  createRoute({
    getParentRoute: () => admin,
    path: "/",
    beforeLoad: () => {
      throw redirect({ to: HOME.admin });
    },
  }),
  createRoute({ getParentRoute: () => admin, path: "/overview", validateSearch: overviewSearch, component: lazyRouteComponent(() => import("./admin/overview.tsx"), "Overview") }),
  createRoute({ getParentRoute: () => admin, path: "/providers", validateSearch: providersSearch, component: lazyRouteComponent(() => import("./admin/providers.tsx"), "Providers") }),
  createRoute({ getParentRoute: () => admin, path: "/providers/$id", component: lazyRouteComponent(() => import("./admin/provider.tsx"), "ProviderPage") }),
  createRoute({ getParentRoute: () => admin, path: "/reviews", validateSearch: reviewsSearch, component: lazyRouteComponent(() => import("./admin/reviews.tsx"), "Reviews") }),
  createRoute({ getParentRoute: () => admin, path: "/payouts", validateSearch: allPayoutsSearch, component: lazyRouteComponent(() => import("./admin/payouts.tsx"), "AllPayouts") }),
  createRoute({ getParentRoute: () => admin, path: "/payouts/$id", component: lazyRouteComponent(() => import("./admin/payout.tsx"), "AnyPayout") }),
  createRoute({ getParentRoute: () => admin, path: "/attention", validateSearch: pageSearch, component: lazyRouteComponent(() => import("./admin/attention.tsx"), "NeedAttention") }),
  createRoute({ getParentRoute: () => admin, path: "/batches", validateSearch: pageSearch, component: lazyRouteComponent(() => import("./admin/batches.tsx"), "Batches") }),
  createRoute({ getParentRoute: () => admin, path: "/batches/$id", validateSearch: pageSearch, component: lazyRouteComponent(() => import("./admin/batch.tsx"), "BatchPage") }),
  createRoute({ getParentRoute: () => admin, path: "/schedule", component: lazyRouteComponent(() => import("./admin/schedule.tsx"), "Schedule") }),
  createRoute({ getParentRoute: () => admin, path: "/approval-limits", component: lazyRouteComponent(() => import("./admin/approval-limits.tsx"), "ApprovalLimits") }),
  createRoute({ getParentRoute: () => admin, path: "/cases", validateSearch: casesSearch, component: lazyRouteComponent(() => import("./admin/cases.tsx"), "Cases") }),
  createRoute({ getParentRoute: () => admin, path: "/cases/$id", component: lazyRouteComponent(() => import("./admin/case.tsx"), "CasePage") }),
  createRoute({ getParentRoute: () => admin, path: "/reconciliations", validateSearch: pageSearch, component: lazyRouteComponent(() => import("./admin/reconciliations.tsx"), "Reconciliations") }),
  createRoute({ getParentRoute: () => admin, path: "/statements", validateSearch: pageSearch, component: lazyRouteComponent(() => import("./admin/statements.tsx"), "Statements") }),
  createRoute({ getParentRoute: () => admin, path: "/statements/$id", validateSearch: statementSearch, component: lazyRouteComponent(() => import("./admin/statements.tsx"), "Statement") }),
  createRoute({ getParentRoute: () => admin, path: "/pauses", component: lazyRouteComponent(() => import("./admin/pauses.tsx"), "Pauses") }),
  createRoute({ getParentRoute: () => admin, path: "/risk-policies", validateSearch: policiesSearch, component: lazyRouteComponent(() => import("./admin/risk-policies.tsx"), "RiskPolicies") }),
  createRoute({ getParentRoute: () => admin, path: "/risk-policies/new", validateSearch: proposeSearch, component: lazyRouteComponent(() => import("./admin/risk-policy-form.tsx"), "ProposeRiskPolicy") }),
  createRoute({ getParentRoute: () => admin, path: "/risk-policies/$id", validateSearch: pageSearch, component: lazyRouteComponent(() => import("./admin/risk-policy.tsx"), "RiskPolicyPage") }),
  createRoute({ getParentRoute: () => admin, path: "/messages", validateSearch: messagesSearch, component: lazyRouteComponent(() => import("./admin/messages.tsx"), "Messages") }),
  createRoute({ getParentRoute: () => admin, path: "/notifications", validateSearch: pageSearch, component: lazyRouteComponent(() => import("./admin/notifications.tsx"), "AdminNotifications") }),
  createRoute({ getParentRoute: () => admin, path: "/notifications/settings", component: lazyRouteComponent(() => import("./admin/notification-settings.tsx"), "AdminNotificationSettings") }),
  createRoute({ getParentRoute: () => admin, path: "/workers", component: lazyRouteComponent(() => import("./admin/workers.tsx"), "Workers") }),
  createRoute({ getParentRoute: () => admin, path: "/dead-letters", validateSearch: deadLettersSearch, component: lazyRouteComponent(() => import("./admin/dead-letters.tsx"), "DeadLetters") }),
  createRoute({ getParentRoute: () => admin, path: "/health", component: lazyRouteComponent(() => import("./admin/health.tsx"), "Health") }),
] as const;

const marketplace = createRoute({ getParentRoute: () => root, path: "/marketplace", beforeLoad: demand("marketplace"), component: Frame });
const marketplaceRoutes = [
  createRoute({ getParentRoute: () => marketplace, path: "/webhooks", component: lazyRouteComponent(() => import("./marketplace/webhooks.tsx"), "Webhooks") }),
  createRoute({ getParentRoute: () => marketplace, path: "/webhooks/$id", validateSearch: pageSearch, component: lazyRouteComponent(() => import("./marketplace/webhook.tsx"), "Webhook") }),
] as const;

export const router = createRouter({
  routeTree: root.addChildren([index, signIn, provider.addChildren(providerRoutes), admin.addChildren(adminRoutes), marketplace.addChildren(marketplaceRoutes)]),
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
