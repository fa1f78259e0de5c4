/** What the shield at the top of the call says. */
import type { EncryptionState } from "@smrtc/sdk";
import { suiteWords } from "./panel.ts";

export interface ShieldWords {
  readonly words: string;
  /** Something is wrong. */
  readonly broken: boolean;
  readonly title: string;
}

/** @param isHere whether a user is shown as being in the call */
export function shieldWords(
  { suite, epoch, kid, group, perSender }: EncryptionState,
  isHere: (userId: string) => boolean,
): ShieldWords {
  const name = suiteWords(suite);
  const cipher = name.split(" ")[0] ?? "";
  const refused = perSender.some(
    ({ userId, state }) => state === "cannot-decrypt" && isHere(userId),
  );
  if (group === undefined) {
    const title = `Sealed end to end with ${name}, by an external key from the link, key id ${kid}`;
    return refused
      ? { words: "Keys differ", broken: true, title }
      : { words: `${cipher} · external key`, broken: false, title };
  }
  const title = `Sealed end to end with ${name}, by keys that the group agreed on, epoch ${epoch}${kid === "" ? "" : `, key id ${kid}`}`;
  const others = group.members.filter((member) => !member.self);
  const wrong =
    group.state === "removed"
      ? "Taken out of the group"
      : group.split.length > 0
        ? "Group split"
        : refused
          ? "Keys differ"
          : "";
  if (wrong !== "") return { words: wrong, broken: true, title };
  if (kid === "")
    return {
      words: "Agreeing on keys…",
      broken: false,
      title: "Nothing is sent before there is a key",
    };
  const compared = others.length > 0 && others.every((member) => member.compared);
  return {
    words: `${cipher} · epoch ${epoch}${compared ? " · compared" : ""}`,
    broken: false,
    title,
  };
}
