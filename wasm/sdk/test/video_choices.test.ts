import assert from "node:assert/strict";
import { test } from "node:test";
import { VIDEO_PROFILES } from "../src/options.ts";
import { VideoChoices } from "../src/internal/video_choices.ts";

const refused = (codeName: string, message: RegExp) => ({ name: "RtcError", codeName, message });

test("there is no small stream unless it is enabled, and then it is the default's size", () => {
  const choices = new VideoChoices(false);
  assert.equal(choices.small, undefined);
  choices.enableSmall();
  assert.deepEqual(choices.small, { width: 320, height: 180, frameRate: 15, bitrate: 150 });
  choices.disableSmall();
  assert.equal(choices.small, undefined);
});

test("a small stream's number that is out of range is named, with the range", () => {
  const choices = new VideoChoices(false);
  const good = { width: 160, height: 90, frameRate: 10, bitrate: 100 };
  assert.throws(
    () => choices.setSmallProfile({ ...good, width: 8 }),
    refused("INVALID_PARAMETER", /`width`.* from 16 to 1920 pixels, not 8/),
  );
  assert.throws(
    () => choices.setSmallProfile({ ...good, height: 90.5 }),
    refused("INVALID_PARAMETER", /`height`.*not 90\.5/),
  );
  assert.throws(
    () => choices.setSmallProfile({ ...good, frameRate: 61 }),
    refused("INVALID_PARAMETER", /`frameRate`.*from 1 to 60 pictures a second/),
  );
  assert.throws(
    () => choices.setSmallProfile({ ...good, bitrate: 20 }),
    refused("INVALID_PARAMETER", /`bitrate`.*from 30 to 4000 kbit\/s/),
  );
  assert.throws(
    () => choices.setSmallProfile({ ...good, bitrate: Number.NaN }),
    refused("INVALID_PARAMETER", /profile/),
  );
  choices.setSmallProfile(good);
  choices.enableSmall();
  assert.deepEqual(choices.small, good);
});

test("the small stream is smaller than the big one, whichever of them changes", () => {
  const choices = new VideoChoices(false);
  choices.setSmallProfile("480p");
  assert.throws(
    () => choices.enableSmall(),
    refused("INVALID_PARAMETER", /640×480 at 1200.*640×360 at 1000/),
  );
  assert.ok(choices.small === undefined, "it is enabled all the same");
  choices.setCameraProfile("720p");
  choices.enableSmall();
  assert.throws(
    () => choices.setCameraProfile("360p"),
    refused("INVALID_PARAMETER", /fewer pixels and a lower bitrate/),
  );
  assert.equal(choices.profile.height, 720);
  assert.throws(
    () => choices.setSmallProfile("1080p"),
    refused("INVALID_PARAMETER", /fewer pixels/),
  );
  assert.deepEqual(choices.small, VIDEO_PROFILES["480p"]);
});

test("a screen has no small stream, and is sharp unless it is said to be a film", () => {
  const screen = new VideoChoices(true);
  assert.throws(() => screen.enableSmall(), refused("INVALID_OPERATION", /one size/));
  assert.deepEqual(screen.profile, { width: 1920, height: 1080, frameRate: 15, bitrate: 2_000 });
  assert.equal(screen.contentHint(""), "detail");
  assert.equal(screen.contentHint("text"), "text");
  screen.setHint("motion");
  assert.equal(screen.contentHint("text"), "motion");
  assert.throws(
    () => screen.setHint("sharp" as "text"),
    refused("INVALID_PARAMETER", /content hint/),
  );
});

test("nothing is said of what a camera shows, unless its track or the application does", () => {
  const camera = new VideoChoices(false);
  assert.equal(camera.contentHint(undefined), "");
  assert.equal(camera.contentHint("speech"), "");
  assert.equal(camera.contentHint("motion"), "motion");
});
