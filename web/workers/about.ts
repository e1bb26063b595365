/** What there is to choose from: architectures, kernels, ways to boot, and the calls that scripts can make. */

import type { Architecture } from '../../src/linux/architecture.ts';
import type { KernelCall } from '../../src/linux/call.ts';
import { presetsOf } from '../../src/linux/kernels.ts';
import { callsOf, SCRIPT_FUNCTIONS } from '../../src/scenario/script_calls.ts';
import { DEFAULT_KERNEL } from '../../src/scenario/start.ts';
import { allArchitectures, DEFAULT_ARCH } from './architectures.ts';
import type { About, ArchAbout, CallAbout } from './model_api.ts';

export async function about(): Promise<About> {
  return {
    arches: (await allArchitectures()).map(archAbout),
    functions: [
      ...Object.entries(SCRIPT_FUNCTIONS).map(([name, { min, max, summary }]) => ({
        name,
        signature: `${name}(${max === 0 ? '' : min === 1 && max === 1 ? 'page' : 'k, ...'})`,
        returns: 'script',
        summary,
      })),
      {
        name: 'expect',
        signature: 'expect(call, value)',
        returns: 'script',
        summary: 'what the call must return',
      },
      {
        name: 'cpu',
        signature: 'cpu(n, () => { ... })',
        returns: 'script',
        summary: 'the calls on another CPU',
      },
      {
        name: 'interleave',
        signature: "interleave('0*3 1', () => { ... }, () => { ... })",
        returns: 'script',
        summary: 'one function on each CPU, at once; the schedule says whose step it is',
      },
    ],
    defaultArch: DEFAULT_ARCH.name,
    defaultKernel: DEFAULT_KERNEL,
  };
}

function archAbout(arch: Architecture): ArchAbout {
  const words = (pairs: readonly (readonly [string, unknown])[]) =>
    pairs.map(([name, value]) => `${name}=${value === true ? 'y' : value === false ? 'n' : value}`).join(',');
  return {
    name: arch.name,
    kernels: presetsOf(arch).map(({ name, note }) => ({ name, note })),
    boots: arch.boots.map(({ name, boot, config = [], features = {} }) => ({
      name,
      boot,
      config: words(config),
      features: words(Object.entries(features)),
    })),
    features: Object.entries(arch.features).map(([name, { meaning }]) => ({ name, meaning })),
    calls: [...callsOf(arch).values()].map(callAbout),
    constants: Object.keys(arch.constants),
  };
}

function callAbout({ name, parameters, returns, summary }: KernelCall): CallAbout {
  const shown = parameters.map((each) => (each.default === undefined ? each.name : `[${each.name}]`));
  return { name, signature: `${name}(${shown.join(', ')})`, returns, summary };
}
