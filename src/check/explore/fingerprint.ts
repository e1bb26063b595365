/**
 * What tells two states of a machine apart, as 64 bits: the mapping, who owns which pages, what TLBs hold. Counters
 * and what has been printed once do not count: nothing that matters depends on them.
 */

import type { Lock } from '../../linux/kernel/locking/lock.ts';
import { scramble } from '../../memory/scramble.ts';
import type { PageState } from '../claim.ts';
import type { CheckedMachine } from '../machine/machine.ts';

/** Two 32-bit halves, summed up from parts in any order. */
export interface Fingerprint {
  low: number;
  high: number;
}

export class Fingerprinter {
  readonly #machine: CheckedMachine;
  /** Content of the small parts at first, and where their journals stood. */
  readonly #start: readonly { mark: number; text: string }[];
  readonly #pageHashes = new Map<PageState, Fingerprint>();

  constructor(machine: CheckedMachine) {
    this.#machine = machine;
    this.#start = machine.kernel.hiddenState.map((part) => ({ mark: part.mark(), text: part.text() }));
  }

  /** Of the machine as it is, into `out`. */
  take(out: Fingerprint): void {
    const { kernel, world } = this.#machine;
    if (world.pagesAlike && kernel.pagesAlike) this.#addPages(out);
    else {
      out.low = kernel.memory.hashLow;
      out.high = kernel.memory.hashHigh;
    }
    for (const lock of kernel.locks) if (isHeld(lock)) addText(out, JSON.stringify(lock));
    for (let cpu = 0; cpu < kernel.machine.cpus; cpu++) {
      if (kernel.irqs_disabled[cpu] !== 0) addText(out, `irqs ${cpu}`);
      if (kernel.preempt_count[cpu] !== 0) addText(out, `preempt ${cpu} ${kernel.preempt_count[cpu]}`);
    }
    if (kernel.system_state !== 'RUNNING') addText(out, kernel.system_state);
    this.#addParts(out);
    for (const { cpu, page, translation } of kernel.tlb?.held() ?? []) {
      addText(out, `${cpu} ${page} ${translation.level} ${translation.low} ${translation.high}`);
    }
  }

  /** A sum over the pages, which is the same however they change places. */
  #addPages(out: Fingerprint): void {
    out.low = 0;
    out.high = 0;
    for (const page of this.#machine.pages) {
      let hash = this.#pageHashes.get(page);
      if (hash === undefined) {
        hash = { low: 0, high: 0 };
        addText(hash, `${page.level} ${page.flags} ${page.frameOffset}`);
        this.#pageHashes.set(page, hash);
      }
      out.low = (out.low + hash.low) | 0;
      out.high = (out.high + hash.high) | 0;
    }
  }

  #addParts(out: Fingerprint): void {
    this.#machine.kernel.hiddenState.forEach((part, i) => {
      const start = this.#start[i]!;
      if (part.mark() === start.mark) return;
      const text = part.text();
      if (text !== start.text) addText(out, `${part.name} ${text}`);
    });
  }
}

function isHeld(lock: Lock): boolean {
  return 'owner' in lock ? lock.owner !== -1 : lock.readers !== 0 || lock.writer !== -1;
}

/** Mix a text in: FNV-1a into both halves, with different bases. */
function addText(out: Fingerprint, text: string): void {
  let a = 0x811c9dc5;
  let b = 0x01000193;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x5bd1e995);
  }
  out.low = (out.low + scramble(a ^ (b >>> 7))) | 0;
  out.high = (out.high + scramble(b ^ (a << 9))) | 0;
}
