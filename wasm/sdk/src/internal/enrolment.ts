/** How our signature key gets its certificate before we join: the uplink worker makes the request, an authority answers it. */
import { RtcError } from "../errors.ts";
import type { CertificateIssuer, ClientOptions } from "../options.ts";
import type { Caller } from "./rpc.ts";
import type { KeySource, UplinkCalls, UplinkNotice } from "./worker_protocol.ts";

/** Our chain from `issuer`: our certificate, then those of its issuers, in DER. The key waits in the uplink worker for its `init`. */
export async function enrol(
  uplink: Caller<UplinkCalls, UplinkNotice>,
  module: WebAssembly.Module,
  options: Pick<ClientOptions, "gateway" | "token">,
  { suite, identity }: Extract<KeySource, { kind: "mls" }>,
  issuer: CertificateIssuer,
): Promise<readonly Uint8Array[]> {
  const token = typeof options.token === "string" ? options.token : await options.token();
  const secret = identity instanceof Uint8Array ? [identity.buffer as ArrayBuffer] : [];
  const request = await uplink.call("enrol", { module, suite, identity, user: userOf(token) }, secret);
  const chain = issuer === "gateway" ? await askGateway(options.gateway, token, request) : await issuer(request);
  if (!Array.isArray(chain) || chain.length === 0 || !chain.every((der: unknown) => der instanceof Uint8Array)) {
    throw new RtcError("INVALID_PARAMETER", "`certificates.issuer` gave no list of certificates");
  }
  return chain;
}

/** The user whom a join token names: its `sub`. The gateway checks the token; here it is only read. */
export function userOf(token: string): string {
  const [, payload = ""] = token.split(".");
  try {
    const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof claims === "object" && claims !== null && "sub" in claims && typeof claims.sub === "string" && claims.sub !== "") return claims.sub;
  } catch {
    // No JWT: said below.
  }
  throw new RtcError("INVALID_PARAMETER", "`token` names no user to make a certificate for");
}

/** `POST /v1/certificate` of `gateway/CERTIFICATES.md`. */
async function askGateway(gateway: string, token: string, request: Uint8Array<ArrayBuffer>): Promise<Uint8Array[]> {
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
    throw new RtcError("SIGNAL_CHANNEL_SETUP_FAILED", `the gateway gave no certificate: ${thrown instanceof Error ? thrown.message : String(thrown)}`, { cause: thrown });
  }
  if (!response.ok) {
    const why = (await response.text()).trim().slice(0, 200);
    const refused = response.status === 401 || response.status === 403;
    throw new RtcError(refused ? "JOIN_REFUSED" : "REQUEST_REFUSED", `the gateway gave no certificate: ${why === "" ? `HTTP ${String(response.status)}` : why}`);
  }
  return parseCertificates(await response.json());
}

/** The chain in the gateway's answer. */
export function parseCertificates(json: unknown): Uint8Array[] {
  const list: unknown = typeof json === "object" && json !== null && "certificates" in json ? json.certificates : undefined;
  try {
    if (Array.isArray(list) && list.length > 0) {
      return list.map((value: unknown) => Uint8Array.from(atob(String(value)), (character) => character.charCodeAt(0)));
    }
  } catch {
    // Not base64: said below.
  }
  throw new RtcError("REQUEST_REFUSED", "the gateway's answer holds no certificates");
}

/** As long as a session may take to open. */
const ANSWER_TIMEOUT_MS = 10_000;
