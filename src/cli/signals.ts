/** Being told to stop: once, and what is known so far is printed; twice, and it ends at once. */

const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;

export interface Interruption {
  /** The exit status that says so, if there was a signal. */
  readonly status: number | undefined;
  /** Listens no more. */
  end(): void;
}

/** Calls `stop` when told to stop: by Ctrl-C, or by a scheduler that takes the machine back. */
export function onInterrupt(stop: () => void): Interruption {
  let status: number | undefined;
  const hear = (signal: keyof typeof SIGNALS) => {
    if (status !== undefined) process.exit(status);
    status = 128 + SIGNALS[signal];
    stop();
  };
  const names = Object.keys(SIGNALS) as (keyof typeof SIGNALS)[];
  for (const name of names) process.on(name, hear);
  return {
    get status() {
      return status;
    },
    end() {
      for (const name of names) process.off(name, hear);
    },
  };
}
