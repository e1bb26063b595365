/** What the page asks of the worker that runs scenarios. */

import type { MapSnapshot, ReportSnapshot } from '../../src/inspect/snapshot/report_snapshot.ts';
import type { Walk } from '../../src/report/html/viewer/page_tables.ts';
import type { ChoiceWords } from '../../src/scenario/choices.ts';
import type { Moment } from '../../src/scenario/moments.ts';
import type { Observation } from '../../src/scenario/observers.ts';
import type { Outcome } from '../../src/scenario/outcome.ts';
import type { DumpSource } from './reader_api.ts';
import type { Failure } from './rpc.ts';

export interface ModelApi {
  /** What there is to choose from. */
  about(argument: null): Promise<About>;
  /** What is wrong with a script, if anything. */
  problemOf(argument: Script): Promise<Failure | null>;
  run(argument: RunRequest): Promise<RunAnswer>;
  look(argument: LookRequest): Look;
  /** The last run as the command line prints it. */
  account(argument: null): Promise<string>;
  /** What a replay id stands for. */
  replay(id: string): Promise<Replay>;
}

export interface Script {
  readonly text: string;
  /** For errors. */
  readonly name: string;
}

export interface About {
  readonly arches: readonly ArchAbout[];
  /** Functions of the script language itself. */
  readonly functions: readonly CallAbout[];
  readonly defaultArch: string;
  readonly defaultKernel: string;
}

export interface ArchAbout {
  readonly name: string;
  readonly kernels: readonly { readonly name: string; readonly note: string }[];
  readonly boots: readonly {
    readonly name: string;
    readonly boot: string;
    readonly config: string;
    readonly features: string;
  }[];
  readonly features: readonly { readonly name: string; readonly meaning: string }[];
  readonly calls: readonly CallAbout[];
  readonly constants: readonly string[];
}

export interface CallAbout {
  readonly name: string;
  /** "set_memory_np(addr, numpages)". */
  readonly signature: string;
  /** "int", "void", ... */
  readonly returns: string;
  readonly summary: string;
}

/** What is said over the script's header. Empty text says nothing. */
export interface Overrides {
  readonly arch: string;
  readonly kernel: string;
  readonly boot: string;
  readonly config: string;
  readonly features: string;
  readonly ram: string;
  readonly cpus: string;
}

export interface RunRequest {
  readonly script: Script;
  readonly overrides: Overrides;
  readonly choices: ChoiceWords;
  /** A dump to start on: a file of the reader's, or one that the server has. */
  readonly dump: DumpSource | null;
}

export interface RunAnswer {
  readonly outcome: Outcome;
  readonly moments: readonly Moment[];
  /** Whether more happened than the moments tell. */
  readonly isCut: boolean;
}

export interface LookRequest {
  /** Moments that have happened. */
  readonly moment: number;
  /** Of 64 bits, in hexadecimal with "0x"; null if none is looked at. */
  readonly address: string | null;
}

export interface Places {
  readonly address: string;
  /** In base pages. */
  readonly pages: number;
}

/** The machine at a moment. */
export interface Look {
  readonly moment: number;
  readonly map: Pick<ReportSnapshot, 'attributes' | 'pageBytes' | 'usualMemoryType'> & {
    readonly map: MapSnapshot | null;
  };
  /** What the call of the moment has changed so far. */
  readonly changed: readonly Places[];
  /** What some CPU's TLB has, and the tables have no longer. */
  readonly stale: readonly Places[];
  readonly owners: readonly (Places & { readonly text: string })[];
  readonly page: PageLook | null;
}

/** The page of the address that is looked at. */
export interface PageLook {
  readonly address: string;
  readonly region: string;
  readonly walk: Walk;
  /** When the call of the moment began. */
  readonly before: Walk;
  readonly observations: readonly Observation[];
}

export interface Replay {
  readonly scenario: string;
  readonly claim: string;
  readonly kernel: string;
  readonly verdict: 'refuted' | 'holds';
  /** As `directmap replay` prints it. */
  readonly text: string;
}
