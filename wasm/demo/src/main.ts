/** The demo page: from the link to the first screen, from there into the call and back. */
import { createClient } from "@smrtc/sdk";
import { CallView } from "./call_view.ts";
import { keepIdentity, rememberName, userIdFor } from "./identity.ts";
import { type JoinChoice, JoinView } from "./join_view.ts";
import { OverView } from "./over_view.ts";
import { inviteUrl, randomKey, readLink, type RoomLink, showInAddressBar } from "./room_link.ts";
import { demoToken } from "./token.ts";

const app = document.getElementById("app") ?? document.body;

async function firstScreen(): Promise<void> {
  const { link, invited, problem } = readLink(new URL(location.href));
  const view = new JoinView({
    room: link.room,
    invited,
    problem,
    externalKey: link.key !== undefined,
    join: async (choice) => {
      await call(
        {
          ...link,
          room: choice.room,
          key: choice.externalKey ? (link.key ?? randomKey()) : undefined,
        },
        choice,
      );
      view.close();
    },
  });
  app.replaceChildren(view.element);
  await view.start();
}

async function call(link: RoomLink, choice: JoinChoice): Promise<void> {
  const userId = userIdFor(choice.name, choice.keepIdentity);
  rememberName(choice.name);
  keepIdentity(choice.keepIdentity);
  const client = createClient({
    gateway: link.gateway,
    token: link.token ?? (() => demoToken(link.gateway, link.room, userId)),
    encryption:
      link.key === undefined
        ? {
            suite: link.suite,
            groupSuite: link.groupSuite,
            identity: choice.keepIdentity ? { keptAs: userId } : "new",
          }
        : { suite: link.suite, key: link.key },
    transport: link.transport,
  });
  const view = new CallView({
    client,
    userId,
    room: link.room,
    stream: choice.stream,
    microphoneOn: choice.microphoneOn,
    cameraOn: choice.cameraOn,
    externalKey: link.key !== undefined,
    invite: inviteUrl(link, new URL(location.href)),
    onLeave: () => void end().then(firstScreen),
    onOver: (reason) => {
      const over = new OverView({ room: link.room, reason, onJoinAgain: () => void firstScreen() });
      // At once, so that nothing of the call stays to be seen; what is left of it ends behind.
      void end();
      app.replaceChildren(over.element);
      over.focus();
    },
  });
  const end = async () => {
    view.close();
    await client.leave().catch(() => undefined);
    choice.stream?.close();
  };
  // For people who look around in the console; nothing here depends on it.
  Object.assign(globalThis, { smrtc: { client } });
  try {
    await client.join();
  } catch (error) {
    await client.leave().catch(() => undefined);
    throw error;
  }
  showInAddressBar(link);
  app.replaceChildren(view.element);
  addEventListener("pagehide", () => void client.leave(), { once: true });
  await view.start();
}

await firstScreen();
