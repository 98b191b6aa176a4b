const counts = new Intl.NumberFormat("en", { useGrouping: true });

/** 12345 as `12,345`. */
export function formatCount(value: number): string {
  return counts.format(value);
}

/** A time as a person reads it: three figures, and the unit that fits. */
export function formatMs(ms: number | null): string {
  if (ms === null) return "–";
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  if (ms < 100) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${ms.toFixed(0)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(2)} s`;
  return formatDuration(ms);
}

/** A long time: its two largest units. */
export function formatDuration(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  if (minutes > 0) return `${minutes} min ${seconds % 60} s`;
  return `${seconds} s`;
}

/** A limit, as it was configured: without figures that say nothing. */
export function formatLimit(ms: number): string {
  if (ms < 1_000) return `${ms} ms`;
  if (ms < 60_000) return `${Number((ms / 1_000).toFixed(1))} s`;
  return formatDuration(ms).replace(/ 0 \w+$/, "");
}

const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** 12345 as `12.3 kB`: units of a thousand, as the command line has them. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit] ?? ""}`;
}

/** A limit on memory, in the units of 1,024 in which it is configured. */
export function formatMemory(bytes: number): string {
  const mebibytes = bytes / 1024 ** 2;
  return mebibytes >= 1024 ? `${Number((mebibytes / 1024).toFixed(1))} GiB` : `${Number(mebibytes.toFixed(1))} MiB`;
}

/** 0.99951 as `99.95 %`; never 100 % for anything that is less. */
export function formatShare(share: number | null): string {
  if (share === null) return "–";
  const percent = share * 100;
  if (share < 1 && percent > 99.99) return "99.99 %";
  return share === 1 ? "100 %" : `${percent.toFixed(percent >= 99 ? 2 : 1)} %`;
}

/** The time of day of milliseconds since 1970, with seconds. */
export function formatTimeOfDay(epochMs: number): string {
  const time = new Date(epochMs);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}
