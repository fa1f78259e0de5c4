/**
 * Which names of rooms and people the gateway takes, and why one is refused, in words for the
 * person who typed it.
 */

/** Longest name that a gateway takes, in bytes of UTF-8. */
const MAX_BYTES = 128;
/**
 * Control characters, and those that turn the direction of all text after them (UAX #9): a name
 * must not rewrite its surroundings.
 */
const DISTURBS = /[\p{Cc}\u202A-\u202E\u2066-\u2069]/u;
/** Something to see: not blanks, joiners and variation selectors alone. */
const VISIBLE = /[^\p{White_Space}\p{Default_Ignorable_Code_Point}]/u;

/** One spelling for what looks alike: é typed as one character or as two is the same room. */
export function tidy(name: string): string {
  return name.toWellFormed().trim().normalize("NFC");
}

/**
 * Undefined if a tidy name can be used.
 * @param spare bytes that are added to it
 */
export function problemWith(what: "room" | "name", name: string, spare = 0): string | undefined {
  const subject = what === "room" ? "The name of the room" : "Your name";
  if (!VISIBLE.test(name)) return what === "room" ? "Type the name of a room." : "Type your name.";
  if (DISTURBS.test(name))
    return `${subject} holds control characters, which nobody can see. Type it by hand instead of pasting it.`;
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > MAX_BYTES - spare)
    return `${subject} is too long: up to ${MAX_BYTES - spare} letters of Latin script or ${Math.floor((MAX_BYTES - spare) / 3)} Chinese characters fit.`;
  return undefined;
}
