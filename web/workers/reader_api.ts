/** What the page asks of the worker that reads dumps. */

import type { ReportSnapshot } from '../../src/inspect/snapshot/report_snapshot.ts';
import type { Report } from './rpc.ts';

export interface ReaderApi {
  inspect(source: DumpSource, report: Report): Promise<Inspected>;
}

/** A file of the reader's, or one that the workbench's own server has. */
export interface DumpSource {
  readonly name: string;
  readonly blob: Blob | null;
  readonly url: string | null;
}

export interface Inspected {
  readonly snapshot: ReportSnapshot;
  /** As `directmap inspect` prints it. */
  readonly text: string;
  /** Why no scenario can start on it, if none can. */
  readonly noRun: string | null;
}
