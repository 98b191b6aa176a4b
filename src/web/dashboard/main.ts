import { showThemeToggle } from "../shared/theme.js";

showThemeToggle();
