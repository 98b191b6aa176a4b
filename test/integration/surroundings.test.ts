import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDaemon, type TestDaemon } from "../support/daemon.js";
import { ensureOwnImage } from "../support/own-image.js";
import { Peer } from "../support/peer.js";
import { runContainer } from "../support/probes/engine.js";

const BUILD_DEADLINE_MS = 600_000;
const RUNTIMES = ["crun", "runc"];
const LANES = [...RUNTIMES.map((name) => `ours-${name}`), "foreign", "busybox"];

let daemon: TestDaemon;
let peer: Peer;
beforeAll(async () => {
  const [foreign, busybox] = [await ensureOwnImage("python"), await ensureOwnImage("busybox")];
  daemon = await startDaemon([
    "lanes.python.warm=0",
    "lanes.shell.warm=0",
    ...RUNTIMES.map((name) => `lanes.ours-${name}={language: python, warm: 0, ociRuntime: ${name}}`),
    `lanes.foreign={language: python, image: "${foreign}", warm: 0}`,
    `lanes.busybox={language: other, command: [/busybox, sh], mainFile: main.sh, image: "${busybox}", warm: 0}`,
  ]);
  peer = await Peer.connect(daemon.url);
}, BUILD_DEADLINE_MS);
afterAll(async () => {
  await peer[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

const NAMES = `
import errno, socket
print(socket.gethostname(), socket.getfqdn(), socket.getfqdn("localhost"), socket.gethostbyaddr("127.0.0.1")[0])
print(socket.gethostbyname("localhost"), socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)[0][4])
own = socket.gethostbyname(socket.gethostname())
print(own.startswith("127.") or own.startswith("172."))
with socket.create_server(("127.0.0.1", 0)) as server:
    family, kind, protocol, _, address = socket.getaddrinfo("localhost", server.getsockname()[1], type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as client:
        client.connect(address)
        print("connected")
for address in ("::1", "::"):
    with socket.socket(socket.AF_INET6) as any:
        try: print(address, any.bind((address, 0)))
        except OSError as error: print(address, errno.errorcode[error.errno])
with socket.create_server((own, 0)) as server, socket.create_connection((socket.gethostname(), server.getsockname()[1])):
    print("connected by its own name")
`;

describe("names in a lane without a network", () => {
  it.each(["ours-crun", "ours-runc", "foreign"])("are found as in a plain container: lane %s", async (lane) => {
    const { stdout, stderr, exit } = await peer.run(lane, NAMES);
    expect([stderr, exit?.exitCode]).toEqual(["", 0]);
    const plain = await runContainer({
      command: ["python3", "-c", NAMES],
      label: "test-surroundings",
      hostname: "sandbox",
      hostConfig: { NetworkMode: "bridge" },
    });
    expect(plain.exitCode).toBe(0);
    expect(stdout).toBe(plain.output);
    expect(stdout).toMatch(
      /^sandbox sandbox localhost localhost\n127\.0\.0\.1 \('127\.0\.0\.1', 80\)\nTrue\nconnected\n/,
    );
  });
});

describe("/var/tmp", () => {
  it.each(LANES)("is a place to write, of its own and limited: lane %s", async (lane) => {
    const code =
      lane === "busybox"
        ? "/busybox echo x >/var/tmp/x; /busybox stat -f -c %T /var/tmp; /busybox stat -f -c '%b %s' /var/tmp"
        : [
            "import os, stat, subprocess",
            "open('/var/tmp/x', 'w').write('x\\n')",
            "print('tmpfs')",
            "try:",
            "    with open('/var/tmp/big', 'wb') as file:",
            "        for _ in range(100): file.write(bytes(1 << 20))",
            "except OSError: pass",
            "print(os.stat('/var/tmp/big').st_size)",
            "assert stat.S_IMODE(os.stat('/var/tmp').st_mode) == 0o1777 and not os.path.exists('/tmp/x')",
          ].join("\n");
    const { stdout, exit } = await peer.run(lane, code);
    expect([stdout, exit?.exitCode]).toEqual([
      lane === "busybox" ? "tmpfs\n16384 4096\n" : expect.stringMatching(/^tmpfs\n6\d{7}\n$/),
      0,
    ]);
  });
});

describe("a program built with the address sanitizer", () => {
  it.each(LANES)("finds that leaks are not looked for, which takes tracing: lane %s", async (lane) => {
    const code = lane === "busybox" ? 'echo "$LSAN_OPTIONS"' : "import os; print(os.environ['LSAN_OPTIONS'])";
    expect((await peer.run(lane, code)).stdout).toBe("detect_leaks=0\n");
    const cleared = await peer.run(lane, code, { env: { LSAN_OPTIONS: "a=1" } });
    expect(cleared.stdout).toBe("a=1\n");
  });
});
