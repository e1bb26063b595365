/** Reads dumps: what is found in them as plain data, and as text. */

import { checkKnown, inspectMemory, withVmcoreinfo } from '../../src/inspect/inspect_memory.ts';
import { type Inspection, inspectText } from '../../src/inspect/inspection.ts';
import type { Hints } from '../../src/inspect/located.ts';
import { parsePtdump } from '../../src/inspect/ptdump/ptdump.ts';
import { snapshot } from '../../src/inspect/snapshot/snapshot.ts';
import type { OnProgress } from '../../src/memory/find_vmcoreinfo.ts';
import { inspectText as inspectionText } from '../../src/report/inspect_text.ts';
import { openContent } from '../reader/open_dump.ts';
import type { DumpSource, Inspected, ReaderApi } from './reader_api.ts';
import type { Report } from './rpc.ts';

/** Between two reports, in milliseconds. */
const REPORT_EVERY = 100;
export const readerApi: ReaderApi = { inspect };

async function inspect(source: DumpSource, report: Report): Promise<Inspected> {
  const { name } = source;
  const now = throttled(report);
  const onProgress: OnProgress = (done, total, what) =>
    now(() => `${what}: ${total > 0 ? `${Math.floor((100 * done) / total)} %` : done}`);
  const { memory: read, text } = await openContent(source, onProgress);
  if (read === undefined) {
    const inspection = inspectText(parsePtdump(text ?? '', name), name);
    return { ...found(inspection), noRun: 'The text of ptdump has ranges, and no tables to run on.' };
  }
  const hints: Hints = {};
  const memory = withVmcoreinfo(read, hints, { onProgress });
  checkKnown(memory, name, hints);
  const onTables = (tables: number) => now(() => `${tables} page tables read`);
  return { ...found(inspectMemory(memory, name, hints, onTables).inspection), noRun: null };
}

function found(inspection: Inspection): Pick<Inspected, 'snapshot' | 'text'> {
  return { snapshot: snapshot(inspection), text: inspectionText(inspection) };
}

function throttled(report: Report): (text: () => string) => void {
  let last = 0;
  return (text) => {
    const now = performance.now();
    if (now - last < REPORT_EVERY) return;
    last = now;
    report(text());
  };
}
