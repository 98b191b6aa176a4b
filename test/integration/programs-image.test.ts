import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDaemon, type TestDaemon } from "../support/daemon.js";
import { ensureOwnImage } from "../support/own-image.js";
import { Peer } from "../support/peer.js";
import { countContainers, runContainer } from "../support/probes/engine.js";

/** The image takes minutes to build and more than a gigabyte, so `npm test` leaves these out: `npm run test:programs`. */
const isAsked = process.env["MATCHBOX_TEST_PROGRAMS"] === "1";
const BUILD_DEADLINE_MS = 60 * 60_000;
const RUN_DEADLINE_MS = 300_000;
const LABEL = "test-programs-image";

const NOTEBOOK = JSON.stringify({
  cells: [{ cell_type: "code", execution_count: null, metadata: {}, outputs: [], source: "print(sum(range(10)))" }],
  metadata: { kernelspec: { display_name: "Python 3", language: "python", name: "python3" } },
  nbformat: 4,
  nbformat_minor: 4,
});

/** Each a script of bash, which works in a folder of its own. */
const PROGRAMS: Record<string, string> = {
  "ZeroMQ, whose threads set their own scheduling": `python3 - <<'END'
import zmq
context = zmq.Context()
server, client = context.socket(zmq.REP), context.socket(zmq.REQ)
client.connect(f"tcp://127.0.0.1:{server.bind_to_random_port('tcp://127.0.0.1')}")
client.send(b"question")
print(server.recv())
server.send(b"answer")
print(client.recv())
END`,
  "a notebook": `cat >book.ipynb <<'END'
${NOTEBOOK}
END
jupyter nbconvert --to notebook --execute --stdout book.ipynb 2>/dev/null |
python3 -c "import json, sys; print(json.load(sys.stdin)['cells'][0]['outputs'][0]['text'])"`,
  Mono: `cat >main.cs <<'END'
using System; using System.Threading;
class Main_ { static void Main() { var t = new Thread(() => Console.WriteLine("thread")); t.Start(); t.Join();
Console.WriteLine(System.Net.Dns.GetHostName().Length > 0); } }
END
mcs -out:main.exe main.cs && mono main.exe`,
  "Racket, which keeps temporary files in /var/tmp": `racket -e '(require racket/file)
(define file (make-temporary-file)) (display-to-file 42 file #:exists (quote truncate)) (displayln (file->string file))
(displayln (path->string (let-values ([(base name dir?) (split-path file)]) base)))'`,
  "Java, which asks for the host's own name": `cat >Main.java <<'END'
import java.net.*;
class Main { public static void main(String[] args) throws Exception {
InetAddress own = InetAddress.getLocalHost();
try (ServerSocket server = new ServerSocket(0, 1, own); Socket client = new Socket(own, server.getLocalPort())) {
System.out.println(client.isConnected() + " " + InetAddress.getByName("localhost").getHostAddress()); } } }
END
java -XX:TieredStopAtLevel=1 Main.java`,
  "the address sanitizer, on a program without a fault": `cat >main.c <<'END'
#include <stdio.h>
int main(void) { puts("output"); return 3; }
END
gcc -fsanitize=address -o main main.c && ./main`,
  "the address sanitizer, on a program that uses what it has freed": `cat >main.c <<'END'
#include <stdio.h>
#include <stdlib.h>
int main(void) { char *p = malloc(8); puts("output"); fflush(stdout); free(p); return p[1]; }
END
gcc -fsanitize=address -o main main.c; ./main 2>errors; echo $?; grep -o heap-use-after-free errors | head -1`,
  "renice, prlimit, taskset, ionice and chrt of the shell itself": `
{ renice -n 3 -p $$; prlimit --pid $$ --nofile=100:200; taskset -cp 0 $$; ionice -c 3 -p $$; chrt -b -p 0 $$; } 2>&1 | sed "s/^\\(pid \\)\\?$$\\b/\\1PID/"
ulimit -n; nice; taskset -cp $$ | sed "s/^\\(pid \\)\\?$$\\b/\\1PID/"; ionice -p $$; chrt -p $$ | sed "s/^\\(pid \\)\\?$$\\b/\\1PID/"`,
  "psutil, of its own process": `python3 - <<'END'
import psutil
own = psutil.Process()
print(own.nice(5), own.nice(), own.ionice(psutil.IOPRIO_CLASS_IDLE), own.ionice().ioclass)
print(own.cpu_affinity([0]), own.cpu_affinity(), own.rlimit(psutil.RLIMIT_NOFILE, (64, 128)), own.rlimit(psutil.RLIMIT_NOFILE))
END`,
  "a thread with scheduling of its own": `cat >main.c <<'END'
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
static void *run(void *n) { return n; }
int main(void) {
    pthread_attr_t attributes; struct sched_param param = {0}; pthread_t thread; int policy;
    pthread_attr_init(&attributes);
    pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy(&attributes, SCHED_OTHER);
    pthread_attr_setschedparam(&attributes, &param);
    int made = pthread_create(&thread, &attributes, run, NULL);
    if (made == 0) pthread_join(thread, NULL);
    int set = pthread_setschedparam(pthread_self(), SCHED_BATCH, &param);
    pthread_getschedparam(pthread_self(), &policy, &param);
    printf("%d %d %d\\n", made, set, policy);
}
END
gcc -o main main.c -pthread && ./main`,
};

