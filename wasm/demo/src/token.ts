/** A join token for the demo: the gateway hands them out itself when it runs with `--demo`. */
export async function demoToken(gateway: string, room: string, user: string): Promise<string> {
  let response: Response;
  try {
    response = await fetch(new URL("/v1/demo/token", gateway), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ room, user }),
    });
  } catch (cause) {
    throw new Error(`The gateway at ${gateway} does not answer. Is it running?`, { cause });
  }
  if (response.status === 400)
    throw new Error("The gateway does not take this room or this name. Choose others.");
  if (!response.ok)
    throw new Error(
      `The gateway gives no demo tokens (HTTP ${response.status}). Open this page with a token: ?token=…`,
    );
  const { token } = (await response.json()) as { token: string };
  return token;
}
