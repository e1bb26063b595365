/** The report of directmap inspect --html. */

import { readFileSync } from 'node:fs';
import type { Inspection } from '../inspect/inspection.ts';
import { snapshot } from '../inspect/snapshot/snapshot.ts';
import { htmlReport } from '../report/html/html_report.ts';
import { joinViewer } from '../report/html/viewer_script.ts';
import { writeOutput } from './output.ts';

/** Compiled, as all that runs here. */
const VIEWER = new URL('../report/html/viewer/', import.meta.url);

/** @throws InputError where the file cannot be written. */
export async function writeHtml(inspection: Inspection, path: string): Promise<void> {
  const script = joinViewer((file) => readFileSync(new URL(`${file}.js`, VIEWER), 'utf8'));
  writeOutput(await htmlReport(snapshot(inspection), script), path, '--html');
}
