/** Runs scenarios, and shows the machine at any moment of the last run. */

import { snapshotDirectMap } from '../../src/inspect/snapshot/map_snapshot.ts';
import { TableSpace } from '../../src/inspect/table_space.ts';
import { splitConfig } from '../../src/linux/config.ts';
import type { Kernel } from '../../src/linux/kernel.ts';
import { splitFeatures } from '../../src/linux/machine.ts';
import { type ChangedWord, SimulatedMemory } from '../../src/memory/simulated_memory.ts';
import { hexAddress, type VirtualAddress } from '../../src/mmu/format.ts';
import { TableIndex } from '../../src/mmu/table_index.ts';
import { walk } from '../../src/mmu/walk.ts';
import type { Walk } from '../../src/report/html/viewer/page_tables.ts';
import { walkOf } from '../../src/report/html/walk_of.ts';
import { parseChoices } from '../../src/scenario/choices.ts';
import { observationsOf, staleTranslations } from '../../src/scenario/observers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';
import { Recording } from '../../src/scenario/recording.ts';
import { knownNames } from '../../src/scenario/script_calls.ts';
import { type StartOptions, startMachine } from '../../src/scenario/start.ts';
import { allArchitectures } from './architectures.ts';
import type {
  About,
  Look,
  LookRequest,
  ModelApi,
  Overrides,
  PageLook,
  Places,
  Replay,
  RunAnswer,
  RunRequest,
} from './model_api.ts';
import { type Failure, failureOf } from './rpc.ts';

/** Frames of tables in a page of a browser: 384 MiB. */
const MAX_FRAMES = 3 * 2 ** 15;
/** What there may be of these in a look, for the map to draw. */
const MAX_PLACES = 20_000;

/** The last run, and what it needs to be gone through. */
interface Run {
  readonly recording: Recording;
  /** Page tables that were there at boot. */
  readonly bootTables: readonly OwnedAddresses[];
}

interface OwnedAddresses extends Places {
  readonly text: string;
}

let last: Run | undefined;

export const modelApi: ModelApi = { about, problemOf, run, look, account, replay };

/** What there is to choose from takes all architectures. */
async function about(): Promise<About> {
  return (await import('./about.ts')).about();
}

async function problemOf({ text, name }: RunRequest['script']): Promise<Failure | null> {
  await allArchitectures();
  try {
    parseScenario(text, name, knownNames());
    return null;
  } catch (error) {
    return failureOf(error);
  }
}

async function run({ script, overrides, choices, dump }: RunRequest): Promise<RunAnswer> {
  // The usual one needs none of the others, and names none of them.
  if (overrides.arch !== '' || dump !== null || /arch|runs_on/.test(script.text)) await allArchitectures();
  const program = parseScenario(script.text, script.name, knownNames());
  const start = startMachine(program, {
    ...startOptions(overrides),
    ...(dump && { dump: await opened(dump) }),
  });
  const recording = new Recording(
    program,
    start,
    parseChoices(choices, (word) => word),
  );
  const { outcome, moments, isCut } = recording;
  last = { recording, bootTables: bootTablesOf(recording.seek(0).kernel) };
  return { outcome, moments, isCut };
}

/** Printers are loaded when somebody wants to read. */
async function account(): Promise<string> {
  if (last === undefined) throw new Error('nothing was run');
  const { outcomeText } = await import('../../src/report/outcome_text.ts');
  return outcomeText(last.recording.outcome, { cost: true });
}

function startOptions({ arch, kernel, boot, config, features, ram, cpus }: Overrides): StartOptions {
  const said = (text: string) => (text === '' ? undefined : text);
  return {
    arch: said(arch),
    kernel: said(kernel),
    boot: said(boot),
    config: config === '' ? undefined : splitConfig(config, 'config'),
    features: features === '' ? undefined : splitFeatures(features, 'features'),
    ram: said(ram),
    cpus: cpus === '' ? undefined : Number(cpus),
    memory: new SimulatedMemory(undefined, MAX_FRAMES),
  };
}

async function opened(dump: NonNullable<RunRequest['dump']>): Promise<NonNullable<StartOptions['dump']>> {
  const { openDumpMemory } = await import('../reader/open_dump.ts');
  return { memory: await openDumpMemory(dump), name: dump.name, hints: {} };
}

