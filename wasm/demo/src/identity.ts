/**
 * User ids. Two people may have the same name, and a gateway keeps one session for each user, so
 * the id is the name with a short random tail. The tail lives as long as the tab: a reload takes
 * over the seat of the page before it.
 */

const TAIL = /~[a-z0-9]{4}$/;
/** What the tail adds to a name. */
export const TAIL_BYTES = 5;

/**
 * @param name as `problemWith` lets it pass
 * @param kept the tail lives as long as the browser's storage: for those whom others are to know
 *   again
 */
export function userIdFor(name: string, kept: boolean): string {
  const storage = kept ? localStorage : sessionStorage;
  let tail = storage.getItem("smrtc-tail");
  if (!tail) {
    tail = [...crypto.getRandomValues(new Uint8Array(4))]
      .map((byte) => (byte % 36).toString(36))
      .join("");
    storage.setItem("smrtc-tail", tail);
  }
  return `${name}~${tail}`;
}

export function displayName(userId: string): string {
  return userId.replace(TAIL, "") || "Guest";
}

/** One or two letters for a tile without video. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  return words
    .slice(0, 2)
    .map((word) => Array.from(word)[0] ?? "")
    .join("")
    .toUpperCase();
}

export function rememberedName(): string {
  return localStorage.getItem("smrtc-name") ?? "";
}

export function rememberName(name: string): void {
  localStorage.setItem("smrtc-name", name);
}

/** Whether the identity is to be kept in this browser. */
export function identityIsKept(): boolean {
  return localStorage.getItem("smrtc-keep-identity") === "yes";
}

export function keepIdentity(kept: boolean): void {
  localStorage.setItem("smrtc-keep-identity", kept ? "yes" : "no");
}
