/** What has to be undone, however this program ends, short of being killed outright. */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Calls `undo`, which is synchronous and may be called twice, when the process exits or is told to stop and nobody else
 * listens to that. The function returned takes this back.
 */
export function atExit(undo: () => void): () => void {
  const hear = (signal: NodeJS.Signals) => {
    const isAlone = process.listenerCount(signal) === 1;
    undo();
    forget();
    if (isAlone) process.kill(process.pid, signal);
  };
  const forget = () => {
    process.off('exit', undo);
    for (const signal of SIGNALS) process.off(signal, hear);
  };
  process.on('exit', undo);
  for (const signal of SIGNALS) process.on(signal, hear);
  return forget;
}
