import { z } from "zod";

/** Undefined where the engine does not say. */
const told = z.boolean().optional().catch(undefined);

/**
 * What is read of the engine's word about itself. Loose, because engines differ in what they say; what one leaves out is
 * undefined or empty, never guessed.
 */
export const engineInfo = z.object({
  ServerVersion: z.string(),
  Name: z.string().catch(""),
  KernelVersion: z.string().catch("unknown"),
  CgroupVersion: z.string().catch("unknown"),
  CgroupDriver: z.string().catch("unknown"),
  MemoryLimit: told,
  SwapLimit: told,
  CpuCfsQuota: told,
  PidsLimit: told,
  Runtimes: z.record(z.string(), z.unknown()).catch({}),
  DefaultRuntime: z.string().catch("its own"),
  SecurityOptions: z.array(z.string()).catch([]),
  /** Bytes. */
  MemTotal: z.number().int().positive().optional().catch(undefined),
  /** Devices by the Container Device Interface; engines from 28.2. */
  DiscoveredDevices: z.array(z.object({ Source: z.string(), ID: z.string() })).catch([]),
});
export type EngineInfo = z.infer<typeof engineInfo>;

/** Whether a security option is on, such as `seccomp`; each comes as `name=seccomp,profile=default`. */
export function hasSecurityOption(
  { SecurityOptions: options }: Pick<EngineInfo, "SecurityOptions">,
  name: string,
): boolean {
  return options.some((option) => option.split(",")[0] === `name=${name}`);
}
