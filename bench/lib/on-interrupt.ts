const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Has something undone also when the process is told to stop, which ends it without leaving any `await using`. Then the
 * signal takes its course. For what no other process takes away: a daemon gets a Ctrl-C itself, a container does not.
 */
export function onInterrupt(undo: () => Promise<void>): Disposable {
  const stopListening = (): void => {
    for (const name of SIGNALS) process.off(name, listener);
  };
  const listener = (signal: NodeJS.Signals): void => {
    void undo().finally(() => {
      stopListening();
      // Whoever else has something to undo passes the signal on when that is done.
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
    });
  };
  for (const name of SIGNALS) process.on(name, listener);
  return { [Symbol.dispose]: stopListening };
}
