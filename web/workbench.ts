/** The workbench as a whole: its parts, which of them fills the page, and the link that says all of it. */

import { decodeLink, encodeLink, type LinkState, type View } from '../src/report/link.ts';
import { CheckSession } from './check/session.ts';
import { InspectSession } from './inspect/session.ts';
import { ScenarioSession } from './scenario/session.ts';
import { Store } from './state/store.ts';
import type { CheckApi } from './workers/check_api.ts';
import type { ModelApi } from './workers/model_api.ts';
import type { ReaderApi } from './workers/reader_api.ts';
import { Caller, failureOf } from './workers/rpc.ts';

export interface PageState {
  readonly view: View;
  /** What is wrong with the link that the page was opened with. */
  readonly problem: string | null;
}

const LAST_LINK = 'directmap: where I was';
const SAVE_AFTER = 200;

export class Workbench {
  readonly page = new Store<PageState>({ view: 'scenario', problem: null });
  readonly scenario = new ScenarioSession(
    new Caller<ModelApi>(
      () => new Worker(new URL('./workers/model_worker.ts', import.meta.url), { type: 'module' }),
    ),
  );
  readonly check = new CheckSession(
    () =>
      new Caller<CheckApi>(
        () => new Worker(new URL('./workers/check_worker.ts', import.meta.url), { type: 'module' }),
      ),
  );
  readonly inspect = new InspectSession(
    new Caller<ReaderApi>(
      () => new Worker(new URL('./workers/reader_worker.ts', import.meta.url), { type: 'module' }),
    ),
  );
  /** The fragment that this page has put into its address. */
  #written = '';
  #saving: ReturnType<typeof setTimeout> | undefined;
  #isLoaded = false;

  /** Shows what the address of the page says, or else where the reader was, or else the first scenario. */
  async start(): Promise<void> {
    const last = storage()?.getItem(LAST_LINK) ?? '';
    const fragment = location.hash.length > 1 ? location.hash : last;
    window.addEventListener('hashchange', () => void this.#follow());
    for (const store of [this.page, this.scenario.store, this.check.store, this.inspect.store]) {
      store.subscribe(() => this.#save());
    }
    await this.#load(fragment);
  }

  show(view: View): void {
    this.page.set({ view });
  }

  /** All that can be shared, as a link says it. */
  get link(): LinkState {
    const { view } = this.page.state;
    return { view, ...this.scenario.link, ...this.check.link, ...this.inspect.link };
  }

  async #load(fragment: string): Promise<void> {
    let link: LinkState = {};
    try {
      link = await decodeLink(fragment);
    } catch (error) {
      this.page.set({ problem: failureOf(error).text });
    }
    const isFirstVisit = fragment === '';
    this.page.set({ view: link.view ?? 'scenario' });
    this.check.load(link);
    if (link.file !== undefined) void this.inspect.openUrl(link.file);
    else void this.inspect.restore();
    try {
      await this.scenario.load(link, isFirstVisit);
    } catch (error) {
      this.page.set({ problem: failureOf(error).text });
      await this.scenario.load({}, false);
    }
    this.#isLoaded = true;
    this.#save();
  }

  /** Somebody has changed the address by hand, or gone back. */
  async #follow(): Promise<void> {
    if (location.hash.slice(1) === this.#written) return;
    this.page.set({ problem: null });
    await this.#load(location.hash);
  }

  /** Writes the link into the address of the page, so that a reload or a copy has it. */
  #save(): void {
    if (!this.#isLoaded || this.#saving !== undefined) return;
    this.#saving = setTimeout(async () => {
      this.#saving = undefined;
      // A script that is too long for a link is kept as long as the page is.
      const fragment = await encodeLink(this.link).catch(() => this.#written);
      if (fragment === this.#written) return;
      this.#written = fragment;
      history.replaceState(null, '', `#${fragment}`);
      storage()?.setItem(LAST_LINK, fragment);
    }, SAVE_AFTER);
  }
}

/** Not there where the browser keeps nothing. */
function storage(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}
