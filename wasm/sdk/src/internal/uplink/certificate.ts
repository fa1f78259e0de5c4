/**
 * A certificate for our signature key: whose it is to be, and the gateway's own authority, which
 * makes one.
 */
import { RtcError } from "../../errors.ts";
import { field, fromBase64 } from "../json.ts";

/**
 * The user whom a join token names: its `sub`. The gateway checks the token; here it is only read.
 */
export function userOf(token: string): string {
  const [, payload = ""] = token.split(".");
  try {
    const bytes = fromBase64(payload.replaceAll("-", "+").replaceAll("_", "/"));
    const user = field(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)), "sub");
    if (typeof user === "string" && user !== "") return user;
  } catch {
    // No JWT: said below.
  }
  throw new RtcError("INVALID_PARAMETER", "`token` names no user to make a certificate for");
}

/**
 * `POST /v1/certificate` of `gateway/CERTIFICATES.md`: our certificate, then those of its issuers,
 * in DER.
 */
export async function certify(
  gateway: string,
  token: string,
  request: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array[]> {
  let response;
  try {
    response = await fetch(new URL("/v1/certificate", gateway), {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/pkcs10" },
      body: request,
      cache: "no-store",
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
  } catch (thrown) {
    throw new RtcError(
      "SIGNAL_CHANNEL_SETUP_FAILED",
      `the gateway gave no certificate: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      { cause: thrown },
    );
  }
  if (!response.ok) {
    const why = (await response.text()).trim().slice(0, 200);
    const refused = response.status === 401 || response.status === 403;
    throw new RtcError(
      refused ? "JOIN_REFUSED" : "REQUEST_REFUSED",
      `the gateway gave no certificate: ${why === "" ? `HTTP ${String(response.status)}` : why}`,
    );
  }
  return parseCertificates(await response.json());
}

/** The chain in the gateway's answer. */
export function parseCertificates(json: unknown): Uint8Array[] {
  const list = field(json, "certificates");
  try {
    if (Array.isArray(list) && list.length > 0) {
      return list.map((value: unknown) => fromBase64(String(value)));
    }
  } catch {
    // Not base64: said below.
  }
  throw new RtcError("REQUEST_REFUSED", "the gateway's answer holds no certificates");
}

/** As long as a session may take to open. */
const ANSWER_TIMEOUT_MS = 10_000;
