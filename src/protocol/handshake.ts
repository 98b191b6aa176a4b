/** Where a daemon that is told nothing listens, and where a client that is told nothing looks for it. */
export const DEFAULT_ADDRESS = "127.0.0.1:7070";

/** The WebSocket subprotocol: what a client may offer, and one that shows its token as another one has to. */
export const SUBPROTOCOL = "matchbox.v1";

/** What a subprotocol begins with that carries a token, where no header can: the token follows, in base64url of its UTF-8. */
export const TOKEN_SUBPROTOCOL_PREFIX = "matchbox.token.";
