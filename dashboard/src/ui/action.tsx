// Buttons, and links that look like them.

import { createLink } from "@tanstack/react-router";
import { type AnchorHTMLAttributes, type ReactNode, type Ref } from "react";
import { Button, type ButtonProps } from "react-aria-components/Button";

import { Icon, type IconName } from "./icon.tsx";

type Kind = "main" | "plain" | "quiet" | "danger";

interface Looks {
  readonly kind?: Kind;
  readonly icon?: IconName;
  readonly children?: ReactNode;
}

/** While `isPending` it cannot be pressed again and says so; it keeps its place and the focus. */
export function Action({ kind = "plain", icon, children, ...rest }: Looks & Omit<ButtonProps, "children" | "className">) {
  return (
    <Button {...rest} className={`action action-${kind}`}>
      {icon && <Icon name={icon} size={18} />}
      <span className="action-words">{children}</span>
    </Button>
  );
}

function Anchor({ kind = "plain", icon, children, ref, ...rest }: Looks & AnchorHTMLAttributes<HTMLAnchorElement> & { ref?: Ref<HTMLAnchorElement> }) {
  return (
    <a {...rest} ref={ref} className={`action action-${kind}`}>
      {icon && <Icon name={icon} size={18} />}
      <span className="action-words">{children}</span>
    </a>
  );
}

/** Goes to another page. */
export const ActionLink = createLink(Anchor);
