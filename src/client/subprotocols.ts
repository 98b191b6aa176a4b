import { SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from "../protocol/handshake.js";

/** What a client offers as subprotocols where it can send no header of its own, as in a browser: the protocol, and its token. */
export function subprotocols(token: string | undefined): string[] {
  return token === undefined ? [SUBPROTOCOL] : [SUBPROTOCOL, `${TOKEN_SUBPROTOCOL_PREFIX}${toBase64Url(token)}`];
}

/** Of the text's UTF-8, without padding: what may stand in a header's token. */
function toBase64Url(text: string): string {
  const bytes = String.fromCodePoint(...new TextEncoder().encode(text));
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