describe.runIf(isAsked)("programs that are particular about the kernel", () => {
  let image: string;
  let daemon: TestDaemon;
  let peer: Peer;
  beforeAll(async () => {
    image = await ensureOwnImage("programs");
    const limits = "cpus: 2, memoryMiB: 2048, tmpMiB: 256, timeoutMs: 120000, maxTimeoutMs: 300000";
    daemon = await startDaemon([
      "lanes.python.warm=0",
      "lanes.shell.warm=0",
      ...["crun", "runc"].map(
        (name) => `lanes.${name}={language: shell, image: "${image}", warm: 0, ociRuntime: ${name}, ${limits}}`,
      ),
    ]);
    peer = await Peer.connect(daemon.url);
  }, BUILD_DEADLINE_MS);
  afterAll(async () => {
    await peer[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
    expect(await countContainers(LABEL)).toBe(0);
  });

  const script = (program: string): string => `export HOME=/tmp; mkdir /tmp/work; cd /tmp/work\n${program}`;

  it.each(Object.entries(PROGRAMS))(
    "do as in a plain container: %s",
    { timeout: RUN_DEADLINE_MS },
    async (_, program) => {
      const plain = await runContainer({
        // Not as PID 1, which no program is in a lane.
        command: ["sh", "-c", 'bash -c "$0"; exit $?', script(program)],
        label: LABEL,
        image,
        hostConfig: {
          NetworkMode: "bridge",
          Tmpfs: { "/tmp": "rw,exec,mode=1777", "/var/tmp": "rw,exec,mode=1777" },
          Ulimits: [{ Name: "nofile", Soft: 1024, Hard: 1024 }],
        },
      });
      for (const lane of ["crun", "runc"]) {
        const { stdout, stderr, exit } = await peer.run(lane, script(program));
        expect([lane, stdout + stderr, exit?.exitCode]).toEqual([lane, plain.output, plain.exitCode]);
      }
    },
  );

  it("keeps the output of a program that leaks, where a plain container tells of the leak", async () => {
    const program = `cat >main.c <<'END'
#include <stdio.h>
#include <stdlib.h>
int main(void) { malloc(100); puts("output"); return 0; }
END
gcc -fsanitize=address -o main main.c && ./main; echo $?; gcc -fsanitize=leak -o main main.c && ./main; echo $?`;
    expect((await peer.run("crun", script(program))).stdout).toBe("output\n0\noutput\n0\n");
  });
});
