/** Every architecture on every kernel that it has. */

import { ARCHITECTURES } from '../../src/linux/arch/index.ts';
import { presetsOf } from '../../src/linux/kernels.ts';
import { contract } from './contract.ts';
import { SKIPS } from './skips.ts';

for (const arch of ARCHITECTURES) {
  const kernels = presetsOf(arch).map(({ name }) => name);
  contract(arch, kernels, SKIPS[arch.name] ?? []);
}
