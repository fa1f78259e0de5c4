/**
 * What the time of day says: whether our clock is right, as far as the gateway knows, and when a
 * token holds.
 */

/**
 * Members forgive each other an hour, two clocks may be off in opposite directions, and a
 * certificate may be minutes old.
 */
const TOLERANCE_MS = 5 * 60_000;

/**
 * How far our clock is from the gateway's, if that is far enough to matter. Both in milliseconds
 * since 1970, of the same moment.
 */
export function clocksDiffer(
  ours: number,
  gateways: number,
): { readonly aheadMs: number; readonly words: string } | undefined {
  const aheadMs = ours - gateways;
  if (Math.abs(aheadMs) <= TOLERANCE_MS) return undefined;
  const where = aheadMs > 0 ? "ahead of" : "behind";
  return {
    aheadMs,
    words: `the clock of this device is about ${duration(Math.abs(aheadMs))} ${where} the gateway's, so one of them is wrong`,
  };
}

/**
 * Why a token that was refused for its times does not hold at a time, in milliseconds since 1970;
 * undefined if it does, or cannot be read.
 */
export function tokenTimes(token: string, at: number): string | undefined {
  const { exp, nbf } = claims(token);
  if (typeof nbf === "number" && nbf * 1000 > at) {
    return `by the gateway's clock it is valid only in ${duration(nbf * 1000 - at)}: the clock of whoever issues tokens, or the gateway's, is wrong`;
  }
  if (typeof exp === "number" && exp * 1000 < at)
    return `by the gateway's clock it expired ${duration(at - exp * 1000)} ago`;
  return undefined;
}

function claims(token: string): { readonly exp?: unknown; readonly nbf?: unknown } {
  try {
    const part = token.split(".")[1] ?? "";
    const value: unknown = JSON.parse(atob(part.replaceAll("-", "+").replaceAll("_", "/")));
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** In the two units that matter. */
function duration(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 1_440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1_440)} d ${Math.floor(minutes / 60) % 24} h`;
}
