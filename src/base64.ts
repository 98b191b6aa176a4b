const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/** Line breaks and blanks may stand anywhere, because the usual tools fold their lines. */
const BLANKS = /[ \t\r\n]+/g;

/**
 * What keeps a text from being base64 (RFC 4648, section 4), with or without padding, in lines or not; undefined where it is.
 * Asked before it is decoded, because Node skips what is no base64, and damaged data would become shorter data.
 */
export function base64Problem(text: string): string | undefined {
  // Searched for what does not belong there: one pass, whatever the text is.
  const padding = text.search(/[^A-Za-z0-9+/ \t\r\n]/);
  const stranger = padding === -1 ? -1 : text.slice(padding).search(/[^= \t\r\n]/);
  if (stranger !== -1) {
    const at = padding + stranger;
    const code = (text.codePointAt(at) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    return `U+${code} at character ${at + 1} of ${text.length}; allowed are A-Z, a-z, 0-9, "+", "/", "=" at the end, line breaks, spaces and tabs`;
  }
  const digits = (padding === -1 ? text : text.slice(0, padding)).replace(BLANKS, "");
  // Four digits are three bytes. The bits that two or three digits at the end have too many must be 0: else some are missing.
  const over = digits.length % 4;
  const last = ALPHABET.indexOf(digits.charAt(digits.length - 1));
  const isWhole = over === 0 || (over === 2 && last % 16 === 0) || (over === 3 && last % 4 === 0);
  return isWhole ? undefined : "it ends in the middle of a byte";
}
