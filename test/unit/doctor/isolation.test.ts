import { describe, expect, it } from "vitest";
import { checkRuntimes, checkSeccomp, checkUserNamespaces } from "../../../src/doctor/isolation.js";

const SECCOMP = { SecurityOptions: ["name=seccomp,profile=default"] };

describe("the check of seccomp", () => {
  const profile = { lane: "python", path: undefined, fault: undefined };

  it("names each profile once, with its lanes", () => {
    const profiles = [profile, { ...profile, lane: "shell" }, { ...profile, lane: "own", path: "/etc/own.json" }];
    expect(checkSeccomp(profiles, SECCOMP)).toEqual({
      status: "ok",
      finding:
        "the engine filters system calls; Matchbox's own profile (python, shell), /etc/own.json (own) denies by default",
    });
  });

  it("fails on a profile that cannot be used, engine or not", () => {
    const fault = "lanes.own.seccomp: the seccomp profile /etc/own.json is not JSON";
    const profiles = [profile, { lane: "own", path: "/etc/own.json", fault }];
    expect(checkSeccomp(profiles, SECCOMP)).toMatchObject({ status: "fail", finding: fault });
    expect(checkSeccomp(profiles, undefined)).toMatchObject({ status: "fail", finding: fault });
  });

  it("fails where the engine has no seccomp, and says nothing where there is no engine", () => {
    expect(checkSeccomp([profile], { SecurityOptions: ["name=apparmor"] })).toMatchObject({ status: "fail" });
    expect(checkSeccomp([profile], undefined)).toMatchObject({ status: "skip" });
  });
});

describe("the check of user namespaces", () => {
  it.each([
    { options: ["name=userns"], status: "ok", finding: "userns-remap" },
    { options: ["name=rootless", "name=cgroupns"], status: "ok", finding: "rootless" },
    { options: ["name=seccomp,profile=default"], status: "ok", finding: "off" },
  ])("takes $options for $status", ({ options, status, finding }) => {
    const verdict = checkUserNamespaces({ SecurityOptions: options });
    expect(verdict).toMatchObject({ status, finding: expect.stringContaining(finding) });
  });
});

describe("the check of runtimes", () => {
  const info = { Runtimes: { runc: {}, crun: {}, "io.containerd.runc.v2": {} }, DefaultRuntime: "runc" };
  const lanes = ["python", "shell"];

  it("names the one that is taken, and those that there are", () => {
    expect(checkRuntimes({ configured: "auto", chosen: "crun", lanes, own: [] }, info)).toEqual({
      status: "ok",
      finding: "crun for python, shell; the engine knows runc, crun",
    });
  });

  it("says what auto would take if it were there, and is silent where null was meant", () => {
    const without = { Runtimes: { runc: {} }, DefaultRuntime: "runc" };
    expect(checkRuntimes({ configured: "auto", chosen: undefined, lanes, own: [] }, without)).toEqual({
      status: "ok",
      finding:
        "runc, the engine's default, for python, shell; the engine knows runc; with crun sandboxes would start faster",
    });
    expect(checkRuntimes({ configured: null, chosen: undefined, lanes, own: [] }, info).finding).not.toContain(
      "faster",
    );
  });

  it("names those that lanes name themselves, apart from the others", () => {
    const own = [{ lane: "node", ociRuntime: "runc" }];
    const facts = { configured: "auto", chosen: "crun", lanes, own };
    expect(checkRuntimes(facts, info).finding).toBe(
      "crun for python, shell; runc for node; the engine knows runc, crun",
    );
    expect(checkRuntimes({ ...facts, lanes: [] }, info).finding).toBe("runc for node; the engine knows runc, crun");
  });

  it("fails on one that a lane names and the engine does not know, with the lane's key", () => {
    const own = [{ lane: "node", ociRuntime: "runsc" }];
    expect(checkRuntimes({ configured: "auto", chosen: "crun", lanes, own }, info)).toEqual({
      status: "fail",
      finding: "runsc for lane node, but the engine knows runc, crun",
      fix: 'Install runsc and name it under "runtimes" in /etc/docker/daemon.json, or set lanes.node.ociRuntime to null.',
    });
  });

  it("fails on one that the engine does not know", () => {
    const verdict = checkRuntimes({ configured: "runsc", chosen: "runsc", lanes, own: [] }, info);
    expect(verdict).toMatchObject({ status: "fail", fix: expect.stringContaining("Install runsc") });
    // A name that every object has is none of the engine's.
    expect(checkRuntimes({ configured: "toString", chosen: "toString", lanes, own: [] }, info)).toMatchObject({
      status: "fail",
    });
  });
});
