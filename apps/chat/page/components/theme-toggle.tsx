import type { ReactElement } from "react";
import { useTheme } from "../hooks/use-theme.ts";
import { Icon } from "./icon.tsx";

export function ThemeToggle(): ReactElement {
  const { theme, toggle } = useTheme();
  const label = theme === "dark" ? "Use light colours" : "Use dark colours";
  return (
    <button type="button" className="quiet" onClick={toggle} aria-label={label} title={label}>
      <Icon name={theme === "dark" ? "sun" : "moon"} />
    </button>
  );
}