function look({ moment, address }: LookRequest): Look {
  if (last === undefined) throw new Error('nothing was run');
  const { recording, bootTables } = last;
  const at = address === null ? undefined : Number(BigInt.asIntN(64, BigInt(address)));
  const before =
    at === undefined ? undefined : walkIn(recording.seek(recording.beginningOf(moment)).kernel, at);
  const { kernel, changed } = recording.seek(moment);
  const owners = [...bootTables, ...imageOf(kernel), ...ownersAt(recording, moment)];
  owners.sort((a, b) => (BigInt(a.address) < BigInt(b.address) ? -1 : 1));
  const page = kernel.page_size;
  return {
    moment,
    map: mapOf(kernel),
    changed: changedIn(kernel, changed),
    stale: staleTranslations(kernel)
      .slice(0, MAX_PLACES)
      .map((each) => ({ address: hexAddress(each.page), pages: 1 })),
    owners: owners.slice(0, MAX_PLACES),
    // Last, for whoever is asked may change the machine.
    page:
      at === undefined || before === undefined
        ? null
        : pageLook(kernel, Math.floor(at / page) * page, before),
  };
}

function mapOf(kernel: Kernel): Look['map'] {
  const { version, memory, format, root, direct_map, direct_map_window: window } = kernel;
  const directMap = { ...direct_map, offset: kernel.page_address(0) };
  const snapshot = snapshotDirectMap(
    new TableSpace({ arch: version.arch.name, tables: memory, format, root, directMap }),
  );
  if (snapshot.map === null) return snapshot;
  const windowPages = (window.end - window.start) / kernel.page_size;
  return { ...snapshot, map: { ...snapshot.map, windowStart: hexAddress(window.start), windowPages } };
}

/** Entries of the direct map among the changed words. */
function changedIn(kernel: Kernel, changed: readonly ChangedWord[]): Places[] {
  if (changed.length === 0) return [];
  const { memory, format, root, kernel_range, direct_map, page_size } = kernel;
  const index = new TableIndex(memory, format, root, kernel_range);
  const places: Places[] = [];
  for (const { address: entry } of changed) {
    const place = index.placeOf(entry);
    if (place === undefined || places.length === MAX_PLACES) continue;
    const { level, address } = place;
    if (address < direct_map.start || address >= direct_map.end) continue;
    places.push({ address: hexAddress(address), pages: 2 ** format.levelShift(level) / page_size });
  }
  return places;
}

function ownersAt(recording: Recording, moment: number): OwnedAddresses[] {
  const { kernel } = recording;
  return recording.ownersAt(moment).map(({ start, end, text }) => ({
    address: hexAddress(kernel.page_address(start)),
    pages: end - start,
    text,
  }));
}

function imageOf(kernel: Kernel): OwnedAddresses[] {
  const { sections, page_size } = kernel;
  if (sections === undefined) return [];
  const first = Math.floor(sections.text / page_size);
  const pages = Math.ceil(sections.end / page_size) - first;
  return [{ address: hexAddress(kernel.page_address(first)), pages, text: 'kernel image' }];
}

function bootTablesOf(kernel: Kernel): OwnedAddresses[] {
  const { memory, format, root, kernel_range: range, page_size } = kernel;
  const frames = new Map<number, number>();
  const onTable = (level: number, table: number) => frames.set(Math.floor(table / page_size), level);
  for (const _run of walk(memory, format, root, { range, onTable })) {
    // The tables are all that is wanted.
  }
  return [...frames].slice(0, MAX_PLACES).map(([frame, level]) => ({
    address: hexAddress(kernel.page_address(frame)),
    pages: 1,
    text: `${format.levelName(level)} table since boot`,
  }));
}

function pageLook(kernel: Kernel, page: VirtualAddress, before: Walk): PageLook {
  const { start, end } = kernel.direct_map_window;
  return {
    address: hexAddress(page),
    region: page >= start && page < end ? 'direct map' : 'not the direct map',
    walk: walkIn(kernel, page),
    before,
    observations: observationsOf(kernel, page),
  };
}

function walkIn(kernel: Kernel, address: VirtualAddress): Walk {
  const walked = walkOf(kernel.memory, kernel.format, kernel.root, address);
  if (walked.translation !== undefined || kernel.leafAt(address) === undefined) return walked;
  return {
    steps: [],
    translation: undefined,
    stopped: 'No table translates it: the CPU does, by a window or a hash table.',
  };
}

/** The claims are a large part of the program, and most readers open none. */
async function replay(id: string): Promise<Replay> {
  const { replayed } = await import('./replayer.ts');
  return replayed(id);
}
