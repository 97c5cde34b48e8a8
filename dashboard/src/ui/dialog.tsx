// Questions that must be answered before going on. The focus stays inside and goes back to where it came from.

import type { ReactNode } from "react";
import { Dialog } from "react-aria-components/Dialog";
import { Heading } from "react-aria-components/Heading";
import { Modal, ModalOverlay } from "react-aria-components/Modal";

export function Question({ title, isOpen, onClose, busy = false, alert = false, children }: { title: string; isOpen: boolean; onClose: () => void; busy?: boolean; alert?: boolean; children: ReactNode }) {
  return (
    <ModalOverlay className="overlay" isOpen={isOpen} onOpenChange={(open) => !open && !busy && onClose()} isDismissable={!busy && !alert} isKeyboardDismissDisabled={busy}>
      <Modal className="modal">
        <Dialog className="dialog" role={alert ? "alertdialog" : "dialog"}>
          <Heading slot="title" level={2}>
            {title}
          </Heading>
          {children}
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
