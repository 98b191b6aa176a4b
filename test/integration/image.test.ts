import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDaemon, type TestDaemon } from "../support/daemon.js";
import { Peer } from "../support/peer.js";
import { probeText } from "../support/probes.js";

describe("the sandbox image", () => {
  let daemon: TestDaemon;
  let peer: Peer;
  beforeAll(async () => {
    daemon = await startDaemon([
      "lanes.two={language: python, cpus: 1.2, warm: 0, allowedEnv: ['*']}",
      "lanes.three={language: python, cpus: 2, env: {PYTHON_CPU_COUNT: '3', OMP_NUM_THREADS: '5'}, warm: 0}",
    ]);
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

  const PROCESSORS = "import os; print(os.process_cpu_count(), os.cpu_count(), os.environ.get('OMP_NUM_THREADS'))";
  it.each([
    ["half a processor", "python", {}, "1 1 1\n"],
    ["a processor and a fifth", "two", {}, "2 2 2\n"],
    ["what the lane sets", "three", {}, "3 3 5\n"],
    ["what the run sets", "two", { PYTHON_CPU_COUNT: "7", OMP_NUM_THREADS: "6" }, "7 7 6\n"],
  ])("tells Python how many processors it has: %s", async (_what, lane, env, told) => {
    const { stdout, stderr } = await peer.run(lane, PROCESSORS, { env });
    expect([stdout, stderr]).toEqual([told, ""]);
  });

  it.each([
    ["GOMAXPROCS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS"],
    ["RAYON_NUM_THREADS", "POLARS_MAX_THREADS", "JULIA_NUM_THREADS", "MC_CORES", "NUMBA_NUM_THREADS"],
  ])("tells it what counts processors by itself: %s, %s, %s, %s, %s", async (...names) => {
    const code = `import os; print([os.environ[name] for name in ${JSON.stringify(names)}])`;
    expect((await peer.run("two", code)).stdout).toBe(`[${names.map(() => "'2'").join(", ")}]\n`);
  });

  const TOOLS: [string, string, string][] = [
    [
      "python is Python 3",
      "python -c 'import sys; print(sys.version_info.major, sys.executable)'",
      "3 /usr/bin/python\n",
    ],
    [
      "git makes a repository, commits, branches and clones",
      "git init -q -b main a && cd a && git config user.email a@b && git config user.name A && echo x >f && git add f &&" +
        " git commit -qm first && git switch -qc other && git rm -q f && git commit -qm second && git rebase -q main &&" +
        " cd .. && git clone -q a b && git -C b log --format=%s && git -C a diff --stat main other | tail -n 1",
      "second\nfirst\n 1 file changed, 1 deletion(-)\n",
    ],
    [
      "git speaks HTTPS, and complains of the missing network only",
      "git clone https://localhost:1/x 2>&1 | grep -o 'unable to access'",
      "unable to access\n",
    ],
    [
      "an environment of its own has a Python and a pip, without a network",
      "python3 -m venv v && v/bin/python -m pip --version | cut -d' ' -f1 && mkdir -p src/own && touch src/own/__init__.py &&" +
        " v/bin/python -c 'import sys; print(sys.prefix != sys.base_prefix)'",
      "pip\nTrue\n",
    ],
    [
      "ps shows the program's own processes",
      "sleep 60 & ps -o comm= -p $!; kill $!; ps ax -o comm= | grep -c sleep",
      "sleep\n0\n",
    ],
    ["jq reads JSON", `echo '{"a":[1,{"b":"é"}]}' | jq -r '.a[1].b'`, "é\n"],
    [
      "unzip unpacks",
      "python -c \"import zipfile; zipfile.ZipFile('x.zip','w').writestr('d/f', 'in')\" && unzip -q x.zip && cat d/f",
      "in",
    ],
    ["less passes on what it is given", "printf '1\\n2\\n' | less", "1\n2\n"],
    [
      "file knows what is what",
      "printf '%%PDF-1.4\\n' >p; file -b p; file -bL --mime-type /bin/sh",
      "PDF document, version 1.4\napplication/x-pie-executable\n",
    ],
  ];
  it.each(TOOLS)("%s", async (_what, code, expected) => {
    const { stdout, exit } = await peer.run("shell", code);
    expect(stdout).toBe(expected);
    expect(exit?.reason).toBe("exited");
  });

  it("can be written to in the workspace, /tmp, /var/tmp, home and shared memory, and nowhere else", async () => {
    const code =
      "for d in /workspace /tmp /var/tmp ~ /dev/shm / /usr /etc /opt/matchbox /proc/sys /sys /dev; do touch $d/x 2>/dev/null && echo $d; done";
    expect((await peer.run("shell", code)).stdout).toBe("/workspace\n/tmp\n/var/tmp\n/home/sandboxuser\n/dev/shm\n");
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
