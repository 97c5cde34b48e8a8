// What surrounds every page: where one can go, who is signed in, light or dark.

import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { useEffect, useId, useState } from "react";
import { Button } from "react-aria-components/Button";
import { Dialog, DialogTrigger } from "react-aria-components/Dialog";
import { Modal, ModalOverlay } from "react-aria-components/Modal";

import { toldCount, unreadCount, waitingCounts } from "./counts.ts";
import { ADMIN, type Group, MARKETPLACE, PROVIDER } from "./places.ts";
import { Stopped, SwitchState } from "./switch.tsx";
import { ThemeChoice } from "./theme.tsx";
import { queries } from "../api/queries.ts";
import { type Area, areaOf, type Role, signOut, useSession } from "../sign-in/token.ts";
import { Icon } from "../ui/icon.tsx";

const ROLE_WORDS: Readonly<Record<Role, string>> = { provider: "Provider", admin: "Admin", finance: "Admin, finance", escalation: "Admin, escalations", platform: "Marketplace" };
const PLACES: Readonly<Record<Area, readonly Group[]>> = { provider: PROVIDER, admin: ADMIN, marketplace: MARKETPLACE };

export function Frame() {
  const who = useSession();
  const navigate = useNavigate();
  const href = useRouterState({ select: (state) => state.location.href });
  // The token ended, or somebody signed out: what it showed is forgotten before the next one signs in.
  useEffect(() => {
    if (who) return;
    queries.clear();
    void navigate({ to: "/sign-in", search: { to: href }, replace: true });
  }, [who, navigate, href]);
  if (!who) return null;
  return (
    <div className="frame">
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <header className="bar">
        <Brand />
        <Drawer />
      </header>
      <aside className="side">
        <Brand />
        <Places />
        <Who />
      </aside>
      <main id="content" className="content" tabIndex={-1}>
        {areaOf(who) === "admin" && <Stopped />}
        <Outlet />
      </main>
    </div>
  );
}

export function Brand() {
  return (
    <Link to="/" className="brand">
      <img src="/mark.svg" alt="" width="28" height="28" />
      <span>Payouts</span>
    </Link>
  );
}

function Places({ onGo }: { onGo?: () => void }) {
  const id = useId();
  const who = useSession();
  const area = who && areaOf(who);
  const admin = area === "admin";
  const waiting = useQuery({ ...waitingCounts, enabled: admin }).data;
  const unread = useQuery({ ...unreadCount, enabled: area === "provider" });
  const told = useQuery({ ...toldCount, enabled: admin });
  const many = (known: number): Count | undefined => waiting && { known, more: known >= waiting.counted_at_most };
  const counts: Readonly<Record<string, Count | undefined>> = {
    ...(waiting && { "/admin/reviews": many(waiting.reviews), "/admin/attention": many(waiting.attention), "/admin/cases": many(waiting.cases) }),
    "/provider/notifications": unread.data,
    "/admin/notifications": told.data,
  };
  return (
    <nav aria-label="Main">
      {admin && <SwitchState onGo={onGo} />}
      {(area ? PLACES[area] : []).map((group, at) => (
        <div key={group.title ?? at} className="places-group">
          {group.title && (
            <p className="places-title" id={`${id}-${at}`}>
              {group.title}
            </p>
          )}
          <ul className="places" {...(group.title ? { "aria-labelledby": `${id}-${at}` } : {})}>
            {group.places.map(({ to, words, icon, exact }) => {
              const count = counts[to];
              return (
                <li key={to}>
                  <Link to={to} className="place" activeOptions={{ exact: exact ?? false, includeSearch: false }} activeProps={{ "aria-current": "page" }} onClick={onGo}>
                    <Icon name={icon} />
                    <span>{words}</span>
                    {count && count.known > 0 && (
                      <span className="place-count number">
                        {count.known}
                        {count.more ? "+" : ""}
                        <span className="unseen">{to.endsWith("/notifications") ? " not read" : " waiting"}</span>
                      </span>
                    )}
                  </Link>
                </li>
              );
            })}
          </ul>
        </div>
      ))}
    </nav>
  );
}

interface Count {
  readonly known: number;
  readonly more: boolean;
}

function Who() {
  const who = useSession();
  return (
    <div className="who">
      <ThemeChoice />
      <div className="who-line">
        <div className="who-words">
          <span className="strong">{who?.subject}</span>
          <span className="small soft">{who ? ROLE_WORDS[who.role] : ""}</span>
        </div>
        <Button className="icon-button" aria-label="Sign out" onPress={signOut}>
          <Icon name="leave" />
        </Button>
      </div>
    </div>
  );
}

/** On a phone. */
function Drawer() {
  const [open, setOpen] = useState(false);
  return (
    <DialogTrigger isOpen={open} onOpenChange={setOpen}>
      <Button className="icon-button" aria-label="Menu">
        <Icon name="menu" size={24} />
      </Button>
      <ModalOverlay className="overlay" isDismissable>
        <Modal className="drawer">
          <Dialog className="drawer-inside" aria-label="Menu">
            <div className="drawer-head">
              <Brand />
              <Button className="icon-button" aria-label="Close the menu" onPress={() => setOpen(false)}>
                <Icon name="cross" size={24} />
              </Button>
            </div>
            <Places onGo={() => setOpen(false)} />
            <Who />
          </Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}
