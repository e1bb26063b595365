/** A real machine's page tables as one works with them: what was read, and the address that is looked at. */

import type { LinkState } from '../../src/report/link.ts';
import { Store } from '../state/store.ts';
import type { DumpSource, Inspected, ReaderApi } from '../workers/reader_api.ts';
import { type Caller, type Failure, failureOf } from '../workers/rpc.ts';
import { forgetInspection, keepInspection, keptInspection } from './kept_inspection.ts';

export interface InspectState {
  readonly inspected: Inspected | null;
  /** undefined after a reload: what was found is kept, the dump is not. */
  readonly source: DumpSource | null;
  /** How far the reading is; null when nothing is read. */
  readonly reading: string | null;
  readonly problem: Failure | null;
  readonly address: string | null;
}

export class InspectSession {
  readonly store = new Store<InspectState>({
    inspected: null,
    source: null,
    reading: null,
    problem: null,
    address: null,
  });
  readonly #reader: Caller<ReaderApi>;

  constructor(reader: Caller<ReaderApi>) {
    this.#reader = reader;
  }

  /** Only a dump that the workbench's own server has can be in a link. */
  get link(): LinkState {
    const url = this.store.state.source?.url;
    return url == null ? {} : { file: decodeURIComponent(url.replace(/^file\//, '')) };
  }

  /** What was found before the page was loaded again, if anything. */
  async restore(): Promise<void> {
    const inspected = await keptInspection();
    if (inspected !== undefined && this.store.state.inspected === null) this.store.set({ inspected });
  }

  openFile(file: File): Promise<void> {
    return this.#open({ name: file.name, blob: file, url: null });
  }

  openUrl(file: string): Promise<void> {
    return this.#open({ name: file, blob: null, url: `file/${encodeURIComponent(file)}` });
  }

  cancel(): void {
    this.#reader.stop('It was cancelled.');
  }

  close(): void {
    this.store.set({ inspected: null, source: null, problem: null, address: null });
    void forgetInspection();
  }

  lookAt(address: string): void {
    this.store.set({ address });
  }

  async #open(source: DumpSource): Promise<void> {
    this.store.set({
      inspected: null,
      source,
      reading: `opening ${source.name}`,
      problem: null,
      address: null,
    });
    try {
      const inspected = await this.#reader.call('inspect', source, (reading) => this.store.set({ reading }));
      this.store.set({ inspected, reading: null });
      void keepInspection(inspected);
    } catch (error) {
      this.store.set({ source: null, reading: null, problem: failureOf(error) });
    }
  }
}
