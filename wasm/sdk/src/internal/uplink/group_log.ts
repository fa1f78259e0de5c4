import type { GroupEvent } from "../generated/engine.ts";

/** For the log: names and numbers. The code is for people's eyes, and changes with each epoch. */
export function describe(event: GroupEvent): string {
  switch (event.kind) {
    case "state":
      return event.state;
    case "epoch":
      return `epoch ${event.epoch}`;
    case "roster":
      return `${event.members.length} members, ${event.joined.length} came, ${event.left.length} went`;
    case "refused":
      return `${event.what} refused: ${event.why}`;
    case "confirmed":
    case "split":
    case "unconfirmed":
    case "removed":
      return event.kind;
    case "certificate-invalid":
      return `certificate invalid: ${event.why}`;
  }
}
