// SPDX-License-Identifier: GPL-2.0-only
/** The helper that drives a real KVM's local APICs (src/native/c/kvm-lapic.c): built on the spot, run in batches. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sourcesDir } from './build.js';
import { NativeError } from './native-error.js';
import { scratchDir } from './scratch.js';

/** The helper, ready to run; `close` removes what was built. */
export interface KvmHelper {
  /** One line of answer for each line of request, of one process: what it makes ends with it. */
  ask(lines: readonly string[]): string[];
  close(): void;
}

const OUTPUT_MAX = 1 << 29;

/** Builds it. Throws NativeError: no /dev/kvm that may be used, no compiler, or a compiler that fails. */
export function openKvmHelper(): KvmHelper {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch {
    throw new NativeError('no-kvm', 'no /dev/kvm that may be read and written');
  }
  const dir = scratchDir();
  const program = join(dir, 'kvm-lapic');
  const close = (): void => rmSync(dir, { recursive: true, force: true });
  const built = spawnSync('gcc', ['-O2', '-o', program, join(sourcesDir(), 'kvm-lapic.c')], { encoding: 'utf8' });
  if (built.status !== 0) {
    close();
    if (built.error !== undefined)
      throw new NativeError('no-compiler', 'no gcc on PATH: apt-get install gcc libc6-dev');
    throw new NativeError('compile', 'src/native/c/kvm-lapic.c does not compile', built.stderr.split('\n'));
  }
  return {
    ask(lines) {
      const run = spawnSync(program, { input: `${lines.join('\n')}\n`, encoding: 'utf8', maxBuffer: OUTPUT_MAX });
      const answers = run.stdout.split('\n').slice(0, -1);
      if (run.status !== 0 || answers.length !== lines.length) {
        const said = run.stderr.trim() || `${answers.length} answers to ${lines.length} requests`;
        throw new NativeError(answers.length === 0 ? 'no-kvm' : 'died', `KVM does not do what is needed: ${said}`);
      }
      return answers;
    },
    close,
  };
}
