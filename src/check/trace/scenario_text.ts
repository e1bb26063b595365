/** A trace as a scenario that `directmap run` takes, with what each call returned as what is expected. */

import { DEFAULT_ARCH } from '../../linux/arch/index.ts';
import type { Architecture } from '../../linux/architecture.ts';
import { errnoText } from '../../linux/errno.ts';
import { levelSizeName } from '../../mmu/describe.ts';
import type { Action, Choice, Claim, Done, PatternCall } from '../claim.ts';
import { argumentsOf, callNamed, expandPattern } from '../machine/actions.ts';
import {
  bootTextFor,
  type CheckedMachine,
  FULL_RAM,
  featuresFor,
  HARDWARE_BITS,
  pageSizeOf,
  smallRam,
} from '../machine/machine.ts';
import type { Replayed } from './replay.ts';
import type { TraceStart } from './trace_id.ts';

const COMMENT_COLUMNS = 72;
/** Refusals that are listed one by one; more, if they are all, are "every". */
const MAX_LISTED = 12;

export interface ScenarioText {
  claim: Claim;
  machine: CheckedMachine;
  start: TraceStart;
  choices: readonly Choice[];
  /** The trace run: what the calls returned. */
  replayed: Replayed;
}

export function scenarioText(parts: ScenarioText): string {
  const writer = new Writer(parts);
  return writer.text();
}

class Writer {
  readonly #parts: ScenarioText;
  readonly #machine: CheckedMachine;
  #kept = 0;
  readonly #names = new Map<string, string>();

  constructor(parts: ScenarioText) {
    this.#parts = parts;
    this.#machine = parts.machine;
  }

