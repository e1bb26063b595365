/** CodeMirror, set up for scenarios: highlighting, completion of kernel functions, errors where they are. */

import {
  autocompletion,
  type Completion,
  type CompletionContext,
  type CompletionResult,
  closeBrackets,
  completionKeymap,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { javascriptLanguage } from '@codemirror/lang-javascript';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { lintGutter, setDiagnostics } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import { EditorView, hoverTooltip, keymap, lineNumbers, type Tooltip } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import type { About, CallAbout } from '../workers/model_api.ts';
import type { Failure } from '../workers/rpc.ts';

export interface CodeEditorOptions {
  readonly text: string;
  readonly onChange: (text: string) => void;
  readonly onRun: () => void;
}

const HIGHLIGHTS = HighlightStyle.define([
  { tag: tags.comment, class: 'hl-comment' },
  { tag: tags.keyword, class: 'hl-keyword' },
  { tag: [tags.string, tags.number, tags.bool], class: 'hl-value' },
  { tag: tags.function(tags.variableName), class: 'hl-function' },
  { tag: tags.propertyName, class: 'hl-property' },
]);

const HEADER_KEYS = [
  ['kernel', "'v7.2'"],
  ['arch', "'x86_64'"],
  ['ram', "'4G'"],
  ['cpus', '2'],
  ['config', "{ DEBUG_PAGEALLOC: 'y' }"],
  ['boot', "'debug_pagealloc=on'"],
  ['features', '{ bbml2: true }'],
] as const;

export class CodeEditor {
  readonly #view: EditorView;
  #calls: ReadonlyMap<string, CallAbout> = new Map();
  #completions: readonly Completion[] = [];
  /** The text is being set, and not written by the reader. */
  #isSetting = false;

  constructor(parent: HTMLElement, { text, onChange, onRun }: CodeEditorOptions) {
    const run = () => {
      onRun();
      return true;
    };
    this.#view = new EditorView({
      parent,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineNumbers(),
          history(),
          bracketMatching(),
          closeBrackets(),
          javascriptLanguage,
          syntaxHighlighting(HIGHLIGHTS),
          lintGutter(),
          autocompletion({ override: [(context) => this.#complete(context)] }),
          hoverTooltip((view, position) => this.#hover(view, position)),
          // Tab goes on to the next control, as everywhere in the page.
          keymap.of([{ key: 'Mod-Enter', run }, ...completionKeymap, ...defaultKeymap, ...historyKeymap]),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': 'Script of the scenario' }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged && !this.#isSetting) onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    // What scrolls must be reached by the keyboard.
    this.#view.scrollDOM.tabIndex = 0;
  }

  destroy(): void {
    this.#view.destroy();
  }

  setText(text: string): void {
    const { state } = this.#view;
    if (state.doc.toString() === text) return;
    this.#isSetting = true;
    this.#view.dispatch({ changes: { from: 0, to: state.doc.length, insert: text } });
    this.#isSetting = false;
  }

  /** What may be named in a script. */
  setKnown({ arches, functions }: About): void {
    const calls = new Map<string, CallAbout>();
    for (const { calls: ofArch } of arches)
      for (const call of ofArch) calls.set(call.name, calls.get(call.name) ?? call);
    for (const call of functions) calls.set(call.name, call);
    const constants = new Set(arches.flatMap((arch) => arch.constants));
    this.#calls = calls;
    this.#completions = [
      ...[...calls.values()].map((call) => completionOf(call, arches)),
      ...[...constants].map((label): Completion => ({ label, type: 'constant' })),
    ];
  }

  setProblem(problem: Failure | null): void {
    const { doc } = this.#view.state;
    if (problem?.line === undefined || problem.line > doc.lines) {
      this.#view.dispatch(setDiagnostics(this.#view.state, []));
      return;
    }
    const line = doc.line(problem.line);
    const from = Math.min(line.to, line.from + (problem.column ?? 1) - 1);
    const word = /^\w+/.exec(doc.sliceString(from, line.to))?.[0] ?? '';
    const to = Math.min(line.to, from + Math.max(1, word.length));
    const message = problem.text.replace(/^\S+:\d+:\d+: /, '');
    this.#view.dispatch(setDiagnostics(this.#view.state, [{ from, to, severity: 'error', message }]));
  }

  #complete(context: CompletionContext): CompletionResult | null {
    const word = context.matchBefore(/\w+/);
    if (word === null && !context.explicit) return null;
    const from = word?.from ?? context.pos;
    const before = context.state.sliceDoc(0, from);
    // The header is the object in parentheses before anything else.
    const inHeader = /^(?:\s|\/\/[^\n]*\n)*\(\{[\s\S]*$/.test(before) && !before.includes('})');
    if (inHeader && /[{,]\s*$/.test(before)) {
      return {
        from,
        options: HEADER_KEYS.map(([label, example]) => ({
          label,
          detail: example,
          type: 'property',
          apply: `${label}: ${example}`,
        })),
      };
    }
    return { from, options: this.#completions };
  }

  #hover(view: EditorView, position: number): Tooltip | null {
    const line = view.state.doc.lineAt(position);
    const start = line.from + (/\w*$/.exec(line.text.slice(0, position - line.from))?.index ?? 0);
    const name = /^\w+/.exec(view.state.doc.sliceString(start, line.to))?.[0] ?? '';
    const call = this.#calls.get(name);
    if (call === undefined) return null;
    return { pos: start, end: start + name.length, create: () => ({ dom: documentation(call) }) };
  }
}

function completionOf(call: CallAbout, arches: About['arches']): Completion {
  const { name, signature, returns, summary } = call;
  const having = arches.filter(({ calls }) => calls.some((each) => each.name === name));
  const isEverywhere = returns === 'script' || having.length === arches.length;
  return {
    label: name,
    type: 'function',
    detail: signature.slice(name.length),
    info: `${summary}. ${returns === 'script' ? 'Of scripts, not of the kernel.' : `Returns ${returns}.`}${isEverywhere ? '' : ` On ${having.map((arch) => arch.name).join(', ')}.`}`,
  };
}

function documentation({ signature, returns, summary }: CallAbout): HTMLElement {
  const dom = document.createElement('div');
  dom.className = 'doc';
  const code = document.createElement('code');
  code.textContent = returns === 'script' ? signature : `${returns} ${signature}`;
  const text = document.createElement('p');
  text.textContent = summary;
  dom.append(code, text);
  return dom;
}
