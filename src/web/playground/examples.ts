/** A program to begin with, and what it needs around it. */
export interface Example {
  readonly title: string;
  readonly code: string;
  readonly input?: string;
  readonly isInputOpen?: boolean;
  readonly timeout?: string;
  readonly args?: string;
  readonly collect?: string;
}

const PYTHON: readonly Example[] = [
  { title: "Hello", code: 'print("Hello from a sandbox that nobody used before.")\n' },
  {
    title: "Streaming, line by line",
    code: `import time

for count in range(1, 11):
    print(f"{count:2} of 10")
    time.sleep(0.3)
`,
  },
  {
    title: "Colours and a progress bar",
    code: `import time

for style, name in [(1, "bold"), (3, "italic"), (4, "underlined"), (7, "inverse")]:
    print(f"\\033[{style}m{name}\\033[0m", end="  ")
print()
for background in (40, 100):
    print("".join(f"\\033[{background + color}m      \\033[0m" for color in range(8)))
print("".join(f"\\033[48;2;{255 - 3 * n};{80 + 2 * n};{3 * n}m \\033[0m" for n in range(72)))

for percent in range(0, 101, 2):
    filled = percent * 40 // 100
    print(f"\\r\\033[33m{'━' * filled}\\033[2m{'━' * (40 - filled)}\\033[0m {percent:3} %", end="", flush=True)
    time.sleep(0.03)
print("\\n\\033[32mdone\\033[0m")
`,
  },
  {
    title: "Input while it runs",
    isInputOpen: true,
    code: `import sys

print("Type something below; end of input ends it.")
for count, line in enumerate(sys.stdin, 1):
    print(f"{count}: {line.rstrip()[::-1]}")
print("That was all.")
`,
  },
  {
    title: "Files: a plot and its data",
    collect: "*.svg\n*.csv",
    code: `import csv, math

points = [(x / 10, math.exp(-x / 60) * math.sin(x / 8)) for x in range(320)]

with open("wave.csv", "w", newline="") as file:
    csv.writer(file).writerows([("x", "y"), *points])

path = " ".join(f"{20 + 18 * x:.1f},{110 - 90 * y:.1f}" for x, y in points)
with open("wave.svg", "w") as file:
    file.write(f'''<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 620 220">
  <rect width="620" height="220" fill="#fffdf8"/>
  <path d="M20 110H600M20 15V205" stroke="#b9ab94"/>
  <polyline points="{path}" fill="none" stroke="#b8321f" stroke-width="2.5"/>
</svg>''')

print("wrote wave.csv and wave.svg")
`,
  },
  {
    title: "Standard error and an exit code",
    args: "--strict\nin.csv",
    code: `import sys

print("arguments:", sys.argv[1:])
print("something looks wrong", file=sys.stderr)
sys.exit(3)
`,
  },
  { title: "Endless loop", timeout: "3s", code: 'print("and on it goes")\nwhile True:\n    pass\n' },
  {
    title: "Memory hog",
    code: `hoard = []
while True:
    hoard.append(bytearray(32 * 1024 * 1024))
    print(f"{32 * len(hoard)} MiB")
`,
  },
  {
    title: "Fork bomb",
    timeout: "5s",
    code: `import os, time

children = 0
try:
    while True:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        children += 1
except OSError as error:
    print(f"after {children} children: {error}")
`,
  },
  {
    title: "Flood of output",
    timeout: "10s",
    code: 'count = 0\nwhile True:\n    count += 1\n    print("line", count, "." * 60)\n',
  },
  {
    title: "What the sandbox is like",
    code: `import os, platform, socket

print("user   ", os.getuid(), "in", os.getcwd())
print("host   ", platform.node(), "with", len(os.listdir("/proc")), "entries in /proc")
for path in ("/etc/passwd", "/workspace/x", "/tmp/x"):
    try:
        open(path, "a").close()
        print("write  ", path, "yes")
    except OSError as error:
        print("write  ", path, "no:", error.strerror)
try:
    socket.create_connection(("1.1.1.1", 443), timeout=2)
    print("network yes")
except OSError as error:
    print("network no:", error)
`,
  },
];

const SHELL: readonly Example[] = [
  { title: "Hello", code: 'echo "Hello from a sandbox that nobody used before."\n' },
  {
    title: "Streaming, line by line",
    code: 'for count in {1..10}; do\n  printf "%2d of 10\\n" "$count"\n  sleep 0.3\ndone\n',
  },
  {
    title: "Colours and a progress bar",
    code: `for color in {0..7}; do printf "\\033[4\${color}m      "; done
printf "\\033[0m\\n"
for percent in {0..100..2}; do
  printf "\\r\\033[33m%-50s\\033[0m %3d %%" "$(printf "%*s" $((percent / 2)) "" | tr " " "#")" "$percent"
  sleep 0.03
done
printf "\\n\\033[32mdone\\033[0m\\n"
`,
  },
  {
    title: "Input while it runs",
    isInputOpen: true,
    code: `echo "Type something below; end of input ends it."
while read -r line; do
  echo "$line" | rev
done
echo "That was all."
`,
  },
  { title: "Input beforehand", input: "pear\napple\nfig\n", code: "sort | nl\n" },
  {
    title: "Files: an archive",
    collect: "*.tar.gz\nlist.txt",
    code: `mkdir -p notes && seq 1 100 > notes/numbers && date > notes/today
tar -czf notes.tar.gz notes
tar -tvzf notes.tar.gz | tee list.txt
`,
  },
  {
    title: "Standard error and an exit code",
    args: "--strict\nin.csv",
    code: 'echo "arguments: $*"\necho "something looks wrong" >&2\nexit 3\n',
  },
  { title: "Endless loop", timeout: "3s", code: 'echo "and on it goes"\nwhile :; do :; done\n' },
  { title: "Memory hog", code: 'echo "one line without an end"\ntail -n 1 /dev/zero\n' },
  {
    title: "Fork bomb",
    timeout: "5s",
    code: 'echo "the classic one"\nbomb() { bomb | bomb & }\nbomb\nwait\n',
  },
  { title: "Flood of output", timeout: "10s", code: "yes\n" },
];

const BY_LANGUAGE: ReadonlyMap<string, readonly Example[]> = new Map([
  ["python", PYTHON],
  ["shell", SHELL],
]);

/** Programs in a lane's language; none for a language that is not known here. */
export function examplesFor(language: string): readonly Example[] {
  return BY_LANGUAGE.get(language) ?? [];
}
