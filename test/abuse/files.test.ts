import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FileMessage } from "../../src/protocol/messages.js";
import { Arena } from "../support/abuse/arena.js";
import { type Outcome, Peer } from "../support/peer.js";

const MIB = 1024 * 1024;

/** What came back, by path: the content, or why there is none. */
function filesOf({ messages }: Outcome): Record<string, string | undefined> {
  const files = messages.filter((message): message is FileMessage => message.type === "file");
  return Object.fromEntries(files.map(({ path, skipped, content }) => [path, skipped ?? content]));
}

describe("files", () => {
  let arena: Arena;
  /** A folder of the host with a canary in it, which is no part of any sandbox. */
  let folder: string;
  beforeAll(async () => {
    arena = await Arena.open(["lanes.python.warm=3"]);
    folder = await mkdtemp(join(tmpdir(), "matchbox-files-"));
    await writeFile(join(folder, "secret"), arena.canaries.plant("linked"));
    await symlink("secret", join(folder, "link"));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
    await arena[Symbol.asyncDispose]();
  });

  it("B5.51 B5.52 B5.56 names that lead astray, modes beyond permissions and names given twice are refused before any sandbox is taken", async () => {
    const names = [
      ...[
        "../x",
        "/abs",
        "a/../../b",
        "a/..",
        "..",
        ".",
        "./x",
        "a/./b",
        "",
        "/",
        "a//b",
        "a/",
        "..\\x",
        "a\\b",
        "C:\\x",
      ],
      ...["a\0b", "a\nb", "a\x7fb", "\ud800", "x".repeat(256), "é".repeat(128), "a/".repeat(600) + "b", "main.py"],
    ];
    const refusals = [
      ...names.map((path) => [{ path, content: "" }]),
      ...[0o4755, 0o2755, 0o1777, 0o120777, 0o20666, -1, 1.5].map((mode) => [{ path: "x", content: "", mode }]),
      [
        { path: "twin", content: "1" },
        { path: "twin", content: "2" },
      ],
      [{ path: "x", content: "a", target: "/etc/passwd" }],
      [{ path: "x", content: "a", type: "symlink" }],
      [{ path: "x", content: "not base64!", encoding: "base64" }],
      Array.from({ length: 257 }, (_, index) => ({ path: `f${index}`, content: "" })),
    ];
    await using peer = await Peer.connect(arena.daemon.url, { headers: arena.headers });
    const before = await arena.sandboxes();
    for (const [index, files] of refusals.entries()) {
      const id = `refused-${index}`;
      peer.send({ type: "run", id, lane: "python", code: "print(1)", files });
      const { error, started } = await peer.ending(id);
      expect({ files: files.slice(0, 2), code: error?.code }).toEqual({
        files: files.slice(0, 2),
        code: "bad_message",
      });
      expect(error?.message).toMatch(/^files/);
      expect(started).toBeUndefined();
    }
    expect(await arena.sandboxes()).toEqual(before);
  });

  it("B5.51 B5.55 B5.56 what may be named arrives as it is: odd names, case twins, archives and bombs, which nobody opens", () =>
    arena.withstands(async ({ peer }) => {
      const bomb = gzipSync(Buffer.alloc(200 * MIB)).toString("base64");
      // A tar with a link to /etc/passwd and a file to be written through it, and a name that climbs out.
      const evil = Buffer.alloc(2_048);
      evil.write("../../../tmp/escaped");
      evil.write("/etc/passwd", 157);
      evil.write("2", 156);
      const files = [
        { path: "README", content: "upper" },
        { path: "readme", content: "lower" },
        { path: ".hidden/..name/ ~$(id)'\"*?[x]", content: "odd" },
        { path: "-rf", content: "dash" },
        { path: "é".repeat(127), content: "long" },
        { path: "a/b/c/d", content: "deep", mode: 0o400 },
        { path: "bomb.gz", content: bomb, encoding: "base64" as const },
        { path: "evil.tar", content: evil.toString("base64"), encoding: "base64" as const },
      ];
      const code = [
        "import gzip, os, shutil, errno",
        "for folder, _, names in sorted(os.walk('.')):",
        "    for name in sorted(names): print(os.path.join(folder, name), os.stat(os.path.join(folder, name)).st_size)",
        "print(os.path.exists('/tmp/escaped'), os.path.islink('evil.tar'), oct(os.stat('a/b/c/d').st_mode))",
        "try: shutil.copyfileobj(gzip.open('bomb.gz'), open('inflated', 'wb'))",
        "except OSError as error: print(errno.errorcode[error.errno])",
      ].join("\n");
      const outcome = await peer.run("python", code, {
        files,
        collect: ["bomb.gz", "inflated", "README", "readme", "missing", "none/**", "["],
      });
      expect(outcome.exit).toMatchObject({ reason: "exited", exitCode: 0 });
      for (const { path, content, encoding } of files.map((file) => ({ encoding: "utf8" as const, ...file })))
        expect(outcome.stdout).toContain(`./${path} ${Buffer.from(content, encoding).length}\n`);
      expect(outcome.stdout).toMatch(/\nFalse False 0o100400\nENOSPC\n$/);
      const collected = filesOf(outcome);
      expect(collected).toMatchObject({ README: "upper", readme: "lower", inflated: "too_large", "bomb.gz": bomb });
      expect(Object.keys(collected)).toHaveLength(4);
      // Bombs in frames: compression is not on offer.
      await using deflating = await Peer.connect(arena.daemon.url, { headers: arena.headers, perMessageDeflate: true });
      expect(deflating.socket.extensions).toBe("");
    }));

  it("B5.56 a file where a folder must be, or the other way round, ends the run with an error that names it", () =>
    arena.withstands(async ({ peer }) => {
      const clashes = [
        [
          { path: "a", content: "" },
          { path: "a/b", content: "" },
        ],
        [
          { path: "a/b", content: "" },
          { path: "a", content: "" },
        ],
        [{ path: "main.py/x", content: "" }],
      ];
      const outcomes = await Promise.all(clashes.map((files) => peer.run("python", "print('ran')", { files })));
      for (const { error, exit, stdout } of outcomes) {
        expect(error).toMatchObject({ code: "bad_message", retryable: false });
        expect(error?.message).toMatch(/^files: .*(a|a\/b|main\.py\/x)/);
        expect([exit, stdout]).toEqual([undefined, ""]);
      }
    }));

  it("B5.53 links are never followed, however they flip, and nothing of the host comes back", () =>
    arena.withstands(async ({ peer }) => {
      const code = [
        "import os, subprocess",
        `targets = ['/etc/passwd', '/proc/1/environ', '/proc/self/root', '/proc/1/root/etc/shadow', '/', ${JSON.stringify(folder)}, ${JSON.stringify(join(folder, "secret"))}]`,
        "for index, target in enumerate(targets): os.symlink(target, f'out{index}')",
        "os.mkdir('dir'); os.symlink('/etc', 'dir/etc'); os.symlink('..', 'dir/up'); os.symlink('loop', 'loop')",
        "open('real', 'w').write('mine'); os.link('real', 'hard')",
        // They go on until they are killed: nothing of the program lives when its files are read.
        'flip = """while :; do ln -sfn /etc/passwd flip; rm -f flip; echo mine > flip; rm -rf fold; ln -sfn /etc fold; rm -f fold; mkdir fold; echo mine > fold/passwd; done"""',
        "for _ in range(3): subprocess.Popen(['setsid', 'bash', '-c', flip])",
        "import time; time.sleep(0.3)",
      ].join("\n");
      const collect = [
        "out*",
        "dir/**",
        "loop",
        "real",
        "hard",
        "flip",
        "fold/*",
        "out2/etc/passwd",
        "dir/etc/passwd",
        "dir/up/real",
      ];
      const outcomes = await Promise.all([1, 2, 3].map(() => peer.run("python", code, { collect })));
      for (const outcome of outcomes) {
        expect(outcome.exit).toMatchObject({ reason: "exited", exitCode: 0 });
        const { flip, "fold/passwd": inFold, "fold/etc": linkInFold, ...others } = filesOf(outcome);
        const link = "not_regular";
        const out = Object.fromEntries(Array.from({ length: 7 }, (_, index) => [`out${index}`, link]));
        expect(others).toEqual({ ...out, "dir/etc": link, "dir/up": link, loop: link, real: "mine", hard: "mine" });
        // One of the three puts its link into the folder that another has just made.
        expect([undefined, link]).toContain(linkInFold);
        for (const content of [flip, inFold]) expect([undefined, "mine\n", "", "not_regular"]).toContain(content);
      }
    }));

  it("B5.54 pipes, sockets, sparse, growing and countless files are bounded, and hold nothing up", () =>
    arena.withstands(async ({ peer }) => {
      const code = [
        "import os, socket, subprocess",
        "os.mkfifo('fifo'); socket.socket(socket.AF_UNIX).bind('socket'); os.symlink('/dev/zero', 'zero')",
        "open('sparse', 'wb').truncate(1 << 40)",
        "open('hole', 'wb').truncate(3 << 20)",
        "for name in ('fits', 'fits2', 'fits3'): open(name, 'wb').write(b'z' * (2 << 20))",
        "os.chmod('fits3', 0)",
        "subprocess.Popen(['setsid', 'bash', '-c', 'while :; do head -c 100000 /dev/zero >> growing; sleep 0.01; done'])",
        "subprocess.Popen(['setsid', 'cat', 'fifo'])",
        "while not os.path.exists('growing'): pass",
      ].join("\n");
      const many = [
        "import os",
        "os.mkdir('many')",
        "try:",
        "    for i in range(100_000): os.close(os.open(f'many/{i}', os.O_CREAT | os.O_WRONLY))",
        "except OSError as error: print(error)",
      ].join("\n");
      const [kinds, countless] = await Promise.all([
        peer.run("python", code, { collect: ["*"] }),
        peer.run("python", many, { collect: ["many/*"] }),
      ]);
      expect(kinds.exit).toMatchObject({ reason: "exited", exitCode: 0 });
      const { growing, hole, fits, ...others } = filesOf(kinds);
      expect(Buffer.from(fits!, "utf8")).toHaveLength(2 * MIB);
      expect(Buffer.from(hole!, "utf8")).toHaveLength(3 * MIB);
      expect(growing).toBeDefined();
      expect(others).toMatchObject({
        fifo: "not_regular",
        socket: "not_regular",
        zero: "not_regular",
        sparse: "too_large",
        fits3: "unreadable",
      });
      expect(countless.exit).toMatchObject({ reason: "exited", exitCode: 0 });
      const answers = countless.messages.filter((message): message is FileMessage => message.type === "file");
      expect(answers.filter(({ skipped }) => skipped === undefined)).toHaveLength(64);
      expect(answers.length).toBeLessThan(8_200);
      expect(answers.at(-1)).toMatchObject({ path: "", skipped: "too_many" });
    }));
});
