import { describe, expect, it } from "vitest";
import { sortDescriptors } from "../../../bench/lib/memory/descriptors.js";

const UNIX_SOCKETS = `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000003 00000000 00000000 0001 03 17
0000000000000000: 00000003 00000000 00000000 0001 03 18 /run/engine.sock
0000000000000000: 00000002 00000000 00010000 0001 01 19 /run/listening.sock
`;

describe("sortDescriptors", () => {
  it("takes connected unix sockets apart from everything else", () => {
    const links = ["socket:[17]", "socket:[18]", "socket:[19]", "socket:[20]", "pipe:[17]", "/dev/null"];
    expect(sortDescriptors(links, UNIX_SOCKETS)).toEqual({ unixConnections: 2, others: 4 });
  });
});
