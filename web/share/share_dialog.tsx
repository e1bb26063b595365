/** What was found, to be given to others: a link that opens it, and the text of a mail. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { encodeLink } from '../../src/report/link.ts';
import { serveCommand } from '../../src/report/outcome_text.ts';
import { useAccount } from '../scenario/account.tsx';
import { FailureView } from '../ui/failure_view.tsx';
import type { Workbench } from '../workbench.ts';
import { type Failure, failureOf } from '../workers/rpc.ts';
import { mailText } from './mail_text.ts';

export function ShareDialog({ workbench, onClose }: { workbench: Workbench; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [fragment, setFragment] = useState<string | null>(null);
  const [problem, setProblem] = useState<Failure | null>(null);
  useEffect(() => {
    dialog.current?.showModal();
    encodeLink(workbench.link).then(setFragment, (error: unknown) => setProblem(failureOf(error)));
  }, [workbench]);
  return (
    <dialog ref={dialog} class="share-dialog" aria-labelledby="share-title" onClose={onClose}>
      <h2 id="share-title">Share</h2>
      <p class="hint">
        The link holds all of it: kernel, scenario, choices, moment and page. Whoever opens it runs it in
        their own browser; nothing is uploaded.
      </p>
      {problem !== null && <FailureView failure={problem} />}
      {fragment !== null && <Shared workbench={workbench} fragment={fragment} />}
      <button type="button" onClick={() => dialog.current?.close()}>
        Close
      </button>
    </dialog>
  );
}

function Shared({ workbench, fragment }: { workbench: Workbench; fragment: string }) {
  const url = `${location.href.replace(/#.*$/, '')}#${fragment}`;
  const { run, script, library, replay } = workbench.scenario.store.state;
  const own = library === null ? script : null;
  const account = useAccount(workbench.scenario, run);
  const mail = account === null ? '' : mailText({ account, script: own, replay, fragment, url });
  return (
    <>
      <Copied label="Link" text={url} rows={3} />
      <Copied label="On the command line" text={serveCommand(fragment)} rows={2} />
      <Copied label="As a mail" text={mail} rows={14} />
    </>
  );
}

function Copied({ label, text, rows }: { label: string; text: string; rows: number }) {
  const field = useRef<HTMLTextAreaElement>(null);
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    field.current?.select();
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
    } catch {
      // Not allowed here: the text is selected, for the reader to copy.
      setCopied(false);
    }
  };
  return (
    <div class="copied">
      <label>
        {label}
        <textarea ref={field} readOnly rows={rows} value={text} />
      </label>
      <button type="button" onClick={() => void copy()}>
        {isCopied ? 'Copied' : 'Copy'}
        <span class="unseen"> {label}</span>
      </button>
    </div>
  );
}
