/** The text of the scenario: a plain field at once, and the editor in its place when it has come. */

import { useEffect, useRef, useState } from 'preact/hooks';
import type { About } from '../workers/model_api.ts';
import type { Failure } from '../workers/rpc.ts';
import type { CodeEditor } from './code_editor.ts';
import type { ScenarioSession } from './session.ts';

interface EditorProps {
  readonly session: ScenarioSession;
  readonly script: string;
  readonly problem: Failure | null;
  readonly about: About | null;
}

export function ScriptEditor({ session, script, problem, about }: EditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const [editor, setEditor] = useState<CodeEditor | null>(null);
  useEffect(() => {
    let made: CodeEditor | undefined;
    let isGone = false;
    void whenIdle().then(async () => {
      const { CodeEditor } = await import('./code_editor.ts');
      if (isGone || place.current === null) return;
      made = new CodeEditor(place.current, {
        text: session.store.state.script,
        onChange: (text) => session.edit(text),
        onRun: () => void session.run('end'),
      });
      setEditor(made);
    });
    return () => {
      isGone = true;
      made?.destroy();
    };
  }, [session]);
  // What was typed meanwhile is in the store, and not yet in `script`.
  useEffect(() => editor?.setText(session.store.state.script), [editor, session, script]);
  useEffect(() => editor?.setProblem(problem), [editor, problem]);
  useEffect(() => {
    if (about !== null) editor?.setKnown(about);
  }, [editor, about]);
  return (
    <div class="editor">
      {editor === null && (
        <textarea
          aria-label="Script of the scenario"
          spellcheck={false}
          value={script}
          rows={script.split('\n').length + 1}
          onInput={({ currentTarget }) => session.edit(currentTarget.value)}
        />
      )}
      <div ref={place} />
    </div>
  );
}

/** When the page is drawn and can be used. */
function whenIdle(): Promise<void> {
  return new Promise((resolve) => {
    if (document.readyState === 'complete') setTimeout(resolve, 0);
    else window.addEventListener('load', () => setTimeout(resolve, 0), { once: true });
  });
}
