/**
 * One scenario, or one claim, on many kernels: a grid of what came of it, with the first thing in which each kernel differs
 * from the first of its row.
 */

import { InputError, NotModelledError } from '../errors.ts';
import type { Architecture, BootVariant } from '../linux/architecture.ts';
import { configOptions } from '../linux/config.ts';
import { type KernelVersion, PRESETS, presetsOf } from '../linux/kernels.ts';
import type { Program } from '../scenario/ast.ts';
import type { EntryChange, Outcome, Step } from '../scenario/outcome.ts';
import { runScenario } from '../scenario/run.ts';
import { startMachine } from '../scenario/start.ts';
import type { Job } from './check.ts';
import { ALL, type Answer, answerTo, architecturesOf, kernelsOf, type Plan } from './jobs.ts';

export const COMPARE_SCHEMA = 'directmap-compare/1';

/** The shape behind `--json`. */
export interface Grid {
  schema: typeof COMPARE_SCHEMA;
  /** The scenario's file, or the claim's id. */
  subject: string;
  kind: 'scenario' | 'claim';
  /** What it is about, in its own words. */
  title: readonly string[];
  /** The columns. */
  kernels: readonly string[];
  rows: readonly GridRow[];
}

export interface GridRow {
  arch: string;
  /** The kernel command line, or a word for it. */
  boot: string;
  /** As many as there are columns. */
  cells: readonly GridCell[];
}

export interface GridCell {
  kernel: string;
  /** In at most nine characters: "ok", "0, no-op", "-ENOMEM", "oops", "refuted". */
  outcome: string;
  /** Each call with what it returned, for a scenario. */
  returned: readonly string[];
  /** Each call's changes of entries, in words; splits, deaths and what was printed among them. */
  happened: readonly (readonly string[])[];
  /** Why it is refuted, undecided or not modelled. */
  because?: string;
  /** The first difference from the first cell of the row that has an outcome. */
  differs?: Difference;
  /** What `directmap replay` takes. */
  replay?: string;
}

export interface Difference {
  /** The kernel that it differs from. */
  from: string;
  /** The call, as the scenario has it. */
  call: string;
  here: string;
  there: string;
}

/** What to compare on. */
export interface CompareOptions extends Pick<Plan, 'arches' | 'kernels' | 'limits'> {
  /** Command lines, each a row; "all" for those that the architecture has names for; none for the subject's own. */
  boots: readonly string[];
  config?: readonly (readonly [string, string])[];
}

/** One row before it is filled. */
interface Row {
  arch: Architecture;
  name: string;
  variant: Partial<BootVariant>;
}

const NOT_THERE: Omit<GridCell, 'kernel'> = { outcome: '-', returned: [], happened: [] };

/** Called before each cell. Returns true to stop: what is left is not filled. */
export type OnCell = (arch: string, kernel: string) => boolean;

/** @throws InputError for names that are not known */
export function compareScenario(program: Program, options: CompareOptions, onCell?: OnCell): Grid {
  const fill = (row: Row, version: KernelVersion) => scenarioCell(program, options, row, version);
  return gridOf(options, fill, onCell, {
    subject: program.fileName,
    kind: 'scenario',
    title: [...program.comments],
  });
}

/** @throws InputError for names that are not known, and bounds that cannot be met */
export function compareClaim(
  claim: { id: string; sentence: string },
  options: CompareOptions,
  onCell?: OnCell,
): Grid {
  const fill = (row: Row, version: KernelVersion) => claimCell(claim.id, options, row, version);
  return gridOf(options, fill, onCell, { subject: claim.id, kind: 'claim', title: [claim.sentence] });
}

function gridOf(
  options: CompareOptions,
  fill: (row: Row, version: KernelVersion) => GridCell,
  onCell: OnCell | undefined,
  head: Pick<Grid, 'subject' | 'kind' | 'title'>,
): Grid {
  const architectures = architecturesOf(options);
  const columns = columnsOf(options, architectures);
  let stopped = false;
  const rows = architectures.flatMap((arch) =>
    rowsOf(arch, options.boots).map((row): GridRow => {
      const versions = new Map(kernelsOf(options, arch).map((version) => [version.name, version]));
      const cells = columns.map((kernel): GridCell => {
        const version = versions.get(kernel);
        stopped ||= version !== undefined && onCell?.(arch.name, kernel) === true;
        return version === undefined || stopped ? { kernel, ...NOT_THERE } : fill(row, version);
      });
      return { arch: arch.name, boot: row.name, cells: withDifferences(cells) };
    }),
  );
  return { schema: COMPARE_SCHEMA, ...head, kernels: columns, rows };
}

/** Every kernel that some architecture is compared on, in the order in which they were named. */
function columnsOf(options: CompareOptions, architectures: readonly Architecture[]): string[] {
  const presets = PRESETS.filter((preset) => architectures.some((arch) => presetsOf(arch).includes(preset)));
  const inOrder = options.kernels.flatMap((name) =>
    name === ALL ? presets.map((each) => each.name) : [name],
  );
  const there = (name: string) =>
    architectures.flatMap((arch) => kernelsOf({ ...options, kernels: [name] }, arch));
  return [...new Set(inOrder.flatMap(there).map(({ name }) => name))];
}

function rowsOf(arch: Architecture, boots: readonly string[]): Row[] {
  if (boots.length === 0) return [{ arch, name: '', variant: {} }];
  if (boots.includes('all')) return arch.boots.map((variant) => ({ arch, name: variant.name, variant }));
  return boots.map((boot) => ({ arch, name: boot, variant: { boot } }));
}

// ---- a cell

