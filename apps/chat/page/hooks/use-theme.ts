import { useEffect, useState } from "react";
import { savePreference } from "../state/storage.ts";
import { useMediaQuery } from "./use-media-query.ts";

export type Theme = "light" | "dark";

/** The colours of the page: those of the system until somebody chooses. */
export function useTheme(): { theme: Theme; toggle: () => void } {
  const isSystemDark = useMediaQuery("(prefers-color-scheme: dark)");
  // set by theme.js before the first paint
  const [chosen, setChosen] = useState(document.documentElement.dataset.theme);
  const theme = chosen === "light" || chosen === "dark" ? chosen : isSystemDark ? "dark" : "light";

  useEffect(() => {
    if (chosen === undefined) return;
    document.documentElement.dataset.theme = chosen;
    savePreference("theme", chosen);
  }, [chosen]);

  return { theme, toggle: () => setChosen(theme === "dark" ? "light" : "dark") };
}
