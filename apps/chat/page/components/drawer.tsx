import { type ReactElement, type ReactNode, useEffect, useRef } from "react";
import { Icon } from "./icon.tsx";

interface DrawerProps {
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** What slides in from the side on a phone. The browser keeps the focus in it, and closes it with Esc. */
export function Drawer({ isOpen, onClose, children }: DrawerProps): ReactElement {
  const dialog = useRef<HTMLDialogElement>(null);

  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);

  return (
    <dialog
      ref={dialog}
      className="drawer"
      aria-label="Rooms and people"
      onClose={onClose}
      // only what is beside the drawer is the dialog itself
      onClick={(event) => event.target === event.currentTarget && onClose()}
    >
      <button type="button" className="quiet drawer-close" onClick={onClose} aria-label="Close">
        <Icon name="close" />
      </button>
      {children}
    </dialog>
  );
}