function scenarioCell(
  program: Program,
  { config = [] }: CompareOptions,
  { arch, variant }: Row,
  version: KernelVersion,
): GridCell {
  const kernel = version.name;
  try {
    const settings = [...config, ...(variant.config ?? [])];
    const start = { arch, kernel, boot: variant.boot, config: settings, features: variant.features };
    const outcome = runScenario(
      ofArchitecture(program, arch),
      startMachine(ofArchitecture(program, arch), start),
    );
    return {
      kernel,
      outcome: wordFor(outcome),
      returned: outcome.steps.map(
        ({ call, returned, died }) => `${call} = ${died === undefined ? returned : 'never'}`,
      ),
      happened: outcome.steps.map(happenedIn),
    };
  } catch (error) {
    if (!(error instanceof NotModelledError) && !(error instanceof InputError)) throw error;
    return { kernel, ...NOT_THERE, outcome: 'n/m', because: error.message };
  }
}

/** The script without the options of its header that this architecture's kernels are not built with. */
function ofArchitecture(program: Program, arch: Architecture): Program {
  const { config } = program.header;
  if (config === undefined) return program;
  const known = configOptions(arch);
  const value = config.value.filter(({ name }) => Object.hasOwn(known, name.replace(/^CONFIG_/, '')));
  return { ...program, header: { ...program.header, config: { ...config, value } } };
}

/** The worst that came of the calls, in a word. */
function wordFor({ steps, ended }: Outcome): string {
  const errors = steps.filter(({ returned }) => returned?.startsWith('-E') === true);
  const broken = steps.filter(({ notAsPromised }) => notAsPromised !== undefined);
  if (ended === 'died') return deathWord(steps.at(-1)?.died ?? '');
  if (errors.length > 0) return errors[0]!.returned!;
  if (broken.some(({ changes }) => changes.length === 0)) return '0, no-op';
  if (broken.length > 0) return '0, part';
  if (steps.some(({ staleAccess }) => staleAccess)) return 'stale';
  if (steps.some(({ splits }) => splits.length > 0)) return 'split';
  if (steps.some(({ collapses }) => collapses.length > 0)) return 'merge';
  return 'ok';
}

function deathWord(text: string): string {
  return text.startsWith('unable to handle') ? 'oops' : 'dies';
}

function happenedIn(step: Step): string[] {
  const { changes, splits, refused, messages, died, notAsPromised } = step;
  const lines = changes.filter(({ inNewTable }) => !inNewTable).map(changeWords);
  for (const { level } of splits) lines.push(`a ${level} leaf is split`);
  for (const { what, purpose } of refused) lines.push(`refused: ${what} ${purpose}`.trimEnd());
  lines.push(...messages.map((text) => `console: ${text}`));
  if (notAsPromised !== undefined) {
    const { pages, of } = notAsPromised;
    lines.push(`${pages} of ${of} pages not as promised`);
  }
  if (died !== undefined) lines.push(died);
  return lines.length > 0 ? lines : ['nothing changed'];
}

function changeWords({ level, count, before, after }: EntryChange): string {
  return `${count === 1 ? level : `${count} ${level}s`}: ${before.text} -> ${after.text}`;
}

function claimCell(
  claim: string,
  { limits, config = [] }: CompareOptions,
  { arch, variant }: Row,
  { name: kernel }: KernelVersion,
): GridCell {
  const job: Job = {
    ...{ claim, arch: arch.name, kernel, limits },
    config: [...config, ...(variant.config ?? [])],
    ...(variant.boot !== undefined && { boot: variant.boot }),
    ...(variant.features !== undefined && { features: variant.features }),
  };
  const { verdict, finding, because, trace }: Answer = answerTo(job);
  const why = finding?.text ?? because;
  return {
    kernel,
    outcome: verdict === 'not modelled' ? 'n/m' : verdict,
    returned: trace?.calls ?? [],
    happened: [],
    ...(why !== undefined && { because: why }),
    ...(trace !== undefined && { replay: trace.id }),
  };
}

// ---- what differs

function withDifferences(cells: readonly GridCell[]): GridCell[] {
  const first = cells.find(({ outcome }) => outcome !== '-' && outcome !== 'n/m');
  return cells.map((cell) => {
    const differs = first === undefined || cell === first ? undefined : differenceOf(cell, first);
    return differs === undefined ? cell : { ...cell, differs };
  });
}

/** The first call that returned something else or changed something else. Where the pages lie does not count. */
function differenceOf(cell: GridCell, first: GridCell): Difference | undefined {
  if (cell.outcome === '-' || cell.outcome === 'n/m') return undefined;
  const from = first.kernel;
  for (let i = 0; i < Math.max(cell.happened.length, first.happened.length); i++) {
    const call = callOf(cell.returned[i] ?? first.returned[i] ?? '');
    const here = [`returned ${returnedIn(cell.returned[i])}`, ...(cell.happened[i] ?? [])];
    const there = [`returned ${returnedIn(first.returned[i])}`, ...(first.happened[i] ?? [])];
    const at = here.findIndex((line, j) => line !== there[j]);
    if (at >= 0 || here.length < there.length) {
      const where = at >= 0 ? at : here.length;
      return { from, call, here: here[where] ?? 'nothing more', there: there[where] ?? 'nothing more' };
    }
  }
  if (cell.outcome === first.outcome) return undefined;
  return { from, call: '', here: cell.because ?? cell.outcome, there: first.because ?? first.outcome };
}

/** Without the addresses and frames, which are the allocator's choice. */
function callOf(text: string): string {
  return text.replace(/ = [^=]*$/, '');
}

function returnedIn(text: string | undefined): string {
  if (text === undefined) return 'nothing: it was not called';
  return text.replace(/^.* = /, '').replace(/^(pfn )?0x[0-9a-f]+$/, 'a page');
}
