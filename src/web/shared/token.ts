import { element } from "./dom.js";

export { subprotocols } from "../../client/subprotocols.js";

/** For this tab only: what a page keeps for longer, another page of the same origin finds later. */
const KEY = "matchbox.token";

/** The token that was given in this tab. */
export function storedToken(): string | undefined {
  try {
    return sessionStorage.getItem(KEY) ?? undefined;
  } catch {
    return undefined; // Storage is switched off.
  }
}

function storeToken(token: string): void {
  try {
    sessionStorage.setItem(KEY, token);
  } catch {
    // Storage is switched off: the token is asked for again when the page is loaded anew.
  }
}

/** Whether the daemon lets this page in, with the token that it has. */
export async function admission(token: string | undefined): Promise<"admitted" | "refused" | "unreachable"> {
  try {
    const headers = token === undefined ? undefined : { Authorization: `Bearer ${token}` };
    const answer = await fetch("/v1/lanes", { ...(headers && { headers }), cache: "no-store" });
    return answer.status === 401 ? "refused" : answer.ok ? "admitted" : "unreachable";
  } catch {
    return "unreachable";
  }
}

/** Asks for a token, in a dialog over the page, until one is given that the daemon knows. */
export async function askForToken(): Promise<string> {
  const input = element("input", { type: "password", id: "token", autocomplete: "off", required: "" });
  const problem = element("p", { class: "token-problem", role: "alert" });
  const form = element(
    "form",
    { method: "dialog" },
    element("h2", { id: "token-title" }, "This daemon asks for a token"),
    element(
      "p",
      { id: "token-help" },
      "Paste one of those that its configuration has. It stays in this tab and is forgotten when you close it.",
    ),
    element("label", { for: "token" }, "Token"),
    input,
    problem,
    element("button", { class: "primary" }, "Go in"),
  );
  const dialog = element(
    "dialog",
    { class: "token-dialog", "aria-labelledby": "token-title", "aria-describedby": "token-help" },
    form,
  );
  document.body.append(dialog);
  dialog.showModal();
  // There is nothing behind it to go back to.
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
  });
  return new Promise((resolve) => {
    const check = async (token: string): Promise<void> => {
      const answer = await admission(token);
      if (answer === "admitted") {
        storeToken(token);
        dialog.remove();
        resolve(token);
      } else {
        problem.textContent =
          answer === "refused" ? "The daemon does not know this token." : "The daemon does not answer; try again.";
        input.select();
      }
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void check(input.value.trim());
    });
  });
}
