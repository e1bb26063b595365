/** Everything that happens in a run, one line each, in a lane for each CPU; only those in view are in the page. */

import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from '@tanstack/virtual-core';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { WrittenChoices } from '../../src/scenario/choices.ts';
import type { Moment } from '../../src/scenario/moments.ts';
import { MAX_MOMENTS } from '../../src/scenario/moments.ts';
import type { RunAnswer } from '../workers/model_api.ts';
import { Account } from './account.tsx';
import type { ScenarioSession } from './session.ts';

/** Of a line, in pixels, until it was measured. */
const LINE_HEIGHT = 26;

const ENDED: Readonly<Record<RunAnswer['outcome']['ended'], string>> = {
  died: 'The machine died.',
  finished: 'The run finished.',
  stopped: 'The script goes on with what the last call returned, which is NULL: it stops there.',
};

interface TimelineProps {
  readonly session: ScenarioSession;
  readonly run: RunAnswer;
  readonly moment: number;
  readonly choices: WrittenChoices;
}

export function Timeline({ session, run, moment, choices }: TimelineProps) {
  const { moments, isCut, outcome } = run;
  const scroller = useRef<HTMLElement>(null);
  const virtualizer = useVirtualizer(moments.length, scroller);
  const cpus = [...new Set(moments.map(({ cpu }) => cpu))].sort((a, b) => a - b);
  useEffect(() => {
    virtualizer?.scrollToIndex(Math.max(0, moment - 1), { align: 'auto' });
  }, [virtualizer, moment]);
  const chosen =
    choices.refuse !== '' || choices.grant !== '' || choices.schedules.some((each) => each !== '');
  return (
    <>
      {chosen && (
        <p class="note">
          {choiceSentence(choices)}{' '}
          <button type="button" onClick={() => session.forgetChoices()}>
            As the script says
          </button>
        </p>
      )}
      {cpus.length > 1 && (
        <div class="lanes-head" aria-hidden="true">
          {cpus.map((cpu) => (
            <span key={cpu}>CPU {cpu}</span>
          ))}
        </div>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <section class="timeline" ref={scroller} tabIndex={0} aria-label="Moments of the run">
        <ol style={{ height: `${virtualizer?.getTotalSize() ?? 0}px` }}>
          {virtualizer?.getVirtualItems().map(({ index, start }) => (
            <li
              key={index}
              data-index={index}
              ref={(element) => virtualizer.measureElement(element)}
              style={{ transform: `translateY(${start}px)` }}
              class={lineClass(moments[index]!, index, moment)}
              aria-posinset={index + 1}
              aria-setsize={moments.length}
            >
              <Line session={session} run={run} moments={moments} index={index} moment={moment} cpus={cpus} />
            </li>
          ))}
        </ol>
      </section>
      {isCut && (
        <p class="note">More happened than {MAX_MOMENTS} moments. The rest is in the account below.</p>
      )}
      <p class="ended">
        {ENDED[outcome.ended]} {expectationWords(outcome)}
      </p>
      <Account session={session} run={run} />
    </>
  );
}

interface LineProps {
  readonly session: ScenarioSession;
  readonly run: RunAnswer;
  readonly moments: readonly Moment[];
  readonly index: number;
  readonly moment: number;
  readonly cpus: readonly number[];
}

function Line({ session, run, moments, index, moment, cpus }: LineProps) {
  const { cpu, kind, text, allocation, step } = moments[index]!;
  const isHere = index === moment - 1;
  const others = isHere ? otherCpus(run, moments[index]!) : [];
  return (
    <>
      <button
        type="button"
        class="moment"
        style={{ marginLeft: `${(100 * cpus.indexOf(cpu)) / (cpus.length + 0.5)}%` }}
        aria-current={isHere ? 'step' : undefined}
        onClick={() => session.goTo(index + 1)}
      >
        {kind === 'call' && <span class="number">{step}</span>}
        {cpus.length > 1 && <span class="unseen">CPU {cpu}: </span>}
        {kind === 'return' ? text.replace(/^returns (?=.)/, '= ') : text}
      </button>
      {allocation !== undefined && (
        <button type="button" class="choose" onClick={() => session.decide(allocation, kind === 'refused')}>
          {kind === 'refused' ? 'grant' : 'refuse'}
          <span class="unseen"> allocation {allocation}</span>
        </button>
      )}
      {others.map((other) => (
        <button type="button" class="choose" key={other} onClick={() => session.letRun(other)}>
          CPU {other} now
        </button>
      ))}
    </>
  );
}

/** CPUs that could run in place of the one that goes on: those that have something left to do. */
function otherCpus({ outcome }: RunAnswer, { turn }: Moment): number[] {
  if (turn === undefined) return [];
  const later = outcome.interleavings[turn.interleaving]?.steps.slice(turn.step + 1) ?? [];
  const next = later[0]?.cpu;
  return [...new Set(later.map(({ cpu }) => cpu))].filter((cpu) => cpu !== next).sort((a, b) => a - b);
}

function lineClass({ kind }: Moment, index: number, moment: number): string {
  const when = index < moment - 1 ? 'past' : index === moment - 1 ? 'here' : 'future';
  return `line ${kind} ${when}`;
}

function choiceSentence({ refuse, grant, schedules }: WrittenChoices): string {
  const parts: string[] = [];
  if (refuse !== '') parts.push(`refused: allocation ${refuse.replaceAll(',', ', ')}`);
  if (grant !== '') parts.push(`granted: allocation ${grant.replaceAll(',', ', ')}`);
  if (schedules.some((each) => each !== '')) parts.push('another order of the CPUs');
  return `Chosen here: ${parts.join('; ')}.`;
}

function expectationWords({ steps, expectationsFailed }: RunAnswer['outcome']): string {
  const expected = steps.filter((step) => step.expected !== undefined).length;
  if (expected === 0) return '';
  if (expectationsFailed === 0) return `All ${expected} expectations of the script were met.`;
  return `${expectationsFailed} of ${expected} expectations of the script were not met.`;
}

/** One that draws the component again when other lines come into view. */
function useVirtualizer(count: number, scroller: { readonly current: HTMLElement | null }) {
  const [, redraw] = useState(0);
  const [virtualizer, setVirtualizer] = useState<Virtualizer<HTMLElement, HTMLLIElement> | null>(null);
  const options = {
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_HEIGHT,
    overscan: 8,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => redraw((drawn) => drawn + 1),
  };
  virtualizer?.setOptions(options);
  virtualizer?._willUpdate();
  useEffect(() => {
    const made = new Virtualizer<HTMLElement, HTMLLIElement>(options);
    setVirtualizer(made);
    const unmount = made._didMount();
    made._willUpdate();
    return unmount;
  }, []);
  return virtualizer;
}
