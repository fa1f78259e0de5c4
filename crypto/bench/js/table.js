// The object as Markdown.

export function table({ machine, nodes, settings, load, goals, peers, batch, modules, absent }) {
  const names = Object.entries(nodes).map(([name, version]) => `${name} is ${version}`);
  const cell = (value) => (value ? `${value.median} [${value.q1}–${value.q3}]` : "–");
  const sizes = settings.sizes.map((bytes) =>
    bytes % 1024 ? `${bytes} B` : bytes < 1 << 20 ? `${bytes >> 10} KiB` : `${bytes >> 20} MiB`,
  );
  const verdict = (met) => (met === undefined ? "not measured" : met ? "met" : "NOT MET");
  const speeds = (what) =>
    rows(
      ["", ...sizes.map((size) => `${size}, MB/s`)],
      sortedBySpeed(peers, what, settings).map((peer) => [
        peer.label,
        ...settings.sizes.map((bytes) => cell(peer[what][bytes])),
      ]),
    );
  return [
    `${machine.cpus} × ${machine.model} (${machine.has.join(" ")}); ${names.join(", ")}; ${settings.rounds} rounds of ${settings.sampleMs} ms, seed ${settings.seed}.`,
    `Load ${load.before.toFixed(1)} before, ${load.after.toFixed(1)} after; processors ${percent(load.busyShare)} busy, ${percent(load.stolenShare)} stolen by the host. Median [quartiles].`,
    "## Goals",
    "Ratio of speeds in the same round; a goal is held against sealing.",
    rows(
      ["", "bytes", "goal", "seal", "open", ""],
      goals.map((goal) =>
        goal.atLeast
          ? [
              goal.says,
              goal.bytes,
              `≥ ${goal.atLeast} ×`,
              cell(goal.seal),
              cell(goal.open),
              verdict(goal.met),
            ]
          : [
              goal.says,
              "",
              `< ${goal.belowMicroseconds} µs`,
              cell(goal.microseconds),
              "",
              verdict(goal.met),
            ],
      ),
    ),
    "## Seal",
    speeds("seal"),
    "## Open",
    speeds("open"),
    "## Key set-up",
    rows(
      ["", "µs"],
      peers
        .filter((peer) => peer.setKeyMicroseconds)
        .map((peer) => [peer.label, cell(peer.setKeyMicroseconds)]),
    ),
    ...(batch.length
      ? [
          "## Many small frames in one call",
          rows(
            ["", "frames", "MB/s", "times one by one"],
            batch
              .toSorted((a, b) => a.id.localeCompare(b.id))
              .map((entry) => [
                entry.id,
                `${entry.frames} × ${entry.frameBytes} B`,
                cell(entry.mbPerSecond),
                cell(entry.timesOneByOne),
              ]),
          ),
        ]
      : []),
    "## Modules",
    rows(
      [
        "",
        "bytes",
        "gzip",
        ...Object.keys(nodes).flatMap((node) => [
          `compile, ms (${node})`,
          "instantiate",
          "first key and seal",
        ]),
      ],
      modules.map(({ module, bytes, gzipBytes, startUpMs }) => [
        module,
        bytes,
        gzipBytes,
        ...Object.values(startUpMs).flatMap((laps) => Object.values(laps).map(cell)),
      ]),
    ),
    "## Versions",
    items([...new Set(peers.map(({ version }) => version))]),
    ...(absent.length
      ? ["## Absent", items(absent.map(({ peer, reason }) => `${peer}: ${reason}`))]
      : []),
    "",
  ].join("\n\n");
}

function sortedBySpeed(peers, what, { sizes }) {
  const at = sizes.includes(16_384) ? 16_384 : sizes[sizes.length - 1];
  const speed = (peer) => peer[what][at]?.median ?? 0;
  return peers.toSorted((a, b) => speed(b) - speed(a));
}

function rows(head, body) {
  const line = (values) => `| ${values.join(" | ")} |`;
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...body.map(line)].join("\n");
}

const items = (list) => list.map((text) => `- ${text}`).join("\n");
const percent = (share) => `${(share * 100).toFixed(0)} %`;
