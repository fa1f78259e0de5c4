// An application as somebody writes it who took the SDK from npm: its public names, by the
// package's name.
import {
  checkSystemRequirements,
  createClient,
  createStream,
  getDevices,
  RtcError,
  RtcErrorCode,
} from "@smrtc/sdk";
import type { CertificateIssuer, Client, RemoteStream } from "@smrtc/sdk";

const shown = new Map<string, number>();
let client: Client | undefined;

async function join(gateway: string, token: string): Promise<string> {
  client = createClient({ gateway, token, transport: "webtransport" });
  client.on("stream-subscribed", ({ stream }) => void show(stream));
  try {
    await client.join();
    return client.getConnectionState();
  } catch (thrown) {
    if (thrown instanceof RtcError)
      return `${thrown.codeName} ${thrown.code === RtcErrorCode.NOT_SUPPORTED} ${thrown.message}`;
    throw thrown;
  }
}

async function show(stream: RemoteStream): Promise<void> {
  stream.onVideoFrame((frame) => {
    frame.close();
    shown.set(stream.getUserId(), (shown.get(stream.getUserId()) ?? 0) + 1);
  });
  await stream.play("remote");
}

async function publish(): Promise<void> {
  const local = createStream({ audio: true, video: true });
  await local.initialize();
  await client?.publish(local);
}

/** Bytes can be sent as they are, whatever the version of TypeScript thinks of them. */
export const issuer: CertificateIssuer = async (request) => [
  new Uint8Array(await (await fetch("/certify", { method: "POST", body: request })).arrayBuffer()),
];

Object.assign(globalThis, {
  app: {
    join,
    publish,
    shown: (user: string) => shown.get(user) ?? 0,
    checkSystemRequirements,
    getDevices,
    leave: () => client?.leave(),
  },
});