  get #arch(): Architecture {
    return this.#machine.kernel.version.arch;
  }

  text(): string {
    const { machine } = this.#parts;
    const body = machine.world.interleaved === true ? this.#interleaved() : this.#sequential();
    return `${[...this.#comments(), this.#header(), '', ...this.#page(), ...this.#first(), ...body].join('\n')}\n`;
  }

  #comments(): string[] {
    const { claim, replayed } = this.#parts;
    const { who, when, where } = claim.source;
    const lines = [`${claim.sentence}`, `${who}, ${when}: ${where}`];
    if (replayed.finding !== undefined) lines.push(`Refuted: ${replayed.finding.text}.`);
    return lines.flatMap((line) => wrapped(line)).map((line) => `// ${line}`);
  }

  #header(): string {
    const { world, bits, cpus } = this.#machine;
    const { start } = this.#parts;
    const small = bits < HARDWARE_BITS;
    const fields = [`kernel: '${start.kernel}'`];
    const { arch } = this.#machine.kernel.version;
    if (arch !== DEFAULT_ARCH) fields.unshift(`arch: '${arch.name}'`);
    const usual = arch.machine({ ram: FULL_RAM[world.leaf], where: arch.name }).page_size;
    if (pageSizeOf(arch) !== usual) fields.push(`page_size: ${pageSizeOf(arch)}`);
    if (small) {
      const ranges = smallRam(world, bits, arch).map(
        (range) => `['0x${range.start.toString(16)}', '0x${(range.end - 1).toString(16)}']`,
      );
      fields.push(`geometry: ${bits}`, `ram: [${ranges.join(', ')}]`);
    } else fields.push(`ram: '${FULL_RAM[world.leaf] / 2 ** 20}M'`);
    if (cpus > 1) fields.push(`cpus: ${cpus}`);
    const features = Object.entries({ ...featuresFor(world, bits, arch), ...start.features }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    if (features.length > 0) fields.push(`features: { ${features.join(', ')} }`);
    const config = { ...world.config, ...Object.fromEntries(start.config ?? []) };
    if (Object.keys(config).length > 0) {
      fields.push(
        `config: { ${Object.entries(config)
          .map(([name, value]) => `${name}: '${value}'`)
          .join(', ')} }`,
      );
    }
    const boot = bootTextFor(world, start.boot, bits, arch);
    if (boot !== '') fields.push(`boot: '${boot}'`);
    return `({ ${fields.join(', ')} });`;
  }

  /** How the explored pages are come by. */
  #page(): string[] {
    const { world, passedOver, leafLevel, kernel, isTaken } = this.#machine;
    if (!isTaken) {
      const size = levelSizeName(kernel.format, leafLevel);
      return [`const page = 0x${this.#machine.pfnOf(0).toString(16)}; // in a ${size} leaf`];
    }
    const order = Math.log2(this.#machine.offsetOf(this.#machine.pageCount));
    const taken = passedOver === 0 ? [] : [this.#takeOver(passedOver, order)];
    return world.pagesFree === true ? taken : [...taken, this.#takePages(order)];
  }

  /** What an allocator has to give before the explored pages. */
  #takeOver(blocks: number, order: number): string {
    const why = '// free, but of the kernel image';
    return blocks === 1
      ? `alloc_pages(${order}); ${why}`
      : `for (let i = 0; i < ${blocks}; i++) alloc_pages(${order}); ${why}`;
  }

  #takePages(order: number): string {
    const { bits, leafLevel, kernel } = this.#machine;
    const size = levelSizeName(kernel.format, leafLevel);
    const what = leafLevel === 1 ? `${size} entries` : `one ${size} leaf`;
    const small = bits < HARDWARE_BITS ? ', in a small geometry' : '';
    return `const page = alloc_pages(${order}); // ${2 ** order} pages, ${what}${small}`;
  }

  /** Calls made before the exploration began. */
  #first(): string[] {
    const { world, pageCount } = this.#machine;
    return (world.first ?? [])
      .flatMap((pattern) => expandPattern(this.#arch, pattern, 1, pageCount))
      .flatMap((action) => this.#action(action, undefined));
  }

  // ---- calls one after the other

  #sequential(): string[] {
    const { choices, replayed } = this.#parts;
    return choices.flatMap(({ cpu, action, refused }, i) => {
      const done = replayed.done[i];
      if (action === undefined || done === undefined) return [];
      const lines = this.#action(action, done);
      const everyOne = refused.length > MAX_LISTED && refused.length === done.allocations;
      const all = everyOne
        ? ['fail_every_alloc();', ...lines, 'allow_alloc();']
        : [...refusing(refused), ...lines];
      // What CPU 0 keeps, others may need: its calls stand by themselves.
      return cpu === 0 ? all : [`cpu(${cpu}, () => {`, ...all.map((line) => `  ${line}`), '});'];
    });
  }

  /** The calls that returned, and the one in which the machine died. */
  #action(action: Action, done: Pick<Done, 'returned' | 'died'> | undefined): string[] {
    const { returned, died } = done ?? { returned: [], died: undefined };
    const made = died === undefined ? action.calls : action.calls.slice(0, returned.length + 1);
    return made.map((call, i) => {
      if (i < returned.length) return this.#call(call, action, { returned: returned[i] });
      const text = this.#call(call, action, undefined);
      return died === undefined ? text : `expect(${text.slice(0, -1)}, OOPS);`;
    });
  }

  #call(
    call: PatternCall,
    { first, pages }: Action,
    ended: { returned: number | undefined } | undefined,
  ): string {
    const text = `${call.name}(${this.#arguments(call, first, pages).join(', ')})`;
    const returned = ended?.returned;
    if (call.keep !== undefined && returned !== undefined) {
      this.#kept++;
      const name = `${call.keep}${this.#kept}`;
      this.#names.set(call.keep, name);
      return `const ${name} = ${text};`;
    }
    const { returns } = callNamed(this.#arch, call.name);
    const isNumber = returns === 'int' || returns === 'bool';
    return returned === undefined || !isNumber ? `${text};` : `expect(${text}, ${errnoText(returned)});`;
  }

  #arguments(call: PatternCall, first: number, pages: number): string[] {
    const machine = this.#machine;
    const offset = machine.offsetOf(first);
    const page = offset === 0 ? 'page' : `page + ${offset}`;
    return argumentsOf(this.#arch, call, {
      page: () => page,
      address: () => `page_address(${page})`,
      count: () => String(pages === 0 ? machine.pageCount : machine.countOf(first, pages)),
      kept: (name) => this.#names.get(name) ?? name,
      number: (value) => String(value),
    });
  }

  // ---- CPUs that take turns

  #interleaved(): string[] {
    const { choices } = this.#parts;
    const cpus = [...new Set(choices.map(({ cpu }) => cpu))].sort((a, b) => a - b);
    const count = Math.max(2, (cpus.at(-1) ?? 0) + 1);
    const bodies = Array.from({ length: count }, (_, cpu) => this.#body(cpu));
    const schedule = `'${this.#schedule()}'`;
    const all = [schedule, ...bodies].map((line) =>
      line
        .split('\n')
        .map((each) => `  ${each}`)
        .join('\n'),
    );
    return [...this.#refusals(), 'interleave(', `${all.join(',\n')},`, ');'];
  }

  #body(cpu: number): string {
    const { choices, replayed } = this.#parts;
    const done = replayed.done.filter((each) => each.cpu === cpu);
    const actions = choices.flatMap((choice) =>
      choice.cpu === cpu && choice.action !== undefined ? [choice.action] : [],
    );
    const stuck = replayed.stuck.find((each) => each.cpu === cpu);
    const calls = actions.flatMap((action, i) => this.#action(action, done[i] ?? stuck));
    return calls.length === 0 ? '() => {}' : `() => {\n${calls.map((line) => `  ${line}`).join('\n')}\n}`;
  }

  /** Steps by CPU. A body goes from one action to the next within a step, so that a later beginning is none. */
  #schedule(): string {
    const begun = new Set<number>();
    const runs: { cpu: number; steps: number }[] = [];
    for (const { cpu, action } of this.#parts.choices) {
      const isStep = action === undefined || !begun.has(cpu);
      begun.add(cpu);
      if (!isStep) continue;
      const run = runs.at(-1);
      if (run?.cpu === cpu) run.steps++;
      else runs.push({ cpu, steps: 1 });
    }
    return runs.map(({ cpu, steps }) => (steps === 1 ? String(cpu) : `${cpu}*${steps}`)).join(' ');
  }

  /** The refusals, by number of the allocation in all that follows. */
  #refusals(): string[] {
    return refusing(this.#parts.replayed.refused);
  }
}

/** The next allocations to refuse, by number. */
function refusing(numbers: readonly number[]): string[] {
  return numbers.length === 0 ? [] : [`fail_alloc(${numbers.join(', ')});`];
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > COMMENT_COLUMNS) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line];
}
