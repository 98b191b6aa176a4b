import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDaemon, type TestDaemon } from "../support/daemon.js";
import { Peer } from "../support/peer.js";
import { probeText } from "../support/probes.js";

describe("the sandbox image", () => {
  let daemon: TestDaemon;
  let peer: Peer;
  beforeAll(async () => {
    daemon = await startDaemon();
    peer = await Peer.connect(daemon.url);
  });
  afterAll(async () => {
    await peer[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
  });

  it("has no setuid or setgid file and no file capability", async () => {
    expect((await peer.run("python", await probeText("privileged-files.py"))).stdout).toBe("looked\n");
  });

  it("knows localhost and its own name, though nobody has told it a network", async () => {
    const code = [
      "import http.server, socket, subprocess, threading, requests",
      "class Answer(http.server.BaseHTTPRequestHandler):",
      "    def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(b'here')",
      "    def log_message(self, *_): pass",
      "server = http.server.HTTPServer(('localhost', 0), Answer)",
      "threading.Thread(target=server.serve_forever, daemon=True).start()",
      "url = f'http://localhost:{server.server_port}'",
      "print(requests.get(url).text, subprocess.check_output(['curl', '-sS', url], text=True))",
      "print(socket.gethostbyname('localhost'), socket.gethostname(), socket.gethostbyname('sandbox').startswith('127.'))",
    ].join("\n");
    const { stdout, stderr } = await peer.run("python", code);
    expect([stdout, stderr]).toEqual(["here here\n127.0.0.1 sandbox True\n", ""]);
  });

  it("runs programs as sandboxuser, without a group or a capability beside", async () => {
    const { stdout } = await peer.run(
      "shell",
      "id; grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status | tr '\\t' ' '",
    );
    expect(stdout.split("\n")).toEqual([
      "uid=10001(sandboxuser) gid=10001(sandboxuser) groups=10001(sandboxuser)",
      ...["Inh", "Prm", "Eff", "Bnd", "Amb"].map((set) => `Cap${set}: 0000000000000000`),
      "NoNewPrivs: 1",
      "Seccomp: 2",
      "",
    ]);
  });

  it("can be written to in the workspace, /tmp, home and shared memory, and nowhere else", async () => {
    const code =
      "for d in /workspace /tmp ~ /dev/shm / /usr /etc /opt/matchbox /proc/sys /sys /dev; do touch $d/x 2>/dev/null && echo $d; done";
    expect((await peer.run("shell", code)).stdout).toBe("/workspace\n/tmp\n/home/sandboxuser\n/dev/shm\n");
  });

  it("lets pip install for the unprivileged user, into a home from which programs load", async () => {
    const code = [
      "mkdir -p src/hello && echo 'def greet(): return \"installed\"' > src/hello/__init__.py",
      'python3 -c "import zipfile',
      "w = zipfile.ZipFile('hello-1-py3-none-any.whl', 'w')",
      "w.write('src/hello/__init__.py', 'hello/__init__.py')",
      "w.writestr('hello-1.dist-info/METADATA', 'Metadata-Version: 2.1\\\\nName: hello\\\\nVersion: 1\\\\n')",
      "w.writestr('hello-1.dist-info/WHEEL', 'Wheel-Version: 1.0\\\\nGenerator: x\\\\nRoot-Is-Purelib: true\\\\nTag: py3-none-any\\\\n')",
      "w.writestr('hello-1.dist-info/RECORD', '')",
      'w.close()"',
      "pip install -q --no-index ./hello-1-py3-none-any.whl && cd / && python3 -c 'import hello; print(hello.greet())'",
    ].join("\n");
    const { stdout, exit } = await peer.run("shell", code);
    expect(stdout).toBe("installed\n");
    expect(exit).toMatchObject({ reason: "exited", exitCode: 0 });
  });
});
