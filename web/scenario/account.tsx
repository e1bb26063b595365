/** The run as the command line prints it, when somebody wants to read it. */

import { useEffect, useState } from 'preact/hooks';
import { Printed } from '../ui/printed.tsx';
import type { RunAnswer } from '../workers/model_api.ts';
import { failureOf } from '../workers/rpc.ts';
import type { ScenarioSession } from './session.ts';

export function Account({ session, run }: { session: ScenarioSession; run: RunAnswer }) {
  const [isOpen, setOpen] = useState(false);
  const text = useAccount(session, isOpen ? run : null);
  return (
    <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>The account, as directmap run prints it</summary>
      {text !== null && <Printed label="Account of the run" text={text} />}
    </details>
  );
}

/** Of a run, once it is there; null until then, and for no run. */
export function useAccount(session: ScenarioSession, run: RunAnswer | null): string | null {
  const [text, setText] = useState<string | null>(null);
  useEffect(() => {
    let isWanted = run !== null;
    setText(null);
    if (run === null) return;
    session.account().then(
      (account) => isWanted && setText(account),
      (error: unknown) => isWanted && setText(failureOf(error).text),
    );
    return () => {
      isWanted = false;
    };
  }, [session, run]);
  return text;
}
