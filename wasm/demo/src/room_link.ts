/**
 * The address of a room: `?room=board&transport=websocket`. The members agree on keys by
 * themselves.
 *
 * With an external key it is in the fragment, which browsers never send:
 * `?room=board#key=<base64url of 32 bytes>`.
 */
import { tidy } from "./names.ts";
import type { CipherSuiteName, GroupSuiteName, TransportChoice } from "@smrtc/sdk";

export interface RoomLink {
  readonly room: string;
  /** An external key; without one the members of the room agree on keys. */
  readonly key: Uint8Array | undefined;
  readonly suite: CipherSuiteName;
  readonly groupSuite: GroupSuiteName;
  readonly transport: TransportChoice;
  /** Base URL of the gateway; this page's own origin unless `?gateway=` says otherwise. */
  readonly gateway: string;
  /** A ready-made token; without one the gateway is asked for a demo token. */
  readonly token: string | undefined;
}

const SUITES: readonly CipherSuiteName[] = [
  "SM4_GCM_SM3",
  "AES_128_GCM_SHA256_128",
  "AES_256_GCM_SHA512_128",
];
const GROUP_SUITES: readonly GroupSuiteName[] = [
  "SM2_SM4_GCM_SM3",
  "SM2_PKE_SM4_GCM_SM3",
  "P256_AES_128_GCM_SHA256",
];
const TRANSPORTS: readonly TransportChoice[] = ["auto", "webtransport", "websocket"];
const KEY_BYTES = 32;

/**
 * Reads the address. `problem` is a sentence for the user if the key in it is damaged; a fresh key
 * takes its place.
 */
export function readLink(address: URL): {
  link: RoomLink;
  invited: boolean;
  problem: string | undefined;
} {
  const query = address.searchParams;
  const fragment = new URLSearchParams(address.hash.slice(1));
  const given = fragment.get("key");
  const key = given === null ? undefined : decodeKey(given);
  const damaged = given !== null && key === undefined;
  return {
    link: {
      room: tidy(query.get("room") ?? "") || randomRoom(),
      key: damaged ? randomKey() : key,
      suite: SUITES.find((suite) => suite === fragment.get("suite")) ?? "SM4_GCM_SM3",
      groupSuite:
        GROUP_SUITES.find((suite) => suite === fragment.get("group")) ?? "SM2_SM4_GCM_SM3",
      transport: TRANSPORTS.find((transport) => transport === query.get("transport")) ?? "auto",
      gateway: query.get("gateway") ?? address.origin,
      token: query.get("token") ?? undefined,
    },
    invited: query.has("room") && !damaged,
    problem: damaged
      ? "The key in this link is incomplete, so a new one was made. To join others, open the whole link they sent you."
      : undefined,
  };
}

/** The address to hand to others. It leaves out what is ours alone: name, token, transport. */
export function inviteUrl(link: RoomLink, page: URL): string {
  const url = new URL(page.pathname, page.origin);
  url.searchParams.set("room", link.room);
  if (link.gateway !== page.origin) url.searchParams.set("gateway", link.gateway);
  const fragment = new URLSearchParams();
  if (link.key !== undefined) fragment.set("key", encodeKey(link.key));
  else if (link.groupSuite !== "SM2_SM4_GCM_SM3") fragment.set("group", link.groupSuite);
  if (link.suite !== "SM4_GCM_SM3") fragment.set("suite", link.suite);
  url.hash = fragment.toString();
  return url.href;
}

/** A key for a room whose link is to hold it. */
export function randomKey(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(KEY_BYTES));
}

/** Puts room and key into the address bar, so that a reload comes back to the same room. */
export function showInAddressBar(link: RoomLink): void {
  const url = new URL(inviteUrl(link, new URL(location.href)));
  for (const name of ["transport", "token"]) {
    const value = new URLSearchParams(location.search).get(name);
    if (value !== null) url.searchParams.set(name, value);
  }
  history.replaceState(null, "", url);
}

function randomRoom(): string {
  const letters = "abcdefghjkmnpqrstuvwxyz";
  const pick = [...crypto.getRandomValues(new Uint8Array(9))]
    .map((byte) => letters[byte % letters.length])
    .join("");
  return `${pick.slice(0, 3)}-${pick.slice(3, 6)}-${pick.slice(6)}`;
}

function encodeKey(key: Uint8Array): string {
  return btoa(String.fromCharCode(...key))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

function decodeKey(text: string): Uint8Array | undefined {
  try {
    const bytes = Uint8Array.from(
      atob(text.replaceAll("-", "+").replaceAll("_", "/")),
      (character) => character.charCodeAt(0),
    );
    return bytes.length === KEY_BYTES ? bytes : undefined;
  } catch {
    return undefined;
  }
}
